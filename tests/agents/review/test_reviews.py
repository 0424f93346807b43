"""Kept reviews: begun, decided, finished, seen by whom, and what a kill in the middle costs."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest

from agents.review.case import Facts
from agents.review.decisions import Decision
from agents.review.reviews import Reviews
from cspon.errors import InputError
from cspon.schemas.agent import Principal

TEXT = "# 第一章 总则\n到2035年，全县耕地保有量约8333公顷。\n由县国土资源局负责实施。\n"
ME, OTHER = Principal(user="张三", departments=("规划科",)), Principal(user="李四")
COLLEAGUE = Principal(user="王五", departments=("规划科",))


@pytest.fixture
def text(tmp_path):
    file = tmp_path / "文本.md"
    file.write_text(TEXT, encoding="utf-8")
    return file


@pytest.fixture
def reviews(tmp_path):
    return Reviews(tmp_path / "review")


def decision(finding, verdict, **more):
    return Decision(finding=finding, verdict=verdict, who="张三", at=datetime.now(UTC), **more)


def test_a_review_waits_for_decisions_and_ends_with_files(tmp_path, reviews, text):
    number = reviews.begin({"text": text}, Facts(), ME)
    text.write_text("改了", encoding="utf-8")  # what was handed in counts
    found = reviews.review(number, ME).findings
    organ = next(f for f in found if f.kind == "terms.old_organ")
    vague = next(f for f in found if f.kind == "terms.vague")
    again = Reviews(tmp_path / "review")  # another day
    again.decide(number, ME, decision(organ.id, "rejected", reason="引用旧档案"))
    done = again.decide(number, COLLEAGUE, decision(vague.id, "accepted"))
    assert {f.id: f.status for f in done.findings}[vague.id] == "accepted"
    folder = again.finish(number, ME)
    data = json.loads((folder / "文本_审查.json").read_text(encoding="utf-8"))
    assert {f["kind"]: f.get("status", "open") for f in data["findings"]}[
        "terms.old_organ"
    ] == "rejected"
    lesson = json.loads((folder / "lessons.jsonl").read_text(encoding="utf-8"))
    assert (lesson["quote"], lesson["reason"]) == ("国土资源局", "引用旧档案")
    assert again.finish(number, ME) == folder
    with pytest.raises(InputError, match="办结"):
        again.decide(number, ME, decision(organ.id, "accepted"))


def test_others_see_none_of_it(reviews, text):
    number = reviews.begin({"text": text}, Facts(), ME)
    assert [meta.number for meta in reviews.listed(COLLEAGUE)] == [number]
    assert reviews.listed(OTHER) == []
    for bad in (number, "rev-0000000000000000", "../../etc"):
        with pytest.raises(InputError, match="没有审查"):
            reviews.review(bad, OTHER)


def test_a_submission_that_cannot_be_read_leaves_nothing(tmp_path, reviews, text):
    broken = tmp_path / "坏.docx"
    broken.write_bytes(b"no zip")
    for files in (
        {"text": broken},
        {"text": tmp_path / "没有.docx"},
        {"text": text, "tables": broken},
    ):
        with pytest.raises(InputError):
            reviews.begin(files, Facts(), ME)
    assert [p for p in (tmp_path / "review").iterdir() if p.is_dir()] == []


def test_a_second_round_tells_what_became_of_the_first(tmp_path, reviews, text):
    first = reviews.begin({"text": text}, Facts(), ME)
    text.write_text(TEXT.replace("约", "不低于"), encoding="utf-8")
    second = reviews.begin({"text": text}, Facts(), ME, before=first)
    told = {(one.finding.kind, one.outcome) for one in reviews.rounds(second, ME)}
    assert {("terms.vague", "已改"), ("terms.old_organ", "未改")} <= told
    with pytest.raises(InputError, match="第一轮"):
        reviews.rounds(first, ME)


RUN = """
import sys, time
from pathlib import Path
from agents.review import workflow
from agents.review.case import Facts
from agents.review.reviews import Reviews
from cspon.schemas.agent import Principal

folder, text, notes = map(Path, sys.argv[1:4])

def judge(case, done):
    with notes.open("a") as file:
        file.write("judge\\n")
    if len(notes.read_text().splitlines()) == 2:
        time.sleep(60)
    return done

plain = workflow.review
def counted(*given, **more):
    with notes.open("a") as file:
        file.write("check\\n")
    return plain(*given, **more)
workflow.review = counted
reviews = Reviews(folder, judge=judge)
who = Principal(user="张三")
if sys.argv[4] == "begin":
    reviews.begin({"text": text}, Facts(), who)
else:
    number = reviews.listed(who)[0].number
    print(reviews.go_on(number, who), len(reviews.review(number, who).findings))
"""


@pytest.mark.component
def test_a_killed_review_goes_on_without_repeating_what_ended(tmp_path, text):
    notes = tmp_path / "notes"
    command = [sys.executable, "-c", RUN, str(tmp_path / "review"), str(text), str(notes)]
    process = subprocess.Popen([*command, "begin"], env={**os.environ})
    end = time.monotonic() + 60
    while not notes.exists() or notes.read_text().splitlines() != ["check", "judge"]:
        assert time.monotonic() < end and process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = subprocess.run([*command, "resume"], capture_output=True, text=True, check=True)
    assert done.stdout.split()[0] == "decide"
    assert int(done.stdout.split()[1]) >= 2
    assert notes.read_text().splitlines() == ["check", "judge", "judge"]
