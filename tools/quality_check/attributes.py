"""Checks of attribute values, chunk by chunk: filled in, length, type, domain, codes and names."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from tools.quality_check.context import LayerContext
from tools.quality_check.features import Chunk
from tools.quality_check.hits import Hit
from tools.quality_check.model import FieldRule
from tools.quality_check.registry import check
from tools.quality_check.schemes import scheme_codes
from tools.quality_check.shapes import hits


def blank(value: Any) -> bool:
    """Say whether a value is missing: null, or a text of blanks."""
    return value is None or (isinstance(value, str) and not value.strip())


def present(chunk: Chunk, context: LayerContext) -> Iterator[tuple[FieldRule, list[Any]]]:
    """Iterate over the fields of the rule that the layer has, with their values."""
    for field in context.rule.fields:
        if field.name in chunk.columns:
            yield field, chunk.columns[field.name]


def _where(
    chunk: Chunk, context: LayerContext, field: str, values: list[Any], wrong: Callable[[Any], str]
) -> Iterator[Hit]:
    """Test each different value once and make hits of the features that hold a wrong one."""
    verdicts: dict[Any, str] = {}
    for value in set(values):
        said = wrong(value)
        if said:
            verdicts[value] = said
    if not verdicts:
        return
    for row, value in enumerate(values):
        if value in verdicts:
            hit = next(hits(chunk, context, int(row), verdicts[value]))
            yield replace(hit, field=field, measured="空" if blank(value) else str(value)[:60])


@check("empty_value", scope="features")
def empty_value(chunk: Chunk, context: LayerContext, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find features without a value that every feature needs."""
    for field, values in present(chunk, context):
        if field.filled:
            yield from _where(
                chunk, context, field.name, values, lambda v: "必填字段为空" if blank(v) else ""
            )


