"""Which features are taken: a condition on one field, from typed arguments, never from SQL."""

import re
from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from pydantic import model_validator

from cspon.errors import InputError
from cspon.schemas.base import Frozen
from cspon.schemas.spatial import LayerSpec

Operator = Literal[
    "eq", "ne", "in", "not_in", "starts_with", "contains", "lt", "le", "gt", "ge", "empty", "filled"
]
TITLES: dict[str, str] = {
    "eq": "等于", "ne": "不等于", "in": "属于", "not_in": "不属于", "starts_with": "开头为",
    "contains": "含有", "lt": "小于", "le": "不大于", "gt": "大于", "ge": "不小于",
    "empty": "为空", "filled": "不为空",
}  # fmt: skip
NUMERIC = ("lt", "le", "gt", "ge")
ALONE = ("empty", "filled")
_CONDITION = re.compile(r"\s*(\S+)\s+([a-z_]+)(?:\s+(.*\S))?\s*")
CODE = "code"
"""Stands for the code field of each layer."""


class Filter(Frozen):
    """A condition on one field."""

    field: str
    """A column of the layer, or `code` for its code field."""
    operator: Operator
    values: tuple[str | float, ...] = ()

    @model_validator(mode="after")
    def _fits(self) -> "Filter":
        if (self.operator in ALONE) != (not self.values):
            raise ValueError(f"{TITLES[self.operator]}（{self.operator}）的比较值不符")
        if self.operator in (*NUMERIC, "eq", "ne") and len(self.values) != 1:
            raise ValueError(f"{TITLES[self.operator]}（{self.operator}）须有一个比较值")
        if self.operator in NUMERIC and _number(self.values[0]) is None:
            raise ValueError(f"{TITLES[self.operator]}（{self.operator}）的比较值须是数")
        return self

    @property
    def words(self) -> str:
        """The condition for a reader."""
        return (
            f"{self.field} {TITLES[self.operator]} {'、'.join(str(v) for v in self.values)}".strip()
        )


def parse_filter(text: str) -> Filter:
    """Read a condition as the command line gives it: FIELD OPERATOR VALUE,VALUE.

    Raises:
        InputError: it does not read so.
    """
    match = _CONDITION.fullmatch(text)
    operators = "、".join(f"{name}（{title}）" for name, title in TITLES.items())
    mend = f'写作 "字段 运算 值,值"，例如 "DLBM starts_with 01"；运算有 {operators}'
    if match is None or match.group(2) not in get_args(Operator):
        raise InputError(f"筛选条件“{text}”读不懂", field="where", mend=mend)
    values = tuple(v.strip() for v in (match.group(3) or "").split(",") if v.strip())
    try:
        return Filter(field=match.group(1), operator=match.group(2), values=values)
    except ValueError:
        raise InputError(f"筛选条件“{text}”的比较值不符", field="where", mend=mend) from None


def matches(
    condition: Filter, values: Sequence[Any], spec: LayerSpec, fids: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Say which values meet a condition; an empty value meets only `empty`, `ne` and `not_in`.

    Raises:
        InputError: numbers are compared and a value is none: layer, feature and field.
    """
    asked = condition.values
    if condition.operator in NUMERIC:
        limit = _number(asked[0])
        assert limit is not None
        return np.array(
            [
                False
                if _empty(v)
                else _compare(condition, _required(v, spec, int(fid), condition.field), limit)
                for v, fid in zip(values, fids, strict=True)
            ],
            dtype=bool,
        )
    words = [str(value) for value in asked]
    return np.array(
        [_matches_text(condition.operator, value, words) for value in values], dtype=bool
    )


def _matches_text(operator: Operator, value: Any, words: list[str]) -> bool:
    if operator in ALONE:
        return _empty(value) is (operator == "empty")
    if _empty(value):
        return operator in ("ne", "not_in")
    text = _text(value)
    if operator == "starts_with":
        return text.startswith(tuple(words))
    if operator == "contains":
        return any(word in text for word in words)
    same = any(text == word or _same_number(value, word) for word in words)
    return same if operator in ("eq", "in") else not same


def _compare(condition: Filter, value: float, limit: float) -> bool:
    return {
        "lt": value < limit, "le": value <= limit, "gt": value > limit, "ge": value >= limit,
    }[condition.operator]  # fmt: skip


def _empty(value: Any) -> bool:
    return value is None or value != value or (isinstance(value, str) and not value.strip())


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).strip()


def _same_number(value: Any, word: str) -> bool:
    return not isinstance(value, str) and _number(word) == value


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None


def _required(value: Any, spec: LayerSpec, fid: int, field: str) -> float:
    number = _number(value)
    if number is None:
        raise InputError(
            f"要素 {fid} 的 {field} 为“{value}”，不是数，不能比较大小",
            file=spec.path,
            layer=spec.name,
            field=field,
            mend="改正该值，或改用 in、starts_with 等文字条件",
        )
    return number
