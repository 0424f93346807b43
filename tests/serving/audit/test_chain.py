"""The chain: every edit is found, whatever happens nothing is lost, months turn over and are pruned."""

import json
import resource
import subprocess
import sys
import threading
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cspon.errors import InputError, SetupError
from serving.audit.chain import Chain, archive_of, head_of
from serving.audit.retention import prune
from serving.audit.verify import read, verify

SECRET = b"a" * 32


class Now:
    def __init__(self, moment="2026-11-05T08:00:00+00:00"):
        self.moment = datetime.fromisoformat(moment)

    def __call__(self):
        return self.moment


def write(file, count, *, now=None, start=0):
    chain = Chain(file, lambda: SECRET, now=now or (lambda: datetime.now(UTC)))
    for i in range(start, start + count):
        chain.append("tool", {"user": "审查科", "n": i})
    chain.close()


def faults(file, **more):
    return [f.what for f in verify(file, SECRET, **more).faults]


@pytest.fixture
def file(tmp_path):
    return tmp_path / "audit.jsonl"


def test_an_untouched_chain_is_whole(file):
    write(file, 5)
    verdict = verify(file, SECRET)
    assert (verdict.whole, verdict.lines, verdict.first, verdict.last) == (True, 5, 1, 5)
    assert file.stat().st_mode & 0o077 == 0
    assert faults(file, expect=verdict.head) == []
    write(file, 2)
    assert faults(file, expect=verdict.head) == []
    assert faults(file, expect="5 " + "0" * 64) == ["没有预期的第 5 条（000000000000…）"]


def test_without_the_secret_it_cannot_be_made_again(file):
    write(file, 3)
    assert next(f.what for f in verify(file, b"b" * 32).faults) == "第 1 条被改动"


EDITS = {
    "change": lambda lines, i: [*lines[:i], lines[i].replace(b"\xe5\xae\xa1", b"\xe5\xae\xa2", 1), *lines[i + 1 :]],
    "remove": lambda lines, i: [*lines[:i], *lines[i + 1 :]],
    "repeat": lambda lines, i: [*lines[:i], lines[i], *lines[i:]],
    "swap": lambda lines, i: [*lines[:i], lines[i + 1], lines[i], *lines[i + 2 :]],
    "insert": lambda lines, i: [*lines[:i], b'{"seq":1,"kind":"tool","prev":"","mac":"' + b"0" * 64 + b'"}', *lines[i:]],
    "garbage": lambda lines, i: [*lines[:i], b"no record", *lines[i:]],
    "cut": lambda lines, i: lines[:i],
    "behead": lambda lines, i: lines[i + 1 :],
}  # fmt: skip


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("place", [0, 3, 6])
def test_every_edit_is_found(file, edit, place):
    write(file, 8)
    lines = file.read_bytes().splitlines()
    file.write_bytes(b"\n".join(EDITS[edit](lines, place)) + b"\n")
    assert faults(file)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**9), st.integers(0, 255))
def test_a_changed_byte_is_found_wherever_it_is(tmp_path_factory, place, value):
    file = tmp_path_factory.mktemp("byte") / "audit.jsonl"
    write(file, 4)
    content = bytearray(file.read_bytes())
    place %= len(content)
    if content[place] == value:
        return
    content[place] = value
    file.write_bytes(content)
    assert faults(file)


def test_lines_missing_at_the_end_are_found_by_the_head(file):
    write(file, 4)
    content = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(content[:2]))
    assert faults(file) == ["末尾缺第 3 至 4 条"]
    head_of(file).unlink()
    assert faults(file) == ["记录最新序号的文件不在或已损坏"]


def test_threads_and_processes_write_one_chain(file):
    child = (
        "import sys\nfrom pathlib import Path\nfrom serving.audit.chain import Chain\n"
        "chain = Chain(Path(sys.argv[1]), lambda: b'a' * 32)\n"
        "for i in range(150): chain.append('tool', {'n': i})\n"
    )
    others = [subprocess.Popen([sys.executable, "-c", child, str(file)]) for _ in range(2)]
    chain = Chain(file, lambda: SECRET)
    threads = [
        threading.Thread(target=lambda: [chain.append("answer", {"n": i}) for i in range(50)])
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [other.wait(60) for other in others] == [0, 0]
    verdict = verify(file, SECRET)
    assert (verdict.faults, verdict.lines) == ((), 450)


def test_a_torn_line_is_kept_and_named_by_the_next(file):
    write(file, 2)
    with file.open("ab") as out:
        out.write(b'{"seq":3,"time":"2026')
    assert faults(file) == ["最后一行不完整"]
    write(file, 1)
    assert faults(file) == []
    kinds = [
        json.loads(line)["kind"] for line in file.read_bytes().splitlines() if line[-1:] == b"}"
    ]
    assert kinds == ["tool", "tool", "audit.resumed", "tool"]


def test_a_full_disk_leaves_no_half_line(file):
    write(file, 2)
    chain = Chain(file, lambda: SECRET)
    chain.append("tool", {})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    import signal

    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + 40, hard))
        with pytest.raises(SetupError, match="审计记录无法写入"):
            chain.append("tool", {"n": "x" * 200})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, old)
    chain.append("tool", {"n": "again"})
    assert faults(file) == []
    assert verify(file, SECRET).lines == 4


