"""校验 and 综合分析: results against red lines and present use; potential and conflicts."""

from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from cspon.schemas.base import Frozen
from cspon.schemas.spatial import Column, LayerSpec, Table
from tools.dual_evaluation.carrying import BUILT, CULTIVATED, cover_is, suitable
from tools.dual_evaluation.evaluate import DualEvaluation
from tools.dual_evaluation.inputs import find, where_is
from tools.dual_evaluation.rasters import burned
from tools.geometry.crs import reproject
from tools.layers import read_windows

Mask = npt.NDArray[np.bool_]
STEEP = 25.0
REDLINE, FARMLAND, BOUNDARY = (
    "ecological_redline",
    "permanent_basic_farmland",
    "urban_development_boundary",
)
VILLAGE = "0703"
"""农村宅基地 of 用地用海分类 2023."""
RISKY = ("极高", "高")
"""Grades of geological hazard that villages are looked for in."""
TITLES = {REDLINE: "生态保护红线", FARMLAND: "永久基本农田", BOUNDARY: "城镇开发边界"}


class Finding(Frozen):
    """One overlay."""

    kind: str
    """校验, 问题, 潜力 or 冲突."""
    what: str
    area_ha: float | None
    """None: an input is missing."""
    of: str = ""
    """What the share refers to."""
    share_percent: float | None = None
    note: str = ""


def findings(made: DualEvaluation) -> tuple[Finding, ...]:
    """Overlay the results that were asked for with red lines, boundary and present use.

    The ecology that an evaluation only needs for its range is not checked by itself.
    """
    overlay, asked = _Overlay(made), made.inputs.config.parts
    own = {"ecology": overlay.ecology, "agriculture": overlay.agriculture, "urban": overlay.urban}
    rows = [row for name, check in own.items() if name in asked for row in check()]
    return (*rows, *overlay.potential())


class _Overlay:
    """The masks of one evaluation and the areas between them."""

    def __init__(self, made: DualEvaluation) -> None:
        self.made = made
        self.lines = {role: _line(made, role) for role in TITLES}
        self.farm, self.built = cover_is(made, CULTIVATED), cover_is(made, BUILT)
        self.water = cover_is(made, ("水域",))
        self.orchard = cover_is(made, ("园地",))

    def result(self, name: str) -> npt.NDArray[np.uint8] | None:
        part = self.made.parts.get(name)
        return part.result if part is not None and part.grades else None

    def row(
        self, kind: str, what: str, where: Mask | None, whole: Mask | None, of: str, note: str = ""
    ) -> Finding:
        if where is None or whole is None:
            return Finding(kind=kind, what=what, area_ha=None, of=of, note="数据缺失")
        cell_ha = self.made.inputs.grid.cell_m2 / 1e4
        inside = self.made.inputs.inside
        part, total = int((where & inside).sum()), int((whole & inside).sum())
        return Finding(
            kind=kind, what=what, area_ha=round(part * cell_ha, 4), of=of,
            share_percent=round(100 * part / total, 2) if total else None, note=note,
        )  # fmt: skip

    def ecology(self) -> list[Finding]:
        result, line = self.result("ecology"), self.lines[REDLINE]
        if result is None:
            return []
        core, some = result == 3, result >= 2
        both = None if line is None else core & line
        beyond = None if line is None else core & ~line
        weak = None if line is None else line & (result == 1)
        strong = None if line is None else line & some
        return [
            self.row("校验", "极重要区已划入生态保护红线", both, core, "极重要区"),
            self.row("校验", "极重要区未划入生态保护红线", beyond, core, "极重要区", "逐块核实，评价结果不等同于法定红线"),
            self.row("校验", "生态保护红线内的极重要区、重要区", strong, line, "生态保护红线"),
            self.row("校验", "生态保护红线内的一般区", weak, line, "生态保护红线", "核实划定依据"),
            self.within("永久基本农田位于生态保护极重要区", self.lines[FARMLAND], core, "永久基本农田", "研究调出或按保护要求管理"),
            self.within("现状园地位于生态保护极重要区", self.orchard, core, "现状园地"),
        ]  # fmt: skip

    def within(
        self, what: str, whole: Mask | None, where: Mask, of: str, note: str = ""
    ) -> Finding:
        """Return how much of something lies where it is a problem."""
        return self.row("问题", what, None if whole is None else whole & where, whole, of, note)

    def agriculture(self) -> list[Finding]:
        result = self.result("agriculture")
        if result is None:
            return []
        farm, core = self.farm, self.result("ecology")
        unfit = None if farm is None else farm & (result == 1)
        fit = None if farm is None else farm & suitable(self.made.parts["agriculture"])
        steep = None
        if farm is not None and find(self.made.inputs, "slope"):
            steep = farm & where_is(self.made.inputs, "slope", lambda slope: slope > STEEP)
        inside = None if farm is None or core is None else farm & (core == 3)
        basic = self.lines[FARMLAND]
        base = None if basic is None else basic & (result == 1)
        return [
            self.row("校验", "现状耕地位于农业生产适宜区", fit, farm, "现状耕地"),
            self.row(
                "问题",
                "现状耕地位于农业生产不适宜区",
                unfit,
                farm,
                "现状耕地",
                "结合退耕、整治研究",
            ),
            self.row("问题", "现状耕地坡度大于 25°", steep, farm, "现状耕地"),
            self.row("问题", "现状耕地位于生态保护极重要区", inside, farm, "现状耕地"),
            self.row("问题", "永久基本农田位于农业生产不适宜区", base, basic, "永久基本农田"),
        ]

    def urban(self) -> list[Finding]:
        result = self.result("urban")
        if result is None:
            return []
        built, core = self.built, self.result("ecology")
        fit = None if built is None else built & suitable(self.made.parts["urban"])
        unfit = None if built is None else built & (result == 1)
        inside = None if built is None or core is None else built & (core == 3)
        edge = self.lines[BOUNDARY]
        edge_unfit = None if edge is None else edge & (result == 1)
        edge_core = None if edge is None or core is None else edge & (core == 3)
        return [
            self.row("校验", "现状建设用地位于城镇建设适宜区", fit, built, "现状建设用地"),
            self.row("问题", "现状建设用地位于城镇建设不适宜区", unfit, built, "现状建设用地", "核实风险，必要时避让"),
            self.row("问题", "现状建设用地位于生态保护极重要区", inside, built, "现状建设用地"),
            self.row("问题", "城镇开发边界内的城镇建设不适宜区", edge_unfit, edge, "城镇开发边界"),
            self.row("问题", "城镇开发边界内的生态保护极重要区", edge_core, edge, "城镇开发边界"),
            *self.villages(),
        ]  # fmt: skip

    def villages(self) -> list[Finding]:
        """Look for villages where a geological hazard is high."""
        what, inputs = "农村居民点位于地质灾害高风险区", self.made.inputs
        if "geohazard" in inputs.config.absent:
            return []
        homes = _villages(self.made)
        if homes is None or not find(inputs, "geohazard"):
            return [self.row("问题", what, None, None, "农村居民点")]
        codes = inputs.found["geohazard"].codes
        wanted = [codes[n] for n in RISKY if n in codes]
        risky = where_is(inputs, "geohazard", lambda found: np.isin(found, wanted))
        return [self.within(what, homes, risky, "农村居民点", "核实隐患，治理或搬迁")]

    def potential(self) -> list[Finding]:
        rows = []
        red, basic = self.lines[REDLINE], self.lines[FARMLAND]
        farm, built, water = self.farm, self.built, self.water
        if self.result("agriculture") is not None:
            fit = suitable(self.made.parts["agriculture"])
            spare = None
            if farm is not None and built is not None and water is not None and red is not None:
                spare = fit & ~farm & ~built & ~water & ~red
            rows.append(
                self.row("潜力", "农业生产潜力：适宜区中尚未耕种", spare, fit, "农业生产适宜区",
                         "扣除现状建设用地、水域和生态保护红线")
            )  # fmt: skip
        if self.result("urban") is not None:
            fit = suitable(self.made.parts["urban"])
            spare = None
            if built is not None and water is not None and red is not None and basic is not None:
                spare = fit & ~built & ~water & ~red & ~basic
            rows.append(
                self.row("潜力", "城镇建设潜力：适宜区中尚未建设", spare, fit, "城镇建设适宜区",
                         "扣除水域、永久基本农田和生态保护红线")
            )  # fmt: skip
            over = None if basic is None else fit & basic
            rows.append(
                self.row("冲突", "城镇建设适宜区与永久基本农田重叠", over, fit, "城镇建设适宜区")
            )
            if self.result("agriculture") is not None:
                also = fit & suitable(self.made.parts["agriculture"])
                rows.append(
                    self.row("冲突", "农业生产与城镇建设均适宜", also, fit, "城镇建设适宜区")
                )
        return rows


