"""The tables of a site selection."""

from typing import TYPE_CHECKING, Any

from cspon.schemas.spatial import Column, Table
from tools.geometry.area import AREA_DEFINITION

if TYPE_CHECKING:
    from tools.site_selection.select import Selection

UNITS = {
    "distance": " 米",
    "slope": " 度",
    "cost": "",
    "compactness": "",
    "area": " 公顷",
    "share": "",
}


def selection_tables(data: "Selection") -> tuple[Table, ...]:
    """Build the tables in the order of the report."""
    return _candidates(data), _reasons(data), _merits(data), _sensitivity(data), _exclusions(data)


def _candidates(data: "Selection") -> Table:
    return Table(
        name="candidates",
        title="候选地块排序",
        columns=(
            Column(key="rank", title="名次"),
            Column(key="score", title="得分"),
            Column(key="area_ha", title="面积", unit="公顷"),
            Column(key="area_mu", title="面积", unit="亩"),
            Column(key="range", title="名次变动"),
            Column(key="place", title="位置（东、北坐标）"),
        ),
        rows=tuple(
            {
                **c.model_dump(include={"rank", "area_ha", "area_mu"}),
                "score": f"{c.score:.1f}",
                "range": f"{c.best_rank}"
                if c.best_rank == c.worst_rank
                else f"{c.best_rank}–{c.worst_rank}",
                "place": f"{c.x:.1f}，{c.y:.1f}",
            }
            for c in data.candidates
        ),
        note="得分 0–100，为各指标得分按权重的加权平均；名次变动为各指标权重逐一增减 20% 时的名次范围。"
        f"{AREA_DEFINITION}",
    )


def _reasons(data: "Selection") -> Table:
    return Table(
        name="reasons",
        title="理由",
        columns=(Column(key="rank", title="名次"), Column(key="reason", title="有利与不利")),
        rows=tuple({"rank": c.rank, "reason": c.reason} for c in data.candidates),
        note="得分不低于 70 的指标为有利，不高于 30 的为不利，按权重由大到小列出。",
    )


def _merits(data: "Selection") -> Table:
    if not data.candidates:
        return Table(name="merits", title="各指标", columns=(), rows=())
    names = [merit.name for merit in data.candidates[0].merits]
    rows: list[dict[str, Any]] = [
        {
            "rank": candidate.rank,
            **{m.name: f"{m.value:g}{m.unit}（{m.score:.0f} 分）" for m in candidate.merits},
        }
        for candidate in data.candidates
    ]
    shares = {m.name: m.weight_percent for m in data.candidates[0].merits}
    return Table(
        name="merits",
        title="各指标的值与得分",
        columns=(
            Column(key="rank", title="名次"),
            *(Column(key=name, title=f"{name}（权重 {shares[name]:g}%）") for name in names),
        ),
        rows=tuple(rows),
    )


def _sensitivity(data: "Selection") -> Table:
    def word(rank: int) -> str:
        return "不变" if rank == 1 else f"改为现第 {rank} 名"

    return Table(
        name="sensitivity",
        title="权重敏感性",
        columns=(
            Column(key="name", title="指标"),
            Column(key="weight_percent", title="权重", unit="%"),
            Column(key="lower", title="权重减 20% 时的第一名"),
            Column(key="higher", title="权重加 20% 时的第一名"),
        ),
        rows=tuple(
            {
                **s.model_dump(include={"name", "weight_percent"}),
                "lower": word(s.first_lower),
                "higher": word(s.first_higher),
            }
            for s in data.sensitivity
        ),
    )


def _exclusions(data: "Selection") -> Table:
    total = round(sum(e.area_ha for e in data.exclusions), 4)
    return Table(
        name="exclusions",
        title="研究范围的构成与排除原因",
        columns=(
            Column(key="reason", title="原因"),
            Column(key="area_ha", title="面积", unit="公顷"),
            Column(key="share_percent", title="占比", unit="%"),
        ),
        rows=(
            *(e.model_dump() for e in data.exclusions),
            {"reason": "合计（研究范围）", "area_ha": total, "share_percent": 100.0},
        ),
        note="按所列次序逐项排除，同一处土地有几项原因的只计在先列的一项；各行之和等于研究范围面积。",
    )
