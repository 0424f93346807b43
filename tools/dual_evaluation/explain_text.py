"""An explanation as sentences and as a table; every figure is one of the explanation's own."""

from typing import Any

from cspon.schemas.spatial import Column, Table
from tools.dual_evaluation.explain import Explanation, Limit
from tools.dual_evaluation.scheme import Scheme

MOST_SAID = 5
"""Factors that a sentence names; the table has all."""
SHORT = 60
"""A standard longer than this is left to the table."""


def sentences(found: Explanation) -> tuple[str, ...]:
    """Say it: shares first, then what limits, what is outside, what is next, and how it was read."""
    lines = [_shares(found)]
    if found.evaluation == "ecology":
        lines += [f"{found.best}的主要原因：{_said(found.limits)}。"] if found.limits else []
    else:
        if found.limits:
            lines.append(f"{found.worst}的限制因素：{_said(found.limits)}。")
        if found.outside:
            lines.append(f"评价范围外的土地为生态保护极重要区，主要因为：{_said(found.outside)}。")
        lines += _fit(found)
        if not found.limits and not found.outside and not found.near and not found.lowered:
            lines.append("没有发现限制因素。")
    if found.note:
        lines.append(f"{found.note}。")
    return tuple(lines)


def caveats(scheme: Scheme, found: Explanation) -> tuple[str, ...]:
    """Say what is not counted in and what was not verified, for where no warnings stand beside it."""
    lines = []
    if found.missing:
        lines.append(f"未计入（没有输入）：{'、'.join(found.missing)}。")
    if not scheme.verified:
        lines.append(f"依据 {scheme.id} 版方案，阈值尚未与指南原文核对。")
    return tuple(lines)


def _shares(found: Explanation) -> str:
    areas = {**found.classes_ha, "无数据": found.unknown_ha}
    told = {title: area for title, area in areas.items() if area}
    largest = max(told, key=lambda title: told[title], default="")
    single = len(told) == 1
    mostly = f"全部为{largest}" if single else f"以{largest}为主" if told else "没有结果"
    if single:
        return f"{found.place}（{found.area_ha:,.2f} 公顷）的{found.title}：{mostly}。"
    shares = "，".join(
        f"{title} {area:,.2f} 公顷（{area / found.area_ha:.1%}）" for title, area in told.items()
    )
    return f"{found.place}（{found.area_ha:,.2f} 公顷）的{found.title}：{mostly}，其中{shares}。"


def _fit(found: Explanation) -> list[str]:
    """Say why the best class is there, and what would limit it next."""
    area = found.classes_ha.get(found.best, 0.0)
    if not area:
        return []
    head = f"{found.best}的 {area:,.2f} 公顷："
    if found.lowered:
        return [f"{head}其中未达到单项最高等级的有 {_said(found.lowered)}。"]
    near = [limit for limit in found.near if limit.area_ha]
    if near:
        told = "；".join(
            f"{limit.title}（{_values(limit)}），{limit.threshold}时有 {limit.area_ha:,.2f} 公顷"
            f"（占 {limit.share_percent:g}%）降级"
            for limit in near[:MOST_SAID]
        )
        return [f"{head}各单项均为最高等级；离界线最近的是{told}。"]
    if found.near:
        values = "、".join(_values(limit) for limit in found.near[:MOST_SAID])
        return [f"{head}各单项均为最高等级，{values}；界线收紧五分之一也不改变。"]
    return [f"{head}没有限制因素。"]


def _said(limits: tuple[Limit, ...]) -> str:
    return "；".join(
        f"{limit.title} {limit.area_ha:,.2f} 公顷（占 {limit.share_percent:g}%"
        + "".join(
            f"，{title}{value_of(values)}" for title, values in limit.values.items() if values
        )
        + (f"；标准：{limit.threshold}）" if len(limit.threshold) <= SHORT else "）")
        for limit in limits[:MOST_SAID]
    )


def _values(limit: Limit) -> str:
    return "，".join(f"{title}{value_of(v)}" for title, v in limit.values.items() if v)


def value_of(values: dict[str, Any]) -> str:
    """Say what a factor layer holds: mean with range, or its categories."""
    if "mean" not in values:
        return "为" + "、".join(f"“{title}”" for title in list(values)[:3])
    unit = values["unit"]
    if values["lowest"] == values["highest"]:
        return f" {values['mean']:g}{unit}"
    return f"平均 {values['mean']:g}{unit}（{values['lowest']:g}–{values['highest']:g}{unit}）"


def limits_table(found: Explanation, number: int = 1) -> Table:
    """Return the factors of a place as a table: what limits, what is outside, what is next.

    Args:
        found: The explanation.
        number: Of the explanation in the result, from 1.
    """
    near = [limit for limit in found.near if limit.area_ha] or found.near
    groups = (
        (found.best if found.evaluation == "ecology" else found.worst, found.limits),
        ("评价范围外", found.outside),
        (f"{found.best}，未达单项最高等级", found.lowered),
        (f"{found.best}，接近界线", near),
    )
    rows = [
        {
            "kind": kind,
            "title": limit.title,
            "area": limit.area_ha,
            "share": limit.share_percent,
            "values": _values(limit),
            "standard": limit.threshold,
            "source": limit.source,
            "verified": "是" if limit.verified else "否",
        }
        for kind, limits in groups
        for limit in limits
    ]
    return Table(
        name="limits" if number == 1 else f"limits_{number}",
        title=f"{found.place}：{found.title}的限制因素",
        columns=(
            Column(key="kind", title="结果"),
            Column(key="title", title="因素"),
            Column(key="area", title="面积", unit="公顷"),
            Column(key="share", title="占该类", unit="%"),
            Column(key="values", title="因子值"),
            Column(key="standard", title="标准"),
            Column(key="source", title="标准的来源"),
            Column(key="verified", title="已核对原文"),
        ),
        rows=tuple(rows),
        note="一处可同时受几个因素限制，占比之和可以超过 100%。“接近界线”的面积为界线收紧五分之一后会降级的面积。",
    )
