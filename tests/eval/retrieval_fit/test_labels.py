import json

import pytest

from cspon.errors import InputError
from cspon.schemas.knowledge import Passage
from eval.retrieval_fit.labels import Question, label_exam, read_questions, without_alike

WORDS = "占用湿地的单位应当根据当地条件恢复或者重建与所占用湿地面积和质量相当的湿地"
PASSAGES = [
    Passage(
        id="x#1", document_id="x", title="中华人民共和国湿地保护法", article_key="21", text=WORDS
    ),
    Passage(
        id="x#2",
        document_id="x",
        title="中华人民共和国湿地保护法",
        article_key="22",
        text="除因防洪、航道、港口外，经依法批准占用重要湿地的单位缴纳湿地恢复费用。",
    ),
]


def write(path, rows):
    path.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    return path


def test_an_explanation_that_cites_or_repeats_an_article_labels_its_question(tmp_path):
    exam = write(
        tmp_path / "exam.json",
        [
            {
                "question": "占用湿地后应当( )",
                "options": {"A": "恢复", "B": "缴费"},
                "explanation": f"《湿地保护法》第二十一条规定，{WORDS}。",
            },
            {"question": "没有依据的题", "options": {"A": "甲"}, "explanation": "常识。"},
        ],
    )
    pairs = write(tmp_path / "qa.json", [{"instruction": "占用了湿地怎么办？", "output": WORDS}])
    found = label_exam([exam, pairs], PASSAGES)
    assert [(q.text, q.gold) for q in found] == [
        ("占用湿地后应当( )", (0,)),
        ("占用湿地后应当( ) 恢复 缴费", (0,)),
        ("占用了湿地怎么办？", (0,)),
    ]
    assert found[0].group == found[1].group


def test_a_cited_number_without_its_words_is_not_trusted(tmp_path):
    exam = write(
        tmp_path / "exam.json",
        [
            {
                "question": "哪条",
                "options": {},
                "explanation": f"《湿地保护法》第二十二条规定，{WORDS}。",
            }
        ],
    )
    assert label_exam([exam], PASSAGES)[0].gold == (0,)


def test_questions_like_a_held_out_one_are_left_out():
    questions = [
        Question("乡村建设规划许可证由谁核发( )", (0,), "a"),
        Question("文物保护单位的建设控制地带", (0,), "b"),
    ]
    kept = without_alike(questions, ["乡村建设规划许可证由谁核发？"])
    assert [q.group for q in kept] == ["b"]


def test_a_set_keeps_the_gold_that_the_corpus_has(tmp_path):
    rows = [{"query": "一", "gold": ["a", "z"]}, {"query": "二", "gold": ["z"]}]
    found = read_questions(write(tmp_path / "set.json", rows), {"a": 3})
    assert [(q.text, q.gold) for q in found] == [("一", (3,))]


@pytest.mark.parametrize("rows", [{}, "text"])
def test_what_is_no_list_is_refused(tmp_path, rows):
    with pytest.raises(InputError):
        read_questions(write(tmp_path / "set.json", rows), {})
