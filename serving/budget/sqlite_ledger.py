"""The embedded ledger: SQLite, exact for any number of processes on one machine.

Reservations and settlements of one turn of the event loop share one `begin immediate` transaction, on
the loop itself: no thread to wait for. The journal (WAL) survives `kill -9`; the last moments before a
power failure may be lost.
"""

from __future__ import annotations  # those of inner functions are made at each call otherwise

import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

from cspon.errors import SetupError
from serving.budget.accounts import (
    GROUPS,
    LAPSED,
    OPEN,
    REFUNDED,
    SETTLED,
    SWEEP_EVERY_S,
    Matched,
    attempt_of,
    changes_of,
    claims_of,
    ending_of,
    facts_of,
    lapse_changes,
    over,
    standing_of,
    used_of,
)
from serving.budget.checkpoints import Checkpoints
from serving.budget.group_commit import Change, GroupCommit
from serving.budget.ledger import Claim, Matter, Reservation, Standing, Used
from serving.budget.limits import Budgets, Subject, Weight, Who, window_of
from serving.budget.owner import is_running, owner_of
from serving.budget.steady import Steady

T = TypeVar("T")
log = logging.getLogger("cspon.serving")

OPEN_S: Final = 10.0
"""Seconds for which opening waits for another process that opens the same file."""
_SCHEMA = """
create table if not exists counters (
  limit_id text not null, subject text not null, window integer not null,
  used integer not null default 0, held integer not null default 0,
  primary key (limit_id, subject, window)
) strict, without rowid;
create table if not exists uses (
  id integer primary key, at real not null, ends real not null, owner text not null,
  request_id text not null, endpoint text not null,
  "key" text not null, user text not null, tenant text not null, model text not null,
  department text not null, case_number text not null, state integer not null,
  requests integer not null, model_calls integer not null,
  prompt integer not null, completion integer not null, money integer not null,
  claims text not null
) strict;
create index if not exists uses_open on uses (state) where state = 0;
"""
_INSERT = f"insert into uses values (null{', ?' * 18})"
_CLOSE = (
    "update uses set state = ?, requests = ?, model_calls = ?, prompt = ?, completion = ?, money = ? "
    "where id = ? and state = ?"
)
_CHANGE = (
    "update counters set held = held - ?, used = used + ? "
    "where limit_id = ? and subject = ? and window = ?"
)


def _take_many(count: int) -> str:
    return (
        f"insert into counters values {', '.join(['(?, ?, ?, 0, ?)'] * count)} on conflict do update "
        "set held = held + excluded.held returning limit_id, subject, window, used, held"
    )


_TAKE: Final = {count: _take_many(count) for count in range(1, 13)}