def _villages(made: DualEvaluation) -> Mask | None:
    """Burn the parcels of 农村宅基地; None where land use is not known by the codes of 2023."""
    spec = made.inputs.role("land_use")
    if spec is None or spec.code_scheme != "ydyh_2023":
        return None
    return _burned_layer(made, spec, VILLAGE)


def _line(made: DualEvaluation, role: str) -> Mask | None:
    """Burn a control line; None where there is no such layer."""
    spec = made.inputs.role(role)
    return None if spec is None else _burned_layer(made, spec)


def _burned_layer(made: DualEvaluation, spec: LayerSpec, code: str = "") -> Mask:
    """Burn the features of a layer whose land-use code begins so; all where no code is asked."""
    inputs = made.inputs
    window: Any = inputs.area if inputs.area is not None else shapely.box(*inputs.grid.bounds)
    shapes = []
    for part in read_windows(spec, inputs.folder, window):
        codes = part.codes.tolist() if code else [""] * len(part.geometries)
        shapes += [
            (reproject(g, spec.epsg, inputs.epsg), 1)
            for g, found in zip(part.geometries, codes, strict=True)
            if found.startswith(code)
        ]
    return np.asarray(burned(shapes, inputs.grid) == 1)


def findings_table(rows: tuple[Finding, ...]) -> Table:
    """Return the overlays as a table."""
    return Table(
        name="checks",
        title="结果校验与综合分析",
        columns=(
            Column(key="kind", title="类别"),
            Column(key="what", title="内容"),
            Column(key="area_ha", title="面积", unit="公顷"),
            Column(key="share", title="占比"),
            Column(key="note", title="说明"),
        ),
        rows=tuple({**row.model_dump(), "share": _share(row)} for row in rows),
        note="现状耕地、建设用地由地类图斑按用地用海编码归类并栅格化（建设用地含农业设施、交通等），与图斑面积汇总略有差别。",
    )


def _share(row: Finding) -> str:
    return "—" if row.share_percent is None else f"占{row.of} {row.share_percent:.2f}%"
