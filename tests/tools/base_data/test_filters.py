import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cspon.errors import InputError
from cspon.schemas.spatial import LayerSpec
from tools.base_data.filters import Filter, matches, parse_filter

SPEC = LayerSpec(
    role="land_use",
    name="DLTB",
    title="图斑",
    path="a.gpkg",
    epsg=4547,
    date="2025-12-31",
    source="t",
)
VALUES = ["0101", " 0103", "", None, "1001"]
FIDS = np.arange(1, 6)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("DLBM eq 0101", [1]),
        ("DLBM ne 0101", [2, 3, 4, 5]),
        ("DLBM in 0101,1001", [1, 5]),
        ("DLBM not_in 0101,1001", [2, 3, 4]),
        ("DLBM starts_with 01", [1, 2]),
        ("DLBM contains 00", [5]),
        ("DLBM empty", [3, 4]),
        ("DLBM filled", [1, 2, 5]),
    ],
)
def test_texts(text, wanted):
    assert (np.flatnonzero(matches(parse_filter(text), VALUES, SPEC, FIDS)) + 1).tolist() == wanted


def test_numbers_are_compared_and_a_word_among_them_is_named():
    numbers = [1.5, 2, None, float("nan"), 3]
    assert matches(parse_filter("MJ ge 2"), numbers, SPEC, FIDS).tolist() == [0, 1, 0, 0, 1]
    assert matches(parse_filter("MJ eq 2"), numbers, SPEC, FIDS).tolist() == [0, 1, 0, 0, 0]
    with pytest.raises(InputError, match="要素 2 的 MJ 为“大”") as wrong:
        matches(parse_filter("MJ lt 9"), [1, "大"], SPEC, FIDS[:2])
    assert (wrong.value.layer, wrong.value.field) == ("DLTB", "MJ")


@pytest.mark.parametrize(
    "text",
    ["", "DLBM", "DLBM like 01", "MJ ge", "MJ ge much", "DLBM empty 1", "MJ eq 1,2", "MJ gt nan"],
)
def test_what_cannot_be_read_is_refused_with_an_example(text):
    with pytest.raises(InputError, match="DLBM starts_with 01"):
        parse_filter(text)


def test_a_filter_of_a_caller_is_checked_alike():
    with pytest.raises(ValidationError):
        Filter(field="MJ", operator="ge", values=("x",))


@given(
    st.lists(st.one_of(st.none(), st.text(max_size=4)), max_size=8), st.text(min_size=1, max_size=2)
)
def test_a_condition_and_its_contrary_share_all_features(values, word):
    fids = np.arange(len(values))
    for one, other in (("in", "not_in"), ("eq", "ne")):
        a = matches(Filter(field="F", operator=one, values=(word,)), values, SPEC, fids)
        b = matches(Filter(field="F", operator=other, values=(word,)), values, SPEC, fids)
        assert (a ^ b).all()
