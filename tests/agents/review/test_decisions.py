"""Decisions: the last counts, all are kept, a rejection needs a reason, and what is learned from them."""

from datetime import UTC, datetime

import pytest

from agents.review.decisions import Decision, Log, decided, lessons, require_reason
from cspon.errors import InputError
from cspon.schemas.review import Finding, Place, Review, Severity

AT = datetime(2026, 11, 23, tzinfo=UTC)


def finding(identity, message="甲"):
    place = Place(file="文本.docx", quote="约100公顷", heading="第一章")
    return Finding(
        id=identity, check="vague", kind="terms.vague", severity=Severity.GENERAL, message=message, place=place
    )  # fmt: skip


@pytest.fixture
def review():
    found = (finding("a"), finding("b", "乙"), finding("c", "丙"))
    return Review(
        files=("文本.docx",), hashes=("0",), plan_type="", reviewed_on="2026-11-23", findings=found
    )


def made(identity, verdict, **more):
    return Decision(finding=identity, verdict=verdict, who="张三", at=AT, **more)


def test_the_last_decision_of_a_finding_counts_and_all_are_kept(tmp_path, review):
    log = Log(tmp_path / "decisions.jsonl")
    assert log.read() == []
    log.append(made("a", "accepted"))
    log.append(made("a", "rejected", reason="口径不同"))
    log.append(made("b", "edited", message="改写", severity=Severity.SERIOUS))
    assert len(log.read()) == 3
    a, b, c = decided(review, log.read()).findings
    assert (a.status, a.reason) == ("rejected", "口径不同")
    assert (b.status, b.message, b.severity, b.kind) == (
        "edited",
        "改写",
        Severity.SERIOUS,
        "terms.vague",
    )
    assert c == review.findings[2]


def test_a_line_cut_off_by_a_crash_is_no_decision_and_one_before_it_is_told(tmp_path):
    file = tmp_path / "decisions.jsonl"
    log = Log(file)
    log.append(made("a", "accepted"))
    with file.open("a") as handle:
        handle.write('{"finding": "b", "verd')
    assert [d.finding for d in log.read()] == ["a"]
    file.write_text('{"finding"\n' + made("a", "accepted").model_dump_json())
    with pytest.raises(InputError) as told:
        log.read()
    assert told.value.row == 1


def test_a_rejection_needs_a_reason_and_an_edit_its_words():
    require_reason(made("a", "rejected", reason="口径不同"))
    require_reason(made("a", "accepted"))
    with pytest.raises(InputError, match="理由"):
        require_reason(made("a", "rejected", reason=" "))
    with pytest.raises(InputError, match="没有内容"):
        require_reason(made("a", "edited"))


def test_what_was_rejected_or_edited_is_a_lesson(review):
    told = lessons(
        review,
        [
            made("a", "rejected", reason="口径不同"),
            made("b", "edited", message="改写"),
            made("c", "accepted"),
        ],
    )
    assert [(one["verdict"], one["said"], one["better"], one["reason"]) for one in told] == [
        ("rejected", "甲", "", "口径不同"), ("edited", "乙", "改写", ""),
    ]  # fmt: skip
    assert told[0]["quote"] == "约100公顷"
