"""The tables of a comparison."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cspon.schemas.spatial import Column, Table
from tools.geometry.area import AREA_DEFINITION
from tools.plan_versions.overlay import NOTHING

if TYPE_CHECKING:
    from tools.plan_versions.compare import Comparison

MOST_PATCHES = 40
WIDEST = 8
"""Codes up to which the matrix is shown as a matrix."""


def _ha(key: str, title: str) -> Column:
    return Column(key=key, title=title, unit="公顷")


def comparison_tables(
    data: "Comparison", patches: tuple[dict[str, Any], ...], names: Mapping[str, str]
) -> tuple[Table, ...]:
    """Build the tables in the order of the report."""
    return (
        _summary(data),
        _balance(data),
        *_matrix(data),
        _transitions(data, names),
        _moved(data, names),
        _patches(data, patches, names),
        _slivers(data, names),
        _features(data),
    )


def _named(code: str, names: Mapping[str, str]) -> str:
    name = names.get(code, "")
    return code if not name or name == code else f"{code} {name}"


def _summary(data: "Comparison") -> Table:
    rows = {
        "前一版面积": data.before_ha,
        "后一版面积": data.after_ha,
        "不变": data.unchanged_ha,
        "变更（编码不同）": data.changed_ha,
        "新增": data.added_ha,
        "删除": data.removed_ha,
    }
    return Table(
        name="summary",
        title="概况",
        columns=(Column(key="title", title="项目"), _ha("area_ha", "面积")),
        rows=tuple({"title": title, "area_ha": area} for title, area in rows.items()),
        note=f"前一版 = 不变 + 变更 + 删除；后一版 = 不变 + 变更 + 新增。{AREA_DEFINITION}"
        f"叠加与原图层面积的最大差 {data.misfit_m2:g} 平方米，已按比例平差，各格取整后行、列与合计闭合。",
    )


def _balance(data: "Comparison") -> Table:
    return Table(
        name="balance",
        title="各类面积变化",
        columns=(
            Column(key="code", title="编码"),
            Column(key="name", title="名称"),
            _ha("before_ha", "前一版"),
            _ha("kept_ha", "保留"),
            _ha("lost_ha", "转出"),
            _ha("gained_ha", "转入"),
            _ha("after_ha", "后一版"),
            _ha("net_ha", "净变化"),
        ),
        rows=tuple(
            {**b.model_dump(), "net_ha": round(b.gained_ha - b.lost_ha, 4)} for b in data.balance
        ),
        note="前一版 = 保留 + 转出；后一版 = 保留 + 转入。",
    )


def _matrix(data: "Comparison") -> tuple[Table, ...]:
    """Show the matrix itself where it fits a page; `matrix.csv` holds it in any case."""
    rows = matrix_rows(data)
    codes = [key for key in rows[0] if key not in ("code", "sum")] if rows else []
    if not 0 < len(codes) <= WIDEST:
        return ()
    columns = (
        Column(key="code", title="前一版＼后一版"),
        *(_ha(code, code) for code in codes),
        _ha("sum", "合计"),
    )
    return (Table(name="matrix", title="面积转移矩阵", columns=columns, rows=rows),)


def matrix_rows(data: "Comparison") -> tuple[dict[str, Any], ...]:
    """Return the whole matrix with its margins: a row a code before, a column a code after."""
    cells = {(t.before, t.after): t.area_ha for t in data.transitions}
    before = sorted({a for a, _ in cells}, key=lambda code: (code == NOTHING, code))
    after = sorted({b for _, b in cells}, key=lambda code: (code == NOTHING, code))
    rows = [
        {"code": a, **{b: cells.get((a, b), 0.0) for b in after}, "sum": _sum(cells, before=a)}
        for a in before
    ]
    last = {"code": "合计", **{b: _sum(cells, after=b) for b in after}}
    return (*rows, {**last, "sum": round(sum(cells.values()), 4)})


def _sum(
    cells: Mapping[tuple[str, str], float], before: str | None = None, after: str | None = None
) -> float:
    found = (area for (a, b), area in cells.items() if before in (None, a) and after in (None, b))
    return round(sum(found), 4)


def _transitions(data: "Comparison", names: Mapping[str, str]) -> Table:
    return Table(
        name="transitions",
        title="变化去向",
        columns=(
            Column(key="kind", title="变化"),
            Column(key="before", title="前一版"),
            Column(key="after", title="后一版"),
            _ha("area_ha", "面积"),
            Column(key="patches", title="图斑", unit="处"),
            _ha("sliver_ha", "其中碎片"),
        ),
        rows=tuple(
            {
                **t.model_dump(include={"kind", "area_ha", "patches", "sliver_ha"}),
                "before": _named(t.before, names),
                "after": _named(t.after, names),
            }
            for t in data.transitions
            if t.kind != "不变"
        ),
    )


def _moved(data: "Comparison", names: Mapping[str, str]) -> Table:
    return Table(
        name="moved",
        title="位置移动的要素",
        columns=(
            Column(key="code", title="编码"),
            _ha("area_ha", "面积"),
            Column(key="east_m", title="东移", unit="米"),
            Column(key="north_m", title="北移", unit="米"),
            Column(key="x", title="现东坐标"),
            Column(key="y", title="现北坐标"),
        ),
        rows=tuple(
            {**m.model_dump(), "code": _named(m.code, names), "x": f"{m.x:.3f}", "y": f"{m.y:.3f}"}
            for m in data.moved
        ),
        note="编码相同、形状相同（差异不超过 0.5%）而位置不同的要素；其面积在转移矩阵中分别计入原处与现处。",
    )


def _patches(
    data: "Comparison", patches: tuple[dict[str, Any], ...], names: Mapping[str, str]
) -> Table:
    rows = []
    for feature in patches[:MOST_PATCHES]:
        row = feature["properties"]
        rows.append(
            {
                **row,
                "before": _named(row["before"], names),
                "after": _named(row["after"], names),
                "x": f"{row['x']:.3f}",
                "y": f"{row['y']:.3f}",
            }
        )
    left = len(patches) - len(rows)
    return Table(
        name="patches",
        title="变化图斑",
        columns=(
            Column(key="number", title="序号"),
            Column(key="kind", title="变化"),
            Column(key="before", title="前一版"),
            Column(key="after", title="后一版"),
            _ha("area_ha", "面积"),
            Column(key="x", title="东坐标"),
            Column(key="y", title="北坐标"),
        ),
        rows=tuple(rows),
        note=f"共 {len(patches)} 处，坐标为图斑内一点（EPSG:{data.epsg}）。"
        + (f"另有 {left} 处较小的见 layers.gpkg。" if left else ""),
    )


def _slivers(data: "Comparison", names: Mapping[str, str]) -> Table:
    return Table(
        name="slivers",
        title="碎片（容差以下）",
        columns=(
            Column(key="before", title="前一版"),
            Column(key="after", title="后一版"),
            _ha("area_ha", "面积"),
        ),
        rows=tuple(
            {
                "before": _named(t.before, names),
                "after": _named(t.after, names),
                "area_ha": t.sliver_ha,
            }
            for t in sorted(data.transitions, key=lambda t: -t.sliver_ha)
            if t.sliver_ha > 0
        ),
        note=f"单块不足 {data.sliver_m2:g} 平方米，或平均宽度（两倍面积除以周长）不足 {data.sliver_width_m:g} 米；"
        "已计入转移矩阵，多为边界重绘所致，不作为规划调整。",
    )


def _features(data: "Comparison") -> Table:
    if data.features is None:
        return Table(name="features", title="要素对照", columns=(), rows=())
    titles = {
        "added": "新增",
        "removed": "删除",
        "recoded": "编码变化",
        "reshaped": "仅图形变化",
        "unchanged": "不变",
    }
    return Table(
        name="features",
        title="要素对照（按标识码）",
        columns=(Column(key="title", title="变化"), Column(key="count", title="要素", unit="个")),
        rows=tuple(
            {"title": title, "count": getattr(data.features, key)} for key, title in titles.items()
        ),
        note="标识码在两版之间沿用时才有意义；重新编号的图层以面积转移为准。",
    )
