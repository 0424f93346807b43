"""What a site must fulfil and what makes it better, as typed values or a YAML file."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from cspon.errors import InputError
from cspon.schemas.base import Frozen
from tools.library.reading import read_yaml


class Line(Frozen):
    """A layer to keep out of, or to lie within."""

    role: str
    """Role or name of a polygon layer; also of a line or point layer with `buffer_m`."""
    codes: tuple[str, ...] = ()
    """Code prefixes; empty for the whole layer."""
    buffer_m: float = Field(0.0, ge=0, le=20_000)
    """Distance kept from it; for `within`, distance up to which a place still counts as inside."""


class Criterion(Frozen):
    """One measure of a candidate, scored 0–100 between `worst` and `best`."""

    name: str = Field(min_length=1)
    measure: Literal["distance", "slope", "cost", "compactness", "area", "share"]
    """distance: m to the nearest feature of `role`; slope: mean degrees; cost: area-weighted mean of
    `costs`; compactness: 4π · area / outline² (1 is a circle); area: ha; share: part of the candidate
    in the layer of `role`."""
    weight: float = Field(gt=0, le=1000)
    best: float
    worst: float
    role: str | None = None
    codes: tuple[str, ...] = ()
    """Code prefixes of the features that count; empty for all."""
    costs: dict[str, float] = Field(default_factory=dict)
    """Cost by code prefix; the longest prefix that fits counts."""
    other_cost: float | None = None
    """Of codes without an entry; they are an error where this is not given."""

    @model_validator(mode="after")
    def _fits(self) -> "Criterion":
        if self.best == self.worst:
            raise ValueError("best 与 worst 相同，无法打分")
        if self.measure in ("distance", "share") and self.role is None:
            raise ValueError(f"{self.measure} 须写 role")
        if self.measure == "cost" and not self.costs:
            raise ValueError("cost 须写 costs（编码开头: 单价或等级）")
        return self

    def score(self, value: float) -> float:
        """Return 0–100."""
        return 100 * min(1.0, max(0.0, (value - self.worst) / (self.best - self.worst)))


class SiteRequest(Frozen):
    """Constraints and criteria of one search."""

    title: str = "项目选址"
    avoid: tuple[Line, ...] = ()
    within: tuple[Line, ...] = ()
    allowed: Line | None = None
    """Layer and code prefixes of land that may be used."""
    max_slope_degrees: Annotated[float, Field(gt=0, lt=90)] | None = None
    min_area_ha: float = Field(gt=0)
    max_area_ha: float | None = Field(None, gt=0)
    """Larger feasible areas are divided into blocks of about this size."""
    min_width_m: float = Field(20.0, ge=0, le=5_000)
    """Narrower parts are cut off."""
    criteria: tuple[Criterion, ...] = Field(min_length=1)
    most: int = Field(10, ge=1, le=200)
    """Candidates that are reported."""

    @model_validator(mode="after")
    def _fits(self) -> "SiteRequest":
        if self.max_area_ha is not None and self.max_area_ha < 2 * self.min_area_ha:
            raise ValueError("max_area_ha 须不小于 min_area_ha 的两倍，否则分块后不够面积")
        if self.allowed is not None and not self.allowed.codes:
            raise ValueError("allowed 须写 codes（允许的编码开头）")
        names = [criterion.name for criterion in self.criteria]
        if len(set(names)) < len(names):
            raise ValueError("criteria 的 name 重复")
        if self.allowed is not None and self.allowed.buffer_m:
            raise ValueError("buffer_m 只用于 avoid 和 within")
        return self


def read_request(file: Path) -> SiteRequest:
    """Read a request from YAML.

    Raises:
        InputError: no such file, no YAML, or a field that is wrong.
    """
    try:
        return SiteRequest.model_validate(read_yaml(file))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        message = str(first["msg"]).removeprefix("Value error, ")
        raise InputError(
            f"选址条件有误：{message}",
            file=file,
            field=field or None,
            mend="改正该项；样例见 cspon site --example",
        ) from None


EXAMPLE = """\
# 选址条件样例：开发边界内 15–40 公顷的工业地块
title: 产业园选址
avoid:                       # 避让；buffer_m 为退让距离（米）
  - {role: permanent_basic_farmland}
  - {role: ecological_redline}
  - {role: nature_reserve}
  - {role: flood_risk_line}
  - {role: heritage_line}
  - {role: oil_gas_pipelines, buffer_m: 50}
within:                      # 应在其内；buffer_m 为“不远于”的距离，如 {role: roads, buffer_m: 1000}
  - {role: urban_development_boundary}
allowed: {role: planned_land_use, codes: ["1001", "1101"]}
max_slope_degrees: 15
min_area_ha: 15
max_area_ha: 40
min_width_m: 60
criteria:                    # 得分在 worst（0 分）与 best（100 分）之间线性内插
  - {name: 距干线公路, measure: distance, role: roads, codes: [国道, 省道], weight: 30, best: 0, worst: 3000}
  - {name: 平均坡度, measure: slope, weight: 20, best: 0, worst: 15}
  - {name: 用地成本, measure: cost, role: land_use, weight: 25, best: 1, worst: 5, costs: {"01": 4, "02": 3, "03": 3, "07": 5, "10": 1}, other_cost: 2}
  - {name: 紧凑度, measure: compactness, weight: 10, best: 0.8, worst: 0.2}
  - {name: 面积, measure: area, weight: 15, best: 40, worst: 15}
most: 10
"""
"""What `cspon site --example` prints."""