def test_a_new_month_begins_a_new_file_and_the_chain_goes_on(file):
    now = Now()
    chain, other = (Chain(file, lambda: SECRET, now=now) for _ in range(2))
    chain.append("tool", {"n": 1})
    other.append("tool", {"n": 2})
    now.moment = datetime.fromisoformat("2026-12-01T00:00:01+00:00")
    chain.append("tool", {"n": 3})
    other.append("tool", {"n": 4})
    assert [p.name for p in archive_of(file).iterdir()] == ["2026-11.jsonl"]
    assert [json.loads(line)["n"] for line in file.read_bytes().splitlines()] == [3, 4]
    verdict = verify(file, SECRET)
    assert (verdict.faults, verdict.lines) == ((), 4)
    since = datetime.fromisoformat("2026-11-30T00:00:00+00:00")
    assert [json.loads(line)["n"] for line in read(file, since, since.replace(year=2027))] == [3, 4]
    archive_of(file).joinpath("2026-11.jsonl").unlink()
    assert faults(file) == ["第 1 至 2 条不在，也没有按期清理的记录"]


def test_a_clock_that_was_ahead_for_a_while_costs_no_line(file):
    now = Now()
    moments = ["2026-11-05", "2026-12-01", "2026-11-06", "2026-12-02", "2026-11-07", "2027-01-02"]
    for n, day in enumerate([*moments, "2027-02-01", "2026-11-08", "2027-02-02"]):
        now.moment = datetime.fromisoformat(f"{day}T08:00:00+00:00")
        write(file, 1, now=now, start=n)
        writer = Chain(file, lambda: SECRET, now=now)
        writer.append("tool", {"n": n})
        writer.close()
    verdict = verify(file, SECRET)
    assert (verdict.faults, verdict.lines) == ((), 18)
    names = sorted(part.stem for part in archive_of(file).iterdir())
    assert names[0] == "2026-11"
    assert len(names) >= 2


def test_old_months_are_pruned_by_rule_and_the_chain_says_so(file):
    now = Now("2026-01-05T00:00:00+00:00")
    for month in range(1, 13):
        now.moment = now.moment.replace(month=month)
        write(file, 2, now=now)
    chain = Chain(file, lambda: SECRET, now=now)
    given = {"this_month": "2026-12", "by": "管理员"}
    assert prune(file, chain, keep_months=12, **given) == []
    gone = prune(file, chain, keep_months=6, **given)
    assert gone == [f"2026-{m:02d}" for m in range(1, 7)]
    verdict = verify(file, SECRET)
    assert (verdict.faults, verdict.first) == ((), 13)
    with pytest.raises(InputError, match="至少保留"):
        prune(file, chain, keep_months=5, **given)


def test_no_caller_gets_an_answer_while_the_folder_cannot_be_written(tmp_path):
    (tmp_path / "audit.jsonl").mkdir()
    with pytest.raises(SetupError, match="结果未发出"):
        Chain(tmp_path / "audit.jsonl", lambda: SECRET).append("tool", {})


def test_long_lines_are_found_again(file):
    chain = Chain(file, lambda: SECRET)
    chain.append("tool", {"clauses": ["条" * 50_000]})
    chain.close()
    write(file, 1)
    assert faults(file) == []
    assert file.stat().st_size > 150_000


def test_a_file_from_before_the_chain_is_put_aside(file):
    file.write_text('{"time": "2026-01-01", "kind": "answer"}\n')
    write(file, 2)
    assert verify(file, SECRET).lines == 2
    assert faults(file) == []
    assert "2026-01-01" in (archive_of(file) / "before-the-chain.log").read_text()
