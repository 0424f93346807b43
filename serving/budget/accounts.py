"""What all ledgers share: which counters a request claims, what a settlement changes, what is told."""

from collections.abc import Sequence
from typing import Any, Final

import orjson

from serving.budget.ledger import BudgetExceeded, Claim, Matter, Reservation, Standing, Used
from serving.budget.limits import Limit, Weight, Who, ends_in, matching, window_of

OPEN, SETTLED, REFUNDED, LAPSED = range(4)
SWEEP_EVERY_S = 30.0
MOST_KNOWN = 10_000
GROUPS: Final = ("key", "user", "tenant", "model", "department", "case_number", "endpoint")
Change = tuple[int, int, str, str, int]
"""Taken from `held`, added to `used`, and the counter: limit, subject, window."""


class Matched:
    """The limits that are for a requester, found once for as long as the limits hold.

    They come in one order for all, so that no two requests wait for each other.
    """

    def __init__(self) -> None:
        self._limits: Sequence[Limit] = ()
        self._found: dict[Who, list[tuple[Limit, str]]] = {}

    def __call__(self, limits: Sequence[Limit], who: Who) -> list[tuple[Limit, str]]:
        """Return the limits, each with the subject that it counts."""
        if limits is not self._limits or len(self._found) > MOST_KNOWN:
            self._limits, self._found = limits, {}
        found = self._found.get(who)
        if found is None:
            found = sorted(matching(limits, who), key=lambda pair: (pair[0].id, pair[1]))
            self._found[who] = found
        return found


def claims_of(
    matched: Sequence[tuple[Limit, str]], weight: Weight, now: float
) -> tuple[Claim, ...]:
    """Return what a request claims of the limits that are for it."""
    return tuple(
        [
            Claim(limit, subject, window_of(limit.per, now), units)
            for limit, subject in matched
            if (units := weight.on(limit))
        ]
    )


def facts_of(
    who: Who, weight: Weight, matter: Matter, claims: tuple[Claim, ...], *, now: float,
    ttl_s: float, owner: str,
) -> tuple[Any, ...]:  # fmt: skip
    """Return the columns of a use that has just been reserved, without its number."""
    return (
        now, now + ttl_s, owner, matter.request_id, matter.endpoint,
        who.key, who.user, who.tenant, who.model, matter.department,
        matter.case_number, OPEN, weight.requests, weight.model_calls,
        weight.prompt, weight.completion, weight.money, _as_json(claims),
    )  # fmt: skip


def ending_of(reservation: Reservation, used: Weight, state: int) -> tuple[int, ...]:
    """Return the columns of a use that ends: its state, what was used, and its number."""
    return (
        state, used.requests, used.model_calls, used.prompt, used.completion, used.money,
        reservation.id,
    )  # fmt: skip


def standing_of(limit: Limit, subject: str, row: Sequence[int] | None) -> Standing:
    """Return how a limit stands from `used` and `held` of its counter; None: not counted yet."""
    used, held = row or (0, 0)
    return Standing(
        limit=limit.id, title=limit.title, subject=subject, amount=limit.units, used=used, held=held
    )


def changes_of(reservation: Reservation, used: Weight, *, lapsed: bool) -> list[Change]:
    """Return what a settlement changes; `lapsed`: it was charged in full already."""
    changes = []
    for claim in reservation.claims:
        counted = claim.limit.of != "concurrency"
        held, spent = claim.held, used.on(claim.limit) if counted else 0
        if lapsed:
            held, spent = 0, spent - (claim.held if counted else 0)
        changes.append((held, spent, claim.limit.id, claim.subject, claim.window))
    return changes


def lapse_changes(claims: str) -> list[Change]:
    """Return what charging a reservation in full changes, from its claims as kept."""
    return [(held, charged, limit, subject, window) for limit, subject, window, held, charged in orjson.loads(claims)]  # fmt: skip


def attempt_of(reservation: Reservation) -> Weight:
    """Return what stays counted of a request that is refunded: that it was made."""
    weight = reservation.weight
    return Weight(requests=weight.requests, model_calls=weight.model_calls)


def over(
    claims: Sequence[Claim], rooms: dict[tuple[str, str, int], tuple[int, int]], now: float
) -> BudgetExceeded | None:
    """Return the refusal of the first limit without room, given `used` and `held` with the claims."""
    for claim in claims:
        used, held = rooms[claim.limit.id, claim.subject, claim.window]
        if used + held > claim.limit.units:
            return _exceeded(claim, used + held - claim.held, now)
    return None


def used_of(row: Sequence[Any]) -> Used:
    """Return a line of a report from its row."""
    subject, requests, calls, prompt, completion, money, lapsed = row
    return Used(
        subject=subject, requests=int(requests), model_calls=int(calls), prompt_tokens=int(prompt),
        completion_tokens=int(completion), money=int(money), lapsed=int(lapsed),
    )  # fmt: skip


def _exceeded(claim: Claim, taken: int, now: float) -> BudgetExceeded:
    wait = 1 if claim.limit.of == "concurrency" else ends_in(claim.limit.per, now)
    if claim.held > claim.limit.units and claim.limit.of != "concurrency":
        wait = None  # it would not fit into a fresh window either
    left = max(0, claim.limit.units - taken)
    return BudgetExceeded(claim.limit, left=left, retry_after_s=wait)


def _as_json(claims: tuple[Claim, ...]) -> str:
    return orjson.dumps(
        [
            (c.limit.id, c.subject, c.window, c.held, 0 if c.limit.of == "concurrency" else c.held)
            for c in claims
        ]
    ).decode()
