"""The line itself: turns between callers, the same number twice, room, and what is removed."""

import os
import time

import pytest

from cspon.errors import SetupError
from serving.data_files import DataFiles
from serving.jobs import store as module
from serving.jobs.schema import Kept, StepOrder
from serving.jobs.store import Store, TooMany
from serving.jobs.view import kept
from serving.jobs.watch import Watch
from serving.metrics import Metrics
from serving.uploads import Uploads


def job(nonce="n", **arguments):
    step = StepOrder(tool="slow", arguments=arguments)
    return Kept(title="t", titles=("t",), steps=(step,), key="local", fingerprint="f", nonce=nonce)


@pytest.fixture
def line(tmp_path):
    store = Store(tmp_path / "home" / "jobs.sqlite")
    yield store
    store.close()


def test_callers_come_in_turn(line):
    for owner, number in (
        ("甲", "a1"),
        ("甲", "a2"),
        ("甲", "a3"),
        ("乙", "b1"),
        ("乙", "b2"),
        ("丙", "c1"),
    ):
        line.submit(number, owner, job(), most=9)
    assert [w.workflow_id for w in line.waiting()] == ["a1", "b1", "c1", "a2", "b2", "a3"]
    line.cancel("b1")
    assert [w.workflow_id for w in line.waiting()] == ["a1", "c1", "a2", "b2", "a3"]
    assert [w.workflow_id for w in line.of_owner("乙", 5)] == ["b2", "b1"]


def test_a_number_that_is_taken_changes_nothing(line):
    line.submit("a1", "甲", job("first"), most=1)
    again = line.submit("a1", "甲", job("second"), most=1)
    assert kept(again.input).nonce == "first"
    with pytest.raises(TooMany) as error:
        line.submit("a2", "甲", job(), most=1)
    assert error.value.held == 1
    assert len(line.active()) == 1


def test_nothing_is_made_before_the_first_job(line, tmp_path):
    assert (line.find("a1"), line.of_owner("甲", 5), line.active()) == (None, [], [])
    assert not (tmp_path / "home").exists()


def test_the_file_is_the_owners_alone(line, tmp_path):
    line.open()
    assert (tmp_path / "home" / "jobs.sqlite").stat().st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_be_written_is_a_setup_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="任务库"):
        Store(tmp_path / "file" / "jobs.sqlite").submit("a1", "甲", job(), most=1)


def test_ended_jobs_go_with_their_results_and_inputs_of_waiting_ones_stay(
    line, tmp_path, monkeypatch
):
    class Parts:
        metrics = Metrics()
        uploads = Uploads(tmp_path / "uploads", max_bytes=1 << 20)
        data_files = DataFiles(tmp_path / "data", max_bytes=1 << 20)

    with (tmp_path / "t.csv").open("wb+") as file:
        file.write(b"a,b\n1,2\n")
        file.seek(0)
        sent = Parts.data_files.save("t.csv", file, "甲")
    folder = tmp_path / "data" / sent.id
    yesterday = time.time() - 25 * 3600
    os.utime(folder, (yesterday, yesterday))
    line.submit("job-1", "甲", job(), most=9)
    line.submit("job-2", "甲", job(table=sent.id), most=9)
    line.cancel("job-1")
    results = tmp_path / "results"
    for number in ("job-1", "job-2"):
        (results / number).mkdir(parents=True)
    watch = Watch(Parts, line, results, None, at_once=1)
    monkeypatch.setattr(module, "KEEP_S", -60)
    watch._runner.put_back_lost = lambda: None
    watch._look_after()
    assert line.find("job-1") is None
    assert sorted(p.name for p in results.iterdir()) == ["job-2"]
    Parts.data_files.remove_older_than(24 * 3600)
    assert Parts.data_files.get(sent.id, "甲").path.is_file()
    assert 'cspon_jobs{state="queued"} 1.0' in Parts.metrics.render().decode()