@check("value_type", scope="features")
def value_type(chunk: Chunk, context: LayerContext, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find values that are not of the field's type: a text in a number field."""
    for field, values in present(chunk, context):
        if field.type in ("integer", "number"):
            yield from _where(
                chunk,
                context,
                field.name,
                values,
                lambda v: "值不是数" if not blank(v) and number(v) is None else "",
            )


def number(value: Any) -> float | None:
    """Read a finite number, or None."""
    if isinstance(value, bool):
        return None
    try:
        read = float(value)
    except (TypeError, ValueError):
        return None
    return read if np.isfinite(read) else None


@check("value_length", scope="features")
def value_length(chunk: Chunk, context: LayerContext, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find texts longer than the field may hold."""
    for field, values in present(chunk, context):
        most = field.length
        if field.type == "text" and most is not None:
            yield from (
                replace(hit, tolerance=f"{most} 字")
                for hit in _where(
                    chunk,
                    context,
                    field.name,
                    values,
                    lambda v, most=most: (  # type: ignore[misc]
                        f"文字长 {len(v)}，超过 {most}"
                        if isinstance(v, str) and len(v) > most
                        else ""
                    ),
                )
            )


@check("value_encoding", scope="features")
def value_encoding(
    chunk: Chunk, context: LayerContext, parameters: dict[str, Any]
) -> Iterator[Hit]:
    """Find texts that did not decode."""
    for field, values in present(chunk, context):
        yield from _where(
            chunk,
            context,
            field.name,
            values,
            lambda v: "文字编码有误（乱码）" if isinstance(v, str) and "\ufffd" in v else "",
        )


@check("value_pattern", scope="features")
def value_pattern(chunk: Chunk, context: LayerContext, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find texts that do not have the field's form."""
    for field, values in present(chunk, context):
        if field.pattern is None:
            continue
        form = re.compile(field.pattern)
        for row, value in enumerate(values):
            if not blank(value) and not form.fullmatch(str(value)):
                mask = int(row)
                hit = next(hits(chunk, context, mask, "值不符合规定的格式"))
                yield replace(
                    hit, field=field.name, measured=str(value)[:60], tolerance=field.pattern
                )


@check("value_domain", scope="features")
def value_domain(chunk: Chunk, context: LayerContext, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find values outside a list or a code scheme."""
    for field, values in present(chunk, context):
        scheme = scheme_codes(field.scheme) if field.scheme else None
        if scheme is None and not field.values:
            continue
        allowed = set(field.values) | set(scheme or ())
        title = f"代码表 {field.scheme}" if field.scheme else "值域"
        yield from _where(
            chunk,
            context,
            field.name,
            values,
            lambda v, allowed=allowed, title=title: (  # type: ignore[misc]
                "" if blank(v) or str(v).strip() in allowed else f"值“{v}”不在{title}内"
            ),
        )


@check("value_range", scope="features")
def value_range(chunk: Chunk, context: LayerContext, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find numbers outside the field's range."""
    for field, values in present(chunk, context):
        low, high = field.minimum, field.maximum
        if low is None and high is None:
            continue
        allowed = f"{'' if low is None else f'{low:g}'}～{'' if high is None else f'{high:g}'}"

        def wrong(
            value: Any, low: float | None = low, high: float | None = high, allowed: str = allowed
        ) -> str:
            read = number(value)
            if read is None:
                return ""
            outside = (low is not None and read < low) or (high is not None and read > high)
            return f"值超出范围（{allowed}）" if outside else ""

        for hit in _where(chunk, context, field.name, values, wrong):
            yield replace(hit, tolerance=allowed)


@check("code_name", scope="features")
def code_name(chunk: Chunk, context: LayerContext, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find names that are not those of the code beside them."""
    for field, values in present(chunk, context):
        scheme = scheme_codes(field.scheme) if field.scheme and field.name_field else None
        names = chunk.columns.get(field.name_field or "")
        if scheme is None or names is None:
            continue
        pairs = list(zip(values, names, strict=True))

        def wrong(pair: Any, scheme: Any = scheme) -> str:
            code, name = pair
            if blank(code) or blank(name) or str(code).strip() not in scheme:
                return ""
            right = scheme[str(code).strip()]
            return (
                ""
                if str(name).strip() == right
                else f"代码 {code} 的名称应为“{right}”，写作“{name}”"
            )

        yield from _where(chunk, context, field.name_field or "", pairs, wrong)


@check("element_code", scope="features")
def element_code(chunk: Chunk, context: LayerContext, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find element codes (YSDM) that do not belong to the layer."""
    field, allowed = context.pack.element_code_field, context.rule.element_codes
    if allowed and field in chunk.columns:
        shown = "、".join(allowed)
        for hit in _where(
            chunk,
            context,
            field,
            chunk.columns[field],
            lambda v: "" if blank(v) or str(v) in allowed else f"要素代码应为 {shown}",
        ):
            yield replace(hit, tolerance=shown)


@check("region_code", scope="features")
def region_code(chunk: Chunk, context: LayerContext, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find administrative codes outside the county, and names that are not the code's."""
    region, pack = context.region, context.pack
    codes = chunk.columns.get(pack.region_code_field)
    if codes is None or not region.code:
        return
    for hit in _where(
        chunk,
        context,
        pack.region_code_field,
        codes,
        lambda v: (
            "" if blank(v) or str(v).startswith(region.code) else f"不属于本行政区（{region.code}）"
        ),
    ):
        yield replace(hit, tolerance=region.code)
    names = chunk.columns.get(pack.region_name_field)
    if names is None:
        return

    def wrong(pair: Any) -> str:
        code, name = pair
        right = region.names.get(str(code))
        if right is None or blank(name) or str(name) == right:
            return ""
        return f"代码 {code} 的行政区名称应为“{right}”，写作“{name}”"

    pairs = list(zip(codes, names, strict=True))
    for hit in _where(chunk, context, pack.region_name_field, pairs, wrong):
        yield hit


@check("identifier_region", scope="features")
def identifier_region(
    chunk: Chunk, context: LayerContext, parameters: dict[str, Any]
) -> Iterator[Hit]:
    """Find identifiers (BSM) that do not begin with the county's code."""
    field, code = context.pack.id_field, context.region.code
    for row, value in enumerate(chunk.columns.get(field, ()) if code else ()):
        if not blank(value) and not str(value).startswith(code):
            hit = next(hits(chunk, context, int(row), "标识码不以本行政区代码开头"))
            yield replace(hit, field=field, measured=str(value)[:60], tolerance=code)
