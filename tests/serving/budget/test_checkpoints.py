"""The journal of the ledger: carried over in a thread, and never growing without end."""

import sqlite3
import time
from pathlib import Path

import pytest

from serving.budget import checkpoints
from serving.budget.checkpoints import Checkpoints


@pytest.fixture
def db(tmp_path):
    made = sqlite3.connect(tmp_path / "账 本?.db", isolation_level=None)
    made.execute("pragma journal_mode=wal")
    made.execute("pragma synchronous=normal")
    made.execute("create table t (n integer primary key, said text)")
    yield made
    made.close()


@pytest.fixture
def file(db):
    return Path(db.execute("pragma database_list").fetchone()[2])


def write(db, turns, kept):
    for _ in range(turns):
        kept.turn()
        db.execute("insert into t (said) values (?)", ("x" * 2000,))


def journal_bytes(file):
    return file.with_name(file.name + "-wal").stat().st_size


def test_the_journal_begins_anew_under_steady_writes(db, file, monkeypatch):
    monkeypatch.setattr(checkpoints, "EVERY", 50)
    kept = Checkpoints(file, db)
    for _ in range(40):
        write(db, 50, kept)
        time.sleep(0.01)
    kept.close()
    assert journal_bytes(file) < 2_000_000  # written in all: about 8 MB of pages
    assert db.execute("select count(*) from t").fetchone() == (2000,)


def test_what_was_carried_over_is_in_the_file(db, file, monkeypatch):
    monkeypatch.setattr(checkpoints, "EVERY", 3)
    kept = Checkpoints(file, db)
    write(db, 3, kept)
    kept.close()
    assert b"x" * 2000 in file.read_bytes()


def test_a_reader_that_stays_stops_nobody(db, file, monkeypatch):
    monkeypatch.setattr(checkpoints, "EVERY", 10)
    reader = sqlite3.connect(file, isolation_level=None)
    reader.execute("begin")
    reader.execute("select count(*) from t").fetchall()
    kept = Checkpoints(file, db)
    write(db, 100, kept)
    kept.close()
    assert reader.execute("select count(*) from t").fetchone() == (0,)
    assert db.execute("select count(*) from t").fetchone() == (100,)
    reader.close()


def test_a_file_that_is_gone_is_logged_and_made_by_nobody(db, file, monkeypatch, caplog):
    monkeypatch.setattr(checkpoints, "EVERY", 1)
    kept = Checkpoints(file, db)
    file.rename(file.with_name("moved.db"))
    kept.turn()
    kept.close()
    assert not file.exists()
    assert "ledger journal not carried over" in caplog.text
