"""The ledger of several machines: PostgreSQL, exact because a counter's row is locked while it changes.

The server is named by a libpq service; its address and password stay in libpq's files, as for layers in
PostGIS. Tables lie in a schema of their own, made at the first start.
"""

import os
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from cspon.errors import missing_extra
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
from serving.budget.ledger import Claim, Matter, Reservation, Standing, Used
from serving.budget.limits import Budgets, Subject, Weight, Who, window_of
from serving.budget.owner import is_running, owner_of
from serving.budget.steady import Steady
from serving.budget.transactions import Change, Transactions

_SCHEMA = """
create schema if not exists cspon;
create table if not exists cspon.counters (
  limit_id text not null, subject text not null, window_number bigint not null,
  used bigint not null default 0, held bigint not null default 0,
  primary key (limit_id, subject, window_number)
) with (fillfactor = 50);
create table if not exists cspon.uses (
  id bigint generated always as identity primary key,
  at double precision not null, ends double precision not null, owner text not null,
  request_id text not null, endpoint text not null,
  "key" text not null, "user" text not null, tenant text not null, model text not null,
  department text not null, case_number text not null, state smallint not null,
  requests bigint not null, model_calls bigint not null,
  prompt bigint not null, completion bigint not null, money bigint not null,
  claims text not null
);
create index if not exists uses_at on cspon.uses using brin (at);
create index if not exists uses_open on cspon.uses (ends) where state = 0;
"""
_INSERT = (
    'insert into cspon.uses (at, ends, owner, request_id, endpoint, "key", "user", tenant, model, '
    "department, case_number, state, requests, model_calls, prompt, completion, money, claims) "
    f"values ({', '.join(['%s'] * 18)}) returning id"
)
_CLOSE = (
    "update cspon.uses set state = %s, requests = %s, model_calls = %s, prompt = %s, "
    "completion = %s, money = %s where id = %s and state = %s"
)
_CHANGE = (
    "update cspon.counters set held = held - %s, used = used + %s "
    "where limit_id = %s and subject = %s and window_number = %s"
)


