from cspon.schemas.knowledge import Passage, SearchHit, Validity
from knowledge_base.retrieve.coverage import (
    best_coverage,
    content_coverage,
    coverage,
    covers,
    speak_better,
)

FARMLAND = "永久基本农田经依法划定后，任何单位和个人不得擅自占用或者改变其用途。"
APPROVAL = "征收下列土地的，由国务院批准：\n（一）永久基本农田；"


def hit(text, **routes):
    passage = Passage(id="a#1", document_id="a", title="土地管理法", text=text)
    return SearchHit(passage=passage, validity=Validity.IN_FORCE, score=1.0, routes=routes)


def test_coverage_tells_a_foreign_question():
    texts = [FARMLAND, APPROVAL]
    assert content_coverage("征收永久基本农田由谁批准？", texts) > 0.5
    assert content_coverage("量子计算机的纠错码怎么设计", texts) < 0.2
    assert content_coverage("？", texts) == 0


def test_hits_cover_what_they_speak_of_or_what_is_named():
    assert covers("永久基本农田能不能占用", [hit(FARMLAND)])
    assert not covers("量子计算机的纠错码怎么设计", [hit(FARMLAND)])
    assert coverage("量子计算机", [hit(FARMLAND, exact=1)]) == 1
    assert not covers("永久基本农田", [])


def test_many_hits_cover_together_what_none_says():
    hits = [hit("采石的许可由县里核发"), hit("坑塘的回填"), hit("组织竣工验收")]
    assert coverage("采石坑塘回填的组织验收", hits) > best_coverage("采石坑塘回填的组织验收", hits)
    assert best_coverage("永久基本农田", []) == 0


def test_others_speak_better_when_they_answer_clearly_more():
    question = "采石坑塘回填由谁组织验收"
    answer = [hit("采石坑塘回填完成后，由县自然资源局组织验收。")]
    own = [hit("采石的许可由县里核发"), hit("组织竣工验收")]
    assert speak_better(question, answer, own)
    assert not speak_better(question, own, answer)
    assert not speak_better(question, answer, answer)
    assert not speak_better(question, answer, [hit("其他", exact=1)])
    assert not speak_better(question, [], [])
