"""The embedded ledger: SQLite, exact for any number of processes on one machine.

A reservation is one `begin immediate` transaction of about 30 µs, so it runs on the event loop itself:
no thread to wait for, and requests of one process never see each other half done. The journal (WAL)
survives `kill -9`; the last moments before a power failure may be lost.
"""

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from cspon.errors import SetupError
from serving.budget.ledger import (
    BudgetExceeded,
    Claim,
    Matter,
    Reservation,
    Standing,
    Used,
)
from serving.budget.limits import Budgets, Limit, Subject, Weight, Who, ends_in, matching, window_of

OPEN, SETTLED, REFUNDED, LAPSED = range(4)
CHECKPOINT_PAGES = 8000
SWEEP_EVERY_S = 30.0
GROUPS: Final = ("key", "user", "tenant", "model", "department", "case_number", "endpoint")

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
create index if not exists uses_at on uses (at);
create index if not exists uses_open on uses (state) where state = 0;
"""


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
        self._file, self._budgets, self._clock = file, budgets, clock
        self._latest, self._swept = 0.0, 0.0
        self._owner = owner_of(os.getpid())
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(mode=0o600)
            self._db = sqlite3.connect(
                file, isolation_level=None, check_same_thread=False, timeout=2
            )
            self._db.execute("pragma journal_mode=wal")
            self._db.execute("pragma synchronous=normal")
            self._db.execute(f"pragma wal_autocheckpoint={CHECKPOINT_PAGES}")
            self._db.executescript(_SCHEMA)
            self._sweep_dead()
        except (OSError, sqlite3.Error) as error:
            raise _away(file, error) from None

    async def reserve(
        self, who: Who, weight: Weight, matter: Matter, *, ttl_s: float
    ) -> Reservation:
        """Take the weight from every limit that is for the request, or from none."""
        now = self._now()
        limits = matching(self._budgets().limits, who)
        claims = tuple(
            Claim(limit, subject, window_of(limit.per, now), weight.on(limit))
            for limit, subject in limits
            if weight.on(limit)
        )
        with self._transaction() as db:
            if now - self._swept > SWEEP_EVERY_S:
                self._sweep(db, now)
            for claim in claims:
                self._check(db, claim, now)
            for claim in claims:
                db.execute(
                    "insert into counters values (?, ?, ?, 0, ?) on conflict do update "
                    "set held = held + excluded.held",
                    (claim.limit.id, claim.subject, claim.window, claim.held),
                )
            number = db.execute(
                "insert into uses values "
                "(null, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    now, now + ttl_s, self._owner, matter.request_id, matter.endpoint,
                    who.key, who.user, who.tenant, who.model, matter.department,
                    matter.case_number, OPEN, weight.requests, weight.model_calls,
                    weight.prompt, weight.completion, weight.money, _as_json(claims),
                ),
            ).lastrowid  # fmt: skip
        assert number is not None
        return Reservation(number, who, weight, claims)

    async def settle(self, reservation: Reservation, used: Weight) -> None:
        """Replace what was held by what was used."""
        self._close(reservation, used, SETTLED)

    async def refund(self, reservation: Reservation) -> None:
        """Give tokens and money back; the attempt itself stays counted."""
        attempt = Weight(
            requests=reservation.weight.requests, model_calls=reservation.weight.model_calls
        )
        self._close(reservation, attempt, REFUNDED)

    def _close(self, reservation: Reservation, used: Weight, state: int) -> None:
        if not reservation.open:
            return
        with self._transaction() as db:
            row = db.execute("select state from uses where id = ?", (reservation.id,)).fetchone()
            if row is None or row[0] not in (OPEN, LAPSED):
                reservation.open = False
                return
            for claim in reservation.claims:
                spent = 0 if claim.limit.of == "concurrency" else used.on(claim.limit)
                if row[0] == OPEN:
                    held, more = claim.held, spent
                else:  # it was charged in full already
                    held = 0
                    more = spent - (0 if claim.limit.of == "concurrency" else claim.held)
                db.execute(
                    "update counters set held = held - ?, used = used + ? "
                    "where limit_id = ? and subject = ? and window = ?",
                    (held, more, claim.limit.id, claim.subject, claim.window),
                )
            db.execute(
                "update uses set state = ?, requests = ?, model_calls = ?, prompt = ?, "
                "completion = ?, money = ? where id = ?",
                (
                    state, used.requests, used.model_calls, used.prompt, used.completion,
                    used.money, reservation.id,
                ),
            )  # fmt: skip
        reservation.open = False

    async def usage(
        self, by: Subject | str, *, since: datetime, until: datetime, key: str | None = None
    ) -> list[Used]:
        """Return the use by subject, `department`, `case_number` or `endpoint`."""
        column = '"key"' if by == "key" else by if by in GROUPS else "'*'"
        with self._reading() as db:
            rows = db.execute(
                f"select {column}, sum(requests), sum(model_calls), sum(prompt), sum(completion), "
                f"sum(money), sum(state = {LAPSED}) from uses where at >= ? and at < ? "
                f'and state != {OPEN} and (? is null or "key" = ?) group by 1 order by 6 desc, 1',
                (since.timestamp(), until.timestamp(), key, key),
            ).fetchall()
        return [
            Used(
                subject=row[0], requests=row[1], model_calls=row[2], prompt_tokens=row[3],
                completion_tokens=row[4], money=row[5], lapsed=row[6],
            )
            for row in rows
        ]  # fmt: skip

    async def standings(self, who: Who) -> list[Standing]:
        """Return how the limits stand that are for a request of these subjects."""
        now, found = self._now(), []
        with self._reading() as db:
            for limit, subject in matching(self._budgets().limits, who):
                used, held = self._counted(db, limit, subject, window_of(limit.per, now))
                found.append(
                    Standing(
                        limit=limit.id, title=limit.title, subject=subject, amount=limit.units,
                        used=used, held=held,
                    )
                )  # fmt: skip
        return found

    async def aclose(self) -> None:
        """Close the file."""
        self._db.close()

    def _check(self, db: sqlite3.Connection, claim: Claim, now: float) -> None:
        used, held = self._counted(db, claim.limit, claim.subject, claim.window)
        left = claim.limit.units - used - held
        if claim.held > left:
            wait = 1 if claim.limit.of == "concurrency" else ends_in(claim.limit.per, now)
            if claim.held > claim.limit.units and claim.limit.of != "concurrency":
                wait = None  # it would not fit into a fresh window either
            raise BudgetExceeded(claim.limit, left=max(0, left), retry_after_s=wait)

    @staticmethod
    def _counted(
        db: sqlite3.Connection, limit: Limit, subject: str, window: int
    ) -> tuple[int, int]:
        row = db.execute(
            "select used, held from counters where limit_id = ? and subject = ? and window = ?",
            (limit.id, subject, window),
        ).fetchone()
        return (row[0], row[1]) if row else (0, 0)

    def _now(self) -> float:
        self._latest = max(self._latest, self._clock())
        return self._latest

    def _sweep_dead(self) -> None:
        """Lapse what processes of this machine left open that run no more."""
        with self._transaction() as db:
            owners = db.execute(f"select distinct owner from uses where state = {OPEN}").fetchall()
            for (owner,) in owners:
                if owner != self._owner and not is_running(owner):
                    self._lapse(db, "owner = ?", owner)

    def _sweep(self, db: sqlite3.Connection, now: float) -> None:
        """Lapse what is open beyond its time."""
        self._swept = now
        self._lapse(db, "ends < ?", now)

    @staticmethod
    def _lapse(db: sqlite3.Connection, condition: str, value: str | float) -> None:
        rows = db.execute(
            f"select id, claims from uses where state = {OPEN} and {condition}", (value,)
        ).fetchall()
        for number, claims in rows:
            for limit_id, subject, window, held, charged in json.loads(claims):
                db.execute(
                    "update counters set held = held - ?, used = used + ? "
                    "where limit_id = ? and subject = ? and window = ?",
                    (held, charged, limit_id, subject, window),
                )
            db.execute(f"update uses set state = {LAPSED} where id = ?", (number,))

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        try:
            yield self._db
        except sqlite3.Error as error:
            raise _away(self._file, error) from None

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as db:
            db.execute("begin immediate")
            try:
                yield db
                db.execute("commit")
            except BaseException:
                if db.in_transaction:
                    db.execute("rollback")
                raise


def owner_of(pid: int) -> str:
    """Name a process of this machine so that a later one of the same number is another."""
    return f"{os.uname().nodename}:{pid}:{_started(pid)}"


def is_running(owner: str) -> bool:
    """Say whether a process still runs; one of another machine counts as running."""
    node, pid, started = owner.rsplit(":", 2)
    if node != os.uname().nodename:
        return True
    return _started(int(pid)) == started != ""


def _started(pid: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


def _as_json(claims: tuple[Claim, ...]) -> str:
    return json.dumps(
        [
            (c.limit.id, c.subject, c.window, c.held, 0 if c.limit.of == "concurrency" else c.held)
            for c in claims
        ],
        ensure_ascii=False,
    )


def _away(file: Path, error: Exception) -> SetupError:
    return SetupError(
        f"限额账本 {file.name} 无法读写（{error}），请求未发出",
        mend="核对数据目录的写权限和磁盘空间；恢复前不会放行任何请求",
    )
