import pytest
from hypothesis import given
from hypothesis import strategies as st

from cspon.schemas.knowledge import Passage
from knowledge_base.labels import Label, find_clause, label_of, labels_in, part_of, read_label
from knowledge_base.numerals import article_label

CLAUSES = st.lists(st.integers(1, 30), min_size=1, max_size=4).map(lambda n: ".".join(map(str, n)))
ITEMS = st.sampled_from(["", "(1)", "(2)", "(12)", "(1)①", "(2)②", "①", "(a)"])
PLACES = st.sampled_from(["", "附件1", "附件2", "附录A", "附件"])
ARTICLES = st.integers(1, 300).map(lambda n: article_label(str(n)))
LABELS = st.tuples(PLACES, st.one_of(ARTICLES, st.tuples(CLAUSES, ITEMS).map("".join)))


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("5.6.2", Label(clause="5.6.2")),
        ("第5.6.2条", Label(clause="5.6.2")),
        ("第 ５.６.２ 条", Label(clause="5.6.2")),
        ("7", Label(clause="7")),
        ("5.6.2.2(1)②", Label(clause="5.6.2.2", items=("(1)", "②"))),
        ("5.6.2.2（1）②", Label(clause="5.6.2.2", items=("(1)", "②"))),
        ("5.6.2第（一）项", Label(clause="5.6.2", items=("(1)",))),
        ("3.2 a)", Label(clause="3.2", items=("(a)",))),
        ("附件1第一条", Label("附件1", "1")),
        ("附件一 第1条第二款", Label("附件1", "1")),
        ("附件1-2第三条之一", Label("附件1-2", "3-1")),
        ("附件1 5.1", Label("附件1", clause="5.1")),
        ("附录B.2", Label(clause="B.2")),
        ("附录B 的 B.2", Label(clause="B.2")),
        ("B.2", Label(clause="B.2")),
        ("第三十五条", Label(article="35")),
        ("表B.7", None),
        ("图3.1", None),
        ("附件1.2", None),
        ("第二章", None),
        ("全文", None),
        ("", None),
    ],
)
def test_read_label(text, label):
    assert read_label(text) == label


@given(st.text(max_size=30))
def test_any_text_is_read(text):
    read_label(text)
    list(labels_in(text))


def passage(article: str | None, place: str = "", n: int = 0, text: str = "文字") -> Passage:
    path = (f"{place} 某某规定",) if place else ()
    return Passage(
        id=f"a#{n}",
        document_id="a",
        title="甲",
        article=article,
        heading_path=path,
        text=text,
        ordinal=n,
    )


@given(LABELS, st.lists(LABELS, max_size=12))
def test_a_label_finds_only_its_own_or_its_prefix(wanted, others):
    place, own = wanted
    label = read_label(f"{place}的{own}" if place else own)
    held = [passage(f"{p}{a}" if "条" in a else a, p, n) for n, (p, a) in enumerate(others)]
    found = find_clause(label, held)
    exact = [p for p in held if label_of(p) == label]
    if exact:
        assert list(found.passages) == exact
        assert not found.rest
    elif found is not None:
        for one in found.passages:
            mine = label_of(one)
            elsewhere = not label.attached and not label.article
            assert mine.attached == label.attached or elsewhere
            assert (mine.article, mine.clause) == (label.article, label.clause)
            assert mine.items + found.rest == label.items
            assert not any(label_of(p) == label for p in held)


@pytest.mark.parametrize(
    ("wanted", "numbers", "rest"),
    [
        ("5.6.2.2(1)②", [3], ("②",)),
        ("5.6.2.2(3)①", [1, 2], ("(3)", "①")),
        ("5.6.2.2", [1, 2], ()),
        ("5.6.2", [1, 2, 3], ()),  # a heading: the clauses under it
        ("1.1", [0], ()),
        ("附件2 1.1", [4], ()),
        ("附件2第一条", [5], ()),
        ("第5.6.2.2条", [1, 2], ()),
        ("4.9", [6], ()),  # only an attachment has it
        ("5.6", None, ()),
        ("附件1第一条", None, ()),
        ("5.6.22", None, ()),
    ],
)
def test_own_label_prefix_and_heading(wanted, numbers, rest):
    under = {"heading_path": ("5 内容", "5.6.2 功能模块")}
    held = [
        passage("1.1", n=0),
        passage("5.6.2.2", n=1).model_copy(update=under),
        passage("5.6.2.2", n=2).model_copy(update=under),
        passage("5.6.2.2(1)", n=3).model_copy(update=under),
        passage("1.1", "附件2", 4),
        passage("附件2第一条", "附件2", 5),
        passage("4.9", "附件2", 6),
    ]
    found = find_clause(read_label(wanted), held)
    assert (found and [p.ordinal for p in found.passages]) == numbers
    if found:
        assert found.rest == rest
        assert found.below is (wanted == "5.6.2")


@pytest.mark.parametrize(
    ("items", "words"),
    [
        (("(1)",), "（1）建设：\n①甲功能。\n②乙功能。"),
        (("(1)", "②"), "②乙功能。"),
        (("(2)",), "（2）运行。"),
        (("(2)", "①"), None),
        (("(3)",), None),
    ],
)
def test_part_of(items, words):
    assert part_of("应当：\n（1）建设：\n①甲功能。\n②乙功能。\n（2）运行。", items) == words


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("技术指南5.6.2.2(1)②说什么", [Label(clause="5.6.2.2", items=("(1)", "②"))]),
        ("办法附件1第一条", [Label("附件1", "1")]),
        ("标准附录B.2的要求", [Label(clause="B.2")]),
        ("土地管理法第三十五条", []),
        ("占用3.5亩耕地", []),
        ("容积率1.5倍", []),
        ("GB/T 21010.1", []),
        ("比例1:500.5", []),
    ],
)
def test_labels_in_a_question(text, labels):
    assert [label for _, _, label in labels_in(text)] == labels


def test_what_a_notice_carries_has_both_labels():
    carried = passage("第一条", "附件1", 0).model_copy(update={"article_key": "1"})
    for wanted in ("第一条", "附件1第一条"):
        assert find_clause(read_label(wanted), [carried]).passages == (carried,)
    assert find_clause(read_label("附件2第一条"), [carried]) is None