class SqliteLedger:
    """A ledger in one SQLite file.

    Args:
        file: The file; made with mode 0600.
        budgets: Returns the limits that hold now.
        clock: UTC seconds. A clock that is set back does not open a window again.

    Raises:
        SetupError: the file cannot be opened.
    """

    def __init__(
        self, file: Path, budgets: Callable[[], Budgets], *, clock: Callable[[], float] = time.time
    ) -> None:
        self._file, self._budgets, self._now = file, budgets, Steady(clock)
        self._swept, self._name, self._matched = 0.0, str(file), Matched()
        self._owner = owner_of(os.getpid())
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(mode=0o600)
            self._db = _opened(file)
            self._identity = _identity(self._name)
            self._checkpoints = Checkpoints(file, self._db)
            self._group = GroupCommit(self._db, self._before)
            self._group.now(self._sweep_dead)
        except (OSError, sqlite3.Error) as error:
            raise _away(file, error) from None

    async def reserve(
        self, who: Who, weight: Weight, matter: Matter, *, ttl_s: float
    ) -> Reservation:
        """Take the weight from every limit that is for the request, or from none."""
        now = self._now()
        claims = claims_of(self._matched(self._budgets().limits, who), weight, now)
        facts = facts_of(who, weight, matter, claims, now=now, ttl_s=ttl_s, owner=self._owner)

        def change(db: sqlite3.Connection) -> int:
            if now - self._swept > SWEEP_EVERY_S:
                self._swept = now
                self._lapse(db, "ends < ?", now)
            self._take(db, claims, now)
            number = db.execute(_INSERT, facts).lastrowid
            assert number is not None
            return number

        def undo(number: int) -> Change[None]:  # who asked left meanwhile: nothing was sent
            never = Reservation(number, who, weight, claims)
            return self._closing(never, attempt_of(never), REFUNDED)

        return Reservation(await self._do(change, undo), who, weight, claims)

    async def settle(self, reservation: Reservation, used: Weight) -> None:
        """Replace what was held by what was used."""
        await self._close(reservation, used, SETTLED)

    async def refund(self, reservation: Reservation) -> None:
        """Give tokens and money back; the attempt itself stays counted."""
        await self._close(reservation, attempt_of(reservation), REFUNDED)

    async def _close(self, reservation: Reservation, used: Weight, state: int) -> None:
        """End a reservation with the next change, or soon; nobody need wait for it."""
        if reservation.open:
            reservation.open = False
            self._group.owe(self._closing(reservation, used, state))

    @staticmethod
    def _closing(reservation: Reservation, used: Weight, state: int) -> Change[None]:
        told = ending_of(reservation, used, state)

        def change(db: sqlite3.Connection) -> None:
            lapsed = False
            if not db.execute(_CLOSE, (*told, OPEN)).rowcount:
                lapsed = bool(db.execute(_CLOSE, (*told, LAPSED)).rowcount)
                if not lapsed:
                    return
            db.executemany(_CHANGE, changes_of(reservation, used, lapsed=lapsed))

        return change

    async def _do(self, change: Change[T], undo: Callable[[T], Change[None]] | None = None) -> T:
        try:
            return await self._group.do(change, undo)
        except sqlite3.Error as error:
            raise _away(self._file, error) from None

    def _before(self) -> None:
        """Do what belongs before each transaction; raises as `_look_at_file`."""
        self._look_at_file()
        self._checkpoints.turn()

    def _look_at_file(self) -> None:
        """Refuse to count in a file that is no longer the one of that name.

        Raises:
            SetupError: it was moved, removed or replaced.
        """
        try:
            same = _identity(self._name) == self._identity
        except OSError as error:
            raise _away(self._file, error) from None
        if not same:
            raise _away(self._file, OSError("文件在运行中被换掉，须重启服务"))

    async def usage(
        self, by: Subject | str, *, since: datetime, until: datetime, key: str | None = None
    ) -> list[Used]:
        """Return the use by subject, `department`, `case_number` or `endpoint`."""
        column = f'"{by}"' if by in GROUPS else "'*'"
        with self._reading() as db:
            rows = db.execute(
                f"select {column}, sum(requests), sum(model_calls), sum(prompt), sum(completion), "
                f"sum(money), sum(state = {LAPSED}) from uses where at >= ? and at < ? "
                f'and state != {OPEN} and (? is null or "key" = ?) group by 1 order by 6 desc, 1',
                (since.timestamp(), until.timestamp(), key, key),
            ).fetchall()
        return [used_of(row) for row in rows]

    async def standings(self, who: Who) -> list[Standing]:
        """Return how the limits stand that are for a request of these subjects."""
        now, found = self._now(), []
        with self._reading() as db:
            for limit, subject in self._matched(self._budgets().limits, who):
                row = db.execute(
                    "select used, held from counters "
                    "where limit_id = ? and subject = ? and window = ?",
                    (limit.id, subject, window_of(limit.per, now)),
                ).fetchone()
                found.append(standing_of(limit, subject, row))
        return found

    @property
    def owed(self) -> int:
        """Ends of reservations that are not in the store yet."""
        return self._group.owed

    async def aclose(self) -> None:
        """End what is still owed, and close the file."""
        try:
            self._group.close()
        except (sqlite3.Error, SetupError) as error:  # the next start charges it in full
            log.error("not settled", extra={"facts": {"why": str(error)}})
        self._checkpoints.close()
        self._db.close()

    @staticmethod
    def _take(db: sqlite3.Connection, claims: tuple[Claim, ...], now: float) -> None:
        """Add to all counters, or to none where one has no room."""
        if not claims:
            return
        rows = db.execute(
            _TAKE[len(claims)] if len(claims) in _TAKE else _take_many(len(claims)),
            [v for c in claims for v in (c.limit.id, c.subject, c.window, c.held)],
        ).fetchall()
        rooms = {(row[0], row[1], row[2]): (row[3], row[4]) for row in rows}
        if (refusal := over(claims, rooms, now)) is not None:
            back = [(c.held, 0, c.limit.id, c.subject, c.window) for c in claims]
            db.executemany(_CHANGE, back)
            raise refusal

    def _sweep_dead(self, db: sqlite3.Connection) -> None:
        """Lapse what processes of this machine left open that run no more."""
        owners = db.execute(f"select distinct owner from uses where state = {OPEN}").fetchall()
        for (owner,) in owners:
            if owner != self._owner and not is_running(owner):
                self._lapse(db, "owner = ?", owner)

    @staticmethod
    def _lapse(db: sqlite3.Connection, condition: str, value: str | float) -> None:
        rows = db.execute(
            f"select id, claims from uses where state = {OPEN} and {condition}", (value,)
        ).fetchall()
        for number, claims in rows:
            db.executemany(_CHANGE, lapse_changes(claims))
            db.execute(f"update uses set state = {LAPSED} where id = ?", (number,))

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        self._look_at_file()
        try:
            self._group.pay()
            yield self._db
        except sqlite3.Error as error:
            raise _away(self._file, error) from None


def _opened(file: Path) -> sqlite3.Connection:
    """Open the file; where another process opens it too, wait for it: the change to WAL waits for nobody."""
    end = time.monotonic() + OPEN_S
    while True:
        db = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=2)
        try:
            db.executescript(f"pragma journal_mode=wal; pragma synchronous=normal; {_SCHEMA}")
        except sqlite3.OperationalError as error:
            db.close()
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.02)
        else:
            return db


def _identity(file: str) -> tuple[int, int]:
    found = os.stat(file)  # noqa: PTH116 - at each transaction; `Path.stat` takes half as long again
    return found.st_dev, found.st_ino


def _away(file: Path, error: Exception) -> SetupError:
    return SetupError(
        f"限额账本 {file.name} 无法读写（{error}），请求未发出",
        mend="核对数据目录的写权限和磁盘空间；恢复前不会放行任何请求",
    )