class PostgresLedger:
    """A ledger in PostgreSQL.

    Args:
        service: Name of the libpq service.
        budgets: Returns the limits that hold now.
        clock: UTC seconds; the clocks of all machines must agree to well below a minute.

    Raises:
        SetupError: psycopg is not installed.
    """

    def __init__(
        self,
        service: str,
        budgets: Callable[[], Budgets],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        try:
            import psycopg_pool  # noqa: F401
        except ImportError:
            raise missing_extra("psycopg", "postgis") from None
        self._budgets, self._now = budgets, Steady(clock)
        self._matched = Matched()
        self._swept = float("-inf")
        self._owner = owner_of(os.getpid())
        self._group = Transactions(service, _SCHEMA)

    async def reserve(
        self, who: Who, weight: Weight, matter: Matter, *, ttl_s: float
    ) -> Reservation:
        """Take the weight from every limit that is for the request, or from none."""
        now = self._now()
        claims = claims_of(self._matched(self._budgets().limits, who), weight, now)
        facts = facts_of(who, weight, matter, claims, now=now, ttl_s=ttl_s, owner=self._owner)
        if now - self._swept > SWEEP_EVERY_S:
            self._swept = now
            await self._group.do(lambda db: self._sweep(db, now))

        async def change(db: Any) -> int:
            await self._take(db, claims, now)
            row = await (await db.execute(_INSERT, facts)).fetchone()
            return int(row[0])

        def undo(number: int) -> Change[None]:  # who asked left meanwhile: nothing was sent
            never = Reservation(number, who, weight, claims)
            return self._closing(never, attempt_of(never), REFUNDED)

        return Reservation(await self._group.do(change, undo), who, weight, claims)

    async def settle(self, reservation: Reservation, used: Weight) -> None:
        """Replace what was held by what was used."""
        await self._close(reservation, used, SETTLED)

    async def refund(self, reservation: Reservation) -> None:
        """Give tokens and money back; the attempt itself stays counted."""
        await self._close(reservation, attempt_of(reservation), REFUNDED)

    async def _close(self, reservation: Reservation, used: Weight, state: int) -> None:
        """End a reservation soon; nobody need wait for it."""
        if reservation.open:
            reservation.open = False
            self._group.soon(self._closing(reservation, used, state))

    @staticmethod
    def _closing(reservation: Reservation, used: Weight, state: int) -> Change[None]:
        told = ending_of(reservation, used, state)

        async def change(db: Any) -> None:
            lapsed = False
            if not (await db.execute(_CLOSE, (*told, OPEN))).rowcount:
                lapsed = bool((await db.execute(_CLOSE, (*told, LAPSED))).rowcount)
                if not lapsed:
                    return
            for step in changes_of(reservation, used, lapsed=lapsed):
                await db.execute(_CHANGE, step)

        return change

    async def usage(
        self, by: Subject | str, *, since: datetime, until: datetime, key: str | None = None
    ) -> list[Used]:
        """Return the use by subject, `department`, `case_number` or `endpoint`."""
        column = f'"{by}"' if by in GROUPS else "'*'"

        async def ask(db: Any) -> list[Any]:
            found = await db.execute(
                f"select {column}, sum(requests), sum(model_calls), sum(prompt), sum(completion), "
                f"sum(money), count(*) filter (where state = {LAPSED}) from cspon.uses "
                f"where at >= %s and at < %s and state != {OPEN} "
                'and (%s::text is null or "key" = %s) group by 1 order by 6 desc, 1',
                (since.timestamp(), until.timestamp(), key, key),
            )
            rows: list[Any] = await found.fetchall()
            return rows

        await self._group.caught_up()
        return [used_of(row) for row in await self._group.do(ask)]

    async def standings(self, who: Who) -> list[Standing]:
        """Return how the limits stand that are for a request of these subjects."""
        now = self._now()
        limits = self._matched(self._budgets().limits, who)

        async def ask(db: Any) -> list[Standing]:
            found = []
            for limit, subject in limits:
                row = await (
                    await db.execute(
                        "select used, held from cspon.counters "
                        "where limit_id = %s and subject = %s and window_number = %s",
                        (limit.id, subject, window_of(limit.per, now)),
                    )
                ).fetchone()
                found.append(standing_of(limit, subject, row))
            return found

        await self._group.caught_up()
        return await self._group.do(ask)

    @property
    def owed(self) -> int:
        """Ends of reservations that are not in the store yet."""
        return self._group.owed

    async def aclose(self) -> None:
        """End what is still owed, and close the connections."""
        await self._group.aclose()

    @staticmethod
    async def _take(db: Any, claims: tuple[Claim, ...], now: float) -> None:
        """Add to all counters; what is raised rolls the transaction back."""
        if not claims:
            return
        values = ", ".join(["(%s, %s, %s, 0, %s)"] * len(claims))
        found = await db.execute(
            f"insert into cspon.counters as c values {values} "
            "on conflict (limit_id, subject, window_number) do update "
            "set held = c.held + excluded.held returning limit_id, subject, window_number, used, held",
            [v for c in claims for v in (c.limit.id, c.subject, c.window, c.held)],
        )
        rooms = {(row[0], row[1], row[2]): (row[3], row[4]) for row in await found.fetchall()}
        if (refusal := over(claims, rooms, now)) is not None:
            raise refusal

    async def _sweep(self, db: Any, now: float) -> None:
        """Lapse what is open beyond its time, or whose process of this machine runs no more."""
        found = await db.execute(f"select distinct owner from cspon.uses where state = {OPEN}")
        dead = [row[0] for row in await found.fetchall() if not is_running(row[0])]
        rows = await db.execute(
            f"select id, claims from cspon.uses where state = {OPEN} "
            "and (ends < %s or owner = any(%s)) for update skip locked",
            (now, dead),
        )
        for number, claims in await rows.fetchall():
            for step in lapse_changes(claims):
                await db.execute(_CHANGE, step)
            await db.execute(f"update cspon.uses set state = {LAPSED} where id = %s", (number,))
