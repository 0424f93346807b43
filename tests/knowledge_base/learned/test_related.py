import pytest

from cspon.errors import SetupError
from knowledge_base.learned.related import WRITTEN, expansion, read_related
from knowledge_base.lexical import passage_vector


def shared(query: str, clause: str) -> float:
    expanded = expansion(query)
    held = dict(zip(*(lambda v: (v.indices, v.values))(passage_vector(clause)), strict=True))
    return sum(w * held.get(i, 0.0) for i, w in zip(expanded.indices, expanded.values, strict=True))


def test_lay_words_call_for_statute_words():
    clause = "禁止占用永久基本农田发展林果业和挖塘养鱼。"
    assert shared("基本农田里能种果树吗", clause) > 0
    assert shared("飞机场噪声", clause) == 0


def test_words_that_the_question_has_are_not_added_again():
    assert expansion("种树").indices
    own = set(expansion("种树造林").indices)
    assert own < set(expansion("种树").indices)


def test_every_written_row_reads():
    table = read_related(WRITTEN)
    assert len(table) > 50
    assert all(0 < weight <= 1 for rows in table.values() for _, weight in rows)


def test_a_bad_row_is_named(tmp_path):
    path = tmp_path / "words.tsv"
    path.write_text("种树\t造林\t0.5\twritten\n种树 造林\n", encoding="utf-8")
    with pytest.raises(SetupError, match="第 2 行"):
        read_related(path)


def test_an_absent_file_is_empty(tmp_path):
    assert read_related(tmp_path / "absent.tsv") == {}
