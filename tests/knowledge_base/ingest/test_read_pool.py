"""Real processes that read; the parser in them is replaced by one that misbehaves on demand."""

import json
import os
import sys

import pytest

from cspon.schemas.knowledge import Document, Passage
from knowledge_base.ingest import read_pool
from knowledge_base.ingest.read_pool import Job, read_all

WORKER = """
import os, signal, sys, time
from knowledge_base.ingest import read_worker
real = read_worker.read_source
def source(path, *, ocr):
    text = path.read_text(encoding="utf-8")
    print("noise of a library")
    if "段错误" in text: os.kill(os.getpid(), signal.SIGSEGV)
    if "死循环" in text: time.sleep(60)
    if "内存" in text: raise MemoryError
    if "错误" in text: raise KeyError("x")
    return real(path, ocr=ocr)
read_worker.read_source = source
read_worker.main()
"""


@pytest.fixture
def misbehaving(monkeypatch, tmp_path):
    script = tmp_path / "worker.py"
    script.write_text(WORKER, encoding="utf-8")
    launch = read_pool.subprocess.Popen
    started = []

    def popen(command, **given):
        started.append(command)
        return launch([sys.executable, str(script)], **given)

    monkeypatch.setattr(read_pool.subprocess, "Popen", popen)
    return started


@pytest.fixture
def jobs(tmp_path):
    def make(**texts):
        made = []
        for name, text in texts.items():
            path = tmp_path / f"{name}.md"
            path.write_text(text, encoding="utf-8")
            made.append(
                Job(name, str(path), f"{name}.md", path.stat().st_size, "公开", None, (), False)
            )
        return made

    return make


GOOD = "# 某某方案\n\n一、目标\n\n保护湿地。\n"


def test_files_are_read_in_processes(jobs, misbehaving):
    made = jobs(a=GOOD, b=GOOD + "二、任务\n\n恢复湿地。\n", c="")
    replies = {reply.job.name: reply for reply in read_all(made, workers=2)}
    assert Document.model_validate(replies["a.md"].head["document"]).title == "某某方案"
    assert replies["b.md"].head["count"] >= 2
    assert replies["b.md"].passages
    assert "没有文字" in replies["c.md"].head["reason"]
    assert len(misbehaving) == 2


def test_what_kills_a_process_costs_one_file(jobs, misbehaving):
    made = jobs(
        good=GOOD, crash=GOOD + "段错误", bug=GOOD + "错误", memory=GOOD + "内存", last=GOOD
    )
    heads = {reply.job.name: reply.head for reply in read_all(made, workers=1)}
    assert "进程意外终止（信号 11" in heads["crash.md"]["reason"]
    assert "KeyError" in heads["bug.md"]["reason"]
    assert "内存不足" in heads["memory.md"]["reason"]
    assert "document" in heads["good.md"]
    assert "document" in heads["last.md"]
    assert len(misbehaving) == 2


def test_what_takes_too_long_is_given_up(jobs, misbehaving):
    made = jobs(good=GOOD, slow=GOOD + "死循环" * 9)
    heads = {reply.job.name: reply.head for reply in read_all(made, workers=1, seconds=4)}
    assert "超过时限" in heads["slow.md"]["reason"]
    assert "document" in heads["good.md"]


def test_no_process_outlives_a_reader_that_stops(jobs, misbehaving, monkeypatch):
    processes = []
    launch = read_pool._launch
    monkeypatch.setattr(read_pool, "_launch", lambda: processes.append(launch()) or processes[-1])
    replies = read_all(jobs(a=GOOD, b=GOOD, c=GOOD + "死循环"), workers=2)
    next(replies)
    replies.close()
    assert len(processes) == 2
    assert all(process.poll() is not None for process in processes)


def test_a_small_batch_of_plain_text_needs_no_process(jobs, misbehaving):
    replies = list(read_all(jobs(a=GOOD, b=GOOD)))
    assert [reply.job.name for reply in replies] == ["a.md", "b.md"]
    assert misbehaving == []
    assert json.loads(json.dumps(replies[0].head))["count"] == 1


def test_the_cores_are_those_of_this_process():
    assert read_pool.cores() == len(os.sched_getaffinity(0))


def test_passages_come_back_whole(jobs, folder):
    from knowledge_base.ingest.journal import Journal

    (reply,) = read_all(jobs(a=GOOD))
    journal = Journal(folder)
    document = Document.model_validate(reply.head["document"])
    journal.put("k", document, (), ("注意",), reply.head["count"], reply.passages)
    reading = journal.get("k")
    assert (reading.document, reading.notices) == (document, ("注意",))
    (passage,) = reading.passages
    assert isinstance(passage, Passage)
    assert "保护湿地" in passage.text
    assert passage.id.startswith(f"{document.id}#")
    journal.forget(["k"])
    journal.close()
    assert not (folder / "ingest.sqlite").exists()
