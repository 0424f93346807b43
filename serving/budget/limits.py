"""Limits and prices as data, and what a request weighs against them.

Windows are calendar minutes, hours, days and months of China standard time (UTC+8, no summer time).
Money is counted in whole micro-yuan, rounded up, so that sums are exact.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator

from cspon.schemas.base import Frozen
from serving.model_names import ModelName, today
from tools.library.reading import field_error, read_yaml

Resource = Literal["requests", "tokens", "money", "concurrency"]
Subject = Literal["key", "user", "tenant", "model", "everyone"]
Window = Literal["minute", "hour", "day", "month", "total"]
MAX_LIMITS = 1000
YUAN = 1_000_000
"""Micro-yuan of a yuan."""
UTC_PLUS_8 = 8 * 3600

WINDOW_TITLES = {
    "minute": "每分钟",
    "hour": "每小时",
    "day": "每日",
    "month": "每月",
    "total": "累计",
}
RESOURCE_TITLES = {
    "requests": "请求数",
    "tokens": "词元数",
    "money": "费用（元）",
    "concurrency": "同时进行的请求数",
}
SUBJECT_TITLES = {
    "key": "密钥",
    "user": "用户",
    "tenant": "单位",
    "model": "模型",
    "everyone": "全体",
}


class Limit(Frozen):
    """One limit.

    Requests and concurrency of a key, user, tenant or of everyone count calls of the API; those of a
    model count calls of the model. Tokens are prompt and completion together.
    """

    id: str = Field(pattern=r"[^\s/]{1,80}")
    by: Subject
    of: Resource
    per: Window | None = None
    amount: Decimal = Field(ge=0)
    """Yuan for money, whole numbers otherwise."""
    only: tuple[str, ...] = ()
    """Subjects that it is for, by name (a key by its id); empty: each one has this limit."""

    @field_validator("only")
    @classmethod
    def _models_of_today(cls, only: tuple[str, ...], given: ValidationInfo) -> tuple[str, ...]:
        return tuple(map(today, only)) if given.data.get("by") == "model" else only

    @model_validator(mode="after")
    def _check(self) -> "Limit":
        if (self.of == "concurrency") != (self.per is None):
            raise ValueError("concurrency 不写 per；其他的须写 per")
        if self.of != "money" and self.amount != self.amount.to_integral_value():
            raise ValueError("amount 应为整数")
        return self

    @cached_property
    def units(self) -> int:
        """The amount in whole units (micro-yuan for money)."""
        return int(self.amount * YUAN) if self.of == "money" else int(self.amount)

    @property
    def title(self) -> str:
        """Say the limit in Chinese."""
        per = WINDOW_TITLES.get(self.per or "", "")
        return f"{SUBJECT_TITLES[self.by]}{per}{RESOURCE_TITLES[self.of]}上限 {self.amount}"


class Price(Frozen):
    """Yuan for a million tokens."""

    prompt: Decimal = Field(Decimal(0), ge=0)
    completion: Decimal = Field(Decimal(0), ge=0)

    @cached_property
    def _scaled(self) -> tuple[int, int, int]:
        """Both prices as whole numbers, and what they are multiples of."""
        places = max(0, *(-int(p.as_tuple().exponent) for p in (self.prompt, self.completion)))
        scale = 10**places
        return int(self.prompt * scale), int(self.completion * scale), scale

    def cost(self, prompt: int, completion: int) -> int:
        """Return micro-yuan, rounded up."""
        each_prompt, each_completion, scale = self._scaled
        return -(-(each_prompt * prompt + each_completion * completion) // scale)


class Budgets(Frozen):
    """All limits and prices of a server."""

    limits: tuple[Limit, ...] = Field((), max_length=MAX_LIMITS)
    prices: dict[ModelName, Price] = Field(default_factory=dict)
    """By model; the price under `*` is for those that have none of their own."""

    @model_validator(mode="after")
    def _ids_differ(self) -> "Budgets":
        ids = [limit.id for limit in self.limits]
        twice = sorted({i for i in ids if ids.count(i) > 1})
        if twice:
            raise ValueError(f"编号重复：{'、'.join(twice)}")
        return self

    def price(self, model: str) -> Price:
        """Return the price of a model; free where none is set."""
        return self.prices.get(model) or self.prices.get("*") or FREE


FREE = Price()


@dataclass(frozen=True, slots=True)
class Who:
    """The subjects of a request."""

    key: str
    user: str = ""
    tenant: str = ""
    model: str = ""

    def of(self, subject: Subject) -> str:
        """Return the name of a subject; empty where the request has none."""
        return "*" if subject == "everyone" else str(getattr(self, subject))


@dataclass(frozen=True, slots=True)
class Weight:
    """What a request needs at most, or used in the end.

    `requests` counts the call of the API, `model_calls` those of a model; both also weigh on the limits
    of concurrency while the request is open. Money is in micro-yuan.
    """

    requests: int = 0
    model_calls: int = 0
    prompt: int = 0
    completion: int = 0
    money: int = 0

    @property
    def tokens(self) -> int:
        """Tokens of both kinds."""
        return self.prompt + self.completion

    def on(self, limit: Limit) -> int:
        """Return the units that weigh on a limit."""
        if limit.of == "tokens":
            return self.tokens
        if limit.of == "money":
            return self.money
        return self.model_calls if limit.by == "model" else self.requests


def matching(limits: Iterable[Limit], who: Who) -> list[tuple[Limit, str]]:
    """Return the limits that are for a request, each with the subject that it counts."""
    found = []
    for limit in limits:
        subject = who.of(limit.by)
        if subject and (not limit.only or subject in limit.only):
            found.append((limit, subject))
    return found


def window_of(per: Window | None, now: float) -> int:
    """Return the number of the calendar window at `now` (UTC seconds); 0 for none."""
    return 0 if per is None else _window(per, int(now))


@lru_cache(maxsize=64)
def _window(per: Window, now: int) -> int:
    local = now + UTC_PLUS_8
    match per:
        case "minute":
            return now // 60
        case "hour":
            return now // 3600
        case "day":
            return local // 86_400
        case "month":
            year, month = _year_month(local)
            return year * 12 + month - 1
        case _:
            return 0


def ends_in(per: Window | None, now: float) -> int | None:
    """Return the whole seconds until the window at `now` ends, at least 1; None where it never does."""
    if per not in ("minute", "hour", "day", "month"):
        return None
    here, low, high = window_of(per, now), 0, 32 * 86_400
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if window_of(per, now + middle) != here else (middle, high)
    return high


def _year_month(local: int) -> tuple[int, int]:
    then = time.gmtime(local)
    return then.tm_year, then.tm_mon


def read_budgets(file: Path) -> Budgets:
    """Read limits and prices; a missing file is no limits.

    Raises:
        InputError: the file is not as it should be; names the field.
    """
    if not file.exists():
        return Budgets()
    content = read_yaml(file)
    try:
        return Budgets.model_validate(content or {})
    except ValidationError as error:
        raise field_error(file, error) from None
