"""Limits are read again when their file changes; a broken file changes nothing."""

import pytest

from cspon.errors import InputError
from serving import watched
from serving.budget.limits import read_budgets
from serving.watched import Watched

ONE = "limits: [{id: a, by: key, of: tokens, per: day, amount: %d}]"


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(watched, "LOOK_EVERY_S", 0.0)


def test_changes_hold_at_once_and_mistakes_change_nothing(tmp_path, caplog):
    file = tmp_path / "budgets.yaml"
    budgets = Watched(file, read_budgets)
    assert budgets().limits == ()
    file.write_text(ONE % 5, encoding="utf-8")
    assert budgets().limits[0].units == 5
    file.write_text(ONE % -1234, encoding="utf-8")
    assert budgets().limits[0].units == 5
    assert "settings not changed" in caplog.text
    file.unlink()
    assert budgets().limits[0].units == 5
    file.write_text(ONE % 77, encoding="utf-8")
    assert budgets().limits[0].units == 77


def test_a_broken_file_stops_the_start(tmp_path):
    file = tmp_path / "budgets.yaml"
    file.write_text("limits: 3", encoding="utf-8")
    with pytest.raises(InputError):
        Watched(file, read_budgets)
