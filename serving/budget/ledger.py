"""The contract of a ledger: reserve, then settle or refund; never served past a limit.

Every implementation keeps the same promises, and one suite of tests asks them of all:

- `reserve` checks all limits and adds to all counters in one atomic step, in the store.
- A settlement may be carried out a few milliseconds after it was asked for, with the next reservation;
  until then the whole bound stays held, so that no limit is passed.
- A reservation is settled once; settling or refunding it again changes nothing.
- Who is cancelled while they reserve hold nothing: nothing was sent for them.
- What could not be settled because the store was away is settled once it is back.
- A reservation whose process died is charged in full when it lapses: nothing is lost, at worst the
  bound is charged instead of the use.
- When the store is away, `reserve` raises and nothing is dispatched.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from cspon.schemas.base import Frozen
from serving.budget.limits import Limit, Subject, Weight, Who
from serving.problems import ApiError

RATE = "rate_limit_error"


@dataclass(frozen=True, slots=True)
class Claim:
    """What a reservation holds of one counter."""

    limit: Limit
    subject: str
    window: int
    held: int


@dataclass(slots=True)
class Reservation:
    """What was reserved for one request; `open` until it is settled, refunded or lapsed."""

    id: int
    who: Who
    weight: Weight
    claims: tuple[Claim, ...] = field(default=())
    open: bool = True


@dataclass(frozen=True, slots=True)
class Matter:
    """What a request is about; for attribution only."""

    endpoint: str
    request_id: str = ""
    department: str = ""
    case_number: str = ""


class BudgetExceeded(ApiError):
    """A limit does not leave room for the request.

    Args:
        limit: Which one.
        left: Units that are left (micro-yuan for money).
        retry_after_s: Seconds until its window ends; None where waiting does not help.
    """

    def __init__(self, limit: Limit, *, left: int, retry_after_s: int | None) -> None:
        wait = f"请 {retry_after_s} 秒后再试" if retry_after_s else "请联系管理员"
        left_text = f"余 {left / 1_000_000:.2f} 元" if limit.of == "money" else f"余 {left}"
        super().__init__(
            429,
            f"超过限额：{limit.title}（{left_text}），{wait}",
            code="budget_exceeded",
            kind=RATE,
            limit=limit.id,
        )
        self.limit = limit
        if retry_after_s is not None:
            self.headers = {"retry-after": str(retry_after_s)}


class Used(Frozen):
    """A line of a report of use. Money is in micro-yuan."""

    subject: str
    requests: int
    model_calls: int
    prompt_tokens: int
    completion_tokens: int
    money: int
    lapsed: int
    """Requests that were charged in full because their process ended."""


class Standing(Frozen):
    """How a limit stands for one subject in the current window."""

    limit: str
    title: str
    subject: str
    amount: int
    used: int
    held: int


class Ledger(Protocol):
    """Keeps the counters."""

    async def reserve(
        self, who: Who, weight: Weight, matter: Matter, *, ttl_s: float
    ) -> Reservation:
        """Take the weight from every limit that is for the request, or from none.

        Args:
            who: Its subjects.
            weight: What it needs at most.
            matter: What it is about.
            ttl_s: Seconds after which it counts as lost.

        Raises:
            BudgetExceeded: a limit leaves no room.
            SetupError: the store is away; nothing may be dispatched.
        """
        ...

    async def settle(self, reservation: Reservation, used: Weight) -> None:
        """Replace what was held by what was used, soon; where the store is away, when it is back."""
        ...

    async def refund(self, reservation: Reservation) -> None:
        """Give tokens and money back, as `settle` does; the attempt itself stays counted."""
        ...

    async def usage(
        self, by: Subject | str, *, since: datetime, until: datetime, key: str | None = None
    ) -> list[Used]:
        """Return the use of settled requests by subject, `department` or `case_number`.

        Args:
            by: What a line stands for.
            since: From this moment on.
            until: Up to this moment, without it.
            key: Only of this key.
        """
        ...

    async def standings(self, who: Who) -> list[Standing]:
        """Return how the limits stand that are for a request of these subjects."""
        ...

    @property
    def owed(self) -> int:
        """Ends of reservations that are not in the store yet."""
        ...

    async def aclose(self) -> None:
        """Release the store."""
        ...
