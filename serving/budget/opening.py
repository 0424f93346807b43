"""From the setting of the ledger to the ledger."""

from collections.abc import Callable
from pathlib import Path

from cspon.errors import SetupError
from serving.budget.ledger import Ledger
from serving.budget.limits import Budgets

POSTGRES = "postgres:"


def open_ledger(name: str, file: Path, budgets: Callable[[], Budgets]) -> Ledger:
    """Return the ledger that the settings name.

    Args:
        name: `sqlite`, or `postgres:` and the name of a libpq service.
        file: Where the embedded one lies.
        budgets: Returns the limits that hold now.

    Raises:
        SetupError: an unknown name, the file cannot be opened, or psycopg is not installed.
    """
    if name == "sqlite":
        from serving.budget.sqlite_ledger import SqliteLedger

        return SqliteLedger(file, budgets)
    if name.startswith(POSTGRES) and len(name) > len(POSTGRES):
        from serving.budget.postgres_ledger import PostgresLedger

        return PostgresLedger(name.removeprefix(POSTGRES), budgets)
    raise SetupError(
        f"不认识的限额账本 {name!r}",
        mend="CSPON_LEDGER 写 sqlite 或 postgres:服务名（服务名见 pg_service.conf）",
    )
