import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cspon.errors import InputError
from tools.indicators.load import indicators
from tools.library.units import parse_unit
from tools.risk_assessment.book import FILE, Evidence, load_risks

NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)


@given(
    st.lists(NUMBERS, min_size=4, max_size=4, unique=True),
    st.sampled_from(["higher", "lower"]),
    NUMBERS,
    NUMBERS,
)
def test_a_worse_value_never_has_a_better_grade(limits, worse, a, b):
    limits = sorted(limits, reverse=worse == "lower")
    evidence = Evidence(indicator="x", worse=worse, limits=tuple(limits), source="s")
    better, graver = (min(a, b), max(a, b)) if worse == "higher" else (max(a, b), min(a, b))
    assert evidence.grade(better) <= evidence.grade(graver)
    assert [evidence.grade(limit) for limit in limits] == [0, 1, 2, 3]


def test_what_ships_names_indicators_that_are_there_and_is_not_passed_off_as_official():
    book = load_risks()
    known = indicators()
    named = {e.indicator for kind in book.kinds for e in kind.evidence}
    assert named <= set(known)
    assert not book.verified and book.to_confirm
    assert {k.id for k in book.kinds} == {
        "food", "ecology", "water", "energy", "disaster", "climate", "shrinkage",
    }  # fmt: skip
    for kind in book.kinds:
        for e in kind.evidence:
            assert not e.towns or "town" in known[e.indicator].said.scopes, e.indicator
            assert parse_unit(known[e.indicator].said.unit)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda b: b["kinds"][0]["evidence"][0].update(limits=[1, 2, 3, 4]), "由大到小"),
        (lambda b: b["kinds"][0]["evidence"][0].update(limits=[3, 2, 1]), "须有 4 个"),
        (lambda b: b.update(respond_from="极高"), "不是等级"),
        (lambda b: b["grades"].append({"name": "低", "colour": "#ffffff"}), "同名"),
        (lambda b: b["kinds"][0]["evidence"][1].update(towns=True), "of: value"),
        (lambda b: b["kinds"][0].update(evidence=[]), "evidence"),
    ],
)
def test_a_wrong_file_is_told_with_its_place(tmp_path, change, words):
    book = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    change(book)
    own = tmp_path / "own.yaml"
    own.write_text(yaml.safe_dump(book, allow_unicode=True), encoding="utf-8")
    with pytest.raises(InputError) as error:
        load_risks(own)
    assert "own.yaml" in str(error.value)
    assert words in str(error.value)
