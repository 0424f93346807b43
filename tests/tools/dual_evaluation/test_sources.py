"""Secondary sources: known, honest about what they are, and said in words."""

import pytest

from tools.dual_evaluation.scheme import load_scheme, methods_of, scheme_names
from tools.dual_evaluation.scheme_tables import (
    formula_table,
    parameter_table,
    publication_table,
)
from tools.dual_evaluation.sources import (
    Secondary,
    corroboration,
    formula_sources,
    publications,
)


def entries():
    for name in scheme_names():
        scheme = load_scheme(name)
        yield from ((f"{name}.{key}", q) for key, q in scheme.parameters.items())
        for evaluation in scheme.evaluations:
            yield from ((f"{name}.{evaluation.id}.{s.id}", s) for s in evaluation.steps)
    yield from ((f.title, f) for f in formula_sources())


def test_every_secondary_source_is_a_known_publication_named_once_for_a_figure():
    found = [*entries()]
    assert len(found) > 100
    for name, entry in found:
        named = [s.by for s in entry.secondary]
        assert len(named) == len(set(named)), name
        assert set(named) <= set(publications()), name
        assert all(s.note for s in entry.secondary if s.says in ("部分一致", "不同")), name


def test_nothing_is_verified_whose_official_text_was_not_read():
    assert not [name for name, entry in entries() if entry.verified]
    assert not any(load_scheme(name).verified for name in scheme_names())


def test_every_publication_is_used():
    used = {s.by for _, entry in entries() for s in entry.secondary}
    assert used == set(publications())


def test_a_figure_taken_from_a_publication_is_not_corroborated_by_it():
    own = (Secondary(by="cug_spj", says="出处"),)
    assert corroboration(own) == "取自双评价公开代码 spj；未查到其他二手来源"
    both = (*own, Secondary(by="slope_classes", says="一致"))
    assert corroboration(both).endswith("二手来源 1 处一致（耕地坡度分级说明）")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ((), "未查到二手来源"),
        ((("erosion_exam", "一致", ""), ("erosion_web", "一致", "")), "二手来源 2 处一致"),
        ((("cug_spj", "不同", "取 9 毫米"),), "1 处不同（双评价公开代码 spj：取 9 毫米）"),
    ],
)
def test_corroboration_in_words(said, words):
    secondary = tuple(Secondary(by=by, says=says, note=note) for by, says, note in said)
    assert words in corroboration(secondary)


def test_an_own_figure_has_no_secondary_sources():
    scheme = load_scheme("2019", {"urban.slope.breaks": [2, 6, 12, 20]})
    assert scheme.evaluation("urban").step("slope").secondary == ()
    published = load_scheme("2019").evaluation("urban").step("slope")
    assert {s.by: s.says for s in published.secondary} == {
        "cug_spj": "出处",
        "guangdong_front": "一致",
    }


def test_other_methods_are_listed_and_load():
    assert methods_of("2020") == {"ecology.sand_fixation": ("rweq",)}
    for name in scheme_names():
        for path, methods in methods_of(name).items():
            evaluation, step = path.split(".")
            for method in methods:
                scheme = load_scheme(name, methods={path: method})
                changed = scheme.evaluation(evaluation).step(step)
                assert changed != load_scheme(name).evaluation(evaluation).step(step)


def test_tables_of_a_scheme_say_figure_source_and_corroboration():
    scheme = load_scheme("2020")
    rows = {row["title"]: row for row in parameter_table(scheme).rows}
    assert rows["侵蚀性日雨量下限"]["value"] == "12 mm"
    assert "取大于 9 毫米" in rows["侵蚀性日雨量下限"]["secondary"]
    assert "须改为本地定额" in rows["农田综合灌溉定额"]["source"]
    titles = [row["title"] for row in formula_table().rows]
    assert "风蚀方程 RWEQ" in titles and len(titles) == len(set(titles))
    read = {row["title"] for row in publication_table(scheme).rows}
    assert "《中华人民共和国水土保持法》" in read and "发震断裂避让距离条目" not in read
