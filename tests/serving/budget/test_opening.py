"""From a setting to a ledger."""

import pytest

from cspon.errors import SetupError
from serving.budget.limits import Budgets
from serving.budget.opening import open_ledger
from serving.budget.postgres_ledger import PostgresLedger
from serving.budget.sqlite_ledger import SqliteLedger


async def test_ledgers_by_name(tmp_path):
    ledger = open_ledger("sqlite", tmp_path / "ledger.sqlite", Budgets)
    assert isinstance(ledger, SqliteLedger)
    await ledger.aclose()
    assert isinstance(open_ledger("postgres:plan", tmp_path / "x", Budgets), PostgresLedger)


@pytest.mark.parametrize("name", ["", "redis", "postgres:", "postgres"])
def test_an_unknown_ledger_is_named(tmp_path, name):
    with pytest.raises(SetupError, match="限额账本"):
        open_ledger(name, tmp_path / "ledger.sqlite", Budgets)
