"""The contract of the raster engine: which factors are graded, how they combine, what is written.

A plan is data: it holds no code and no formula as text. Every layer (a graded factor or a
composition) has whole-number values of 0 or more, or no data. Layers are named; a composition refers
to factors and to compositions before it. Where values come from is in `sources`, the grid in `grid`.
"""

from collections import Counter
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from tools.raster.frozen import Frozen
from tools.raster.grid import Grid
from tools.raster.sources import Source, Terrain

Score = Annotated[int, Field(ge=0, le=30_000)]
Missing = Literal["any", "skip"]
"""`any`: no data in one input is no data in the result; `skip`: inputs without data are left out."""


class Thresholds(Frozen):
    """Grades by thresholds in the factor's unit: `n` bounds in rising order, `n + 1` scores.

    `closed="right"`: a value that equals a bound belongs to the grade below it (≤ 2°, 2–6° …);
    `closed="left"`: to the grade above it (≥ 25°).
    """

    bounds: tuple[float, ...] = Field(min_length=1, max_length=32)
    scores: tuple[Score, ...]
    closed: Literal["left", "right"] = "right"

    @model_validator(mode="after")
    def _fit(self) -> "Thresholds":
        if len(self.scores) != len(self.bounds) + 1:
            raise ValueError(
                f"{len(self.bounds)} 个界值需要 {len(self.bounds) + 1} 个分值，给出 {len(self.scores)} 个"
            )
        if any(low >= high for low, high in pairwise(self.bounds)):
            raise ValueError("界值应由小到大、互不相等")
        return self


class Classes(Frozen):
    """Scores by class code, for rasters of whole numbers (land use, soil type, hazard class)."""

    scores: dict[int, Score] = Field(min_length=1)
    unlisted: Score | Literal["error", "nodata"] = "error"
    """What a code that is not listed becomes."""


Grades = Thresholds | Classes


class Factor(Frozen):
    """A graded factor: values from a file or from terrain, and the table that grades them."""

    name: str = Field(min_length=1)
    source: Source | Terrain
    grades: Grades
    unit: str = ""
    """Unit of the thresholds; a source in another unit is converted where that is exact, else refused."""
    valid: tuple[float, float] | None = None
    """Lowest and highest plausible value in `unit`; one cell outside refuses the run. Where it is not
    given, the unit's own range holds (slope 0–90 degrees, precipitation not negative)."""

    @model_validator(mode="after")
    def _classes_have_codes(self) -> "Factor":
        if isinstance(self.grades, Classes) and isinstance(self.source, Terrain):
            raise ValueError(f"因子“{self.name}”：地形因子按界值分级，不能按类别代码")
        return self


class Weighted(Frozen):
    """Weighted mean of scores, in whole hundredths of weight, rounded half up.

    The result is `floor((2·decimals_factor·Σ w·s + Σ w) / (2·Σ w))`, with `decimals=2` in hundredths
    of a score (a mean of 3.25 is 325).
    """

    kind: Literal["weighted"] = "weighted"
    name: str
    weights: dict[str, Annotated[int, Field(ge=1, le=10_000)]] = Field(min_length=1, max_length=64)
    """Layer to weight × 100; they need not sum to 100."""
    decimals: Literal[0, 2] = 0
    missing: Missing = "any"

    @property
    def of(self) -> tuple[str, ...]:
        """Layers that it reads."""
        return tuple(self.weights)


class Extreme(Frozen):
    """Limiting factor: the smallest or largest score of several layers."""

    kind: Literal["minimum", "maximum"]
    name: str
    of: tuple[str, ...] = Field(min_length=1, max_length=64)
    missing: Missing = "any"


class Worst(Frozen):
    """Limiting factor by a declared order of scores; a score outside the order refuses the plan."""

    kind: Literal["worst"] = "worst"
    name: str
    of: tuple[str, ...] = Field(min_length=1, max_length=64)
    order: tuple[Score, ...] = Field(min_length=2)
    """Scores from best to worst."""
    missing: Missing = "any"

    @model_validator(mode="after")
    def _once(self) -> "Worst":
        if len(set(self.order)) != len(self.order):
            raise ValueError(f"组合“{self.name}”：优劣次序中有重复的分值")
        return self


class Matrix(Frozen):
    """Judgment matrix of two layers: `table[i][j]` where they are `row_scores[i]`, `column_scores[j]`.

    A correction is a matrix too: grade by relief, where relief above 200 m takes two grades off.
    """

    kind: Literal["matrix"] = "matrix"
    name: str
    rows: str
    columns: str
    row_scores: tuple[Score, ...] = Field(min_length=1, max_length=64)
    column_scores: tuple[Score, ...] = Field(min_length=1, max_length=64)
    table: tuple[tuple[Score, ...], ...]

    @property
    def of(self) -> tuple[str, ...]:
        """Layers that it reads."""
        return (self.rows, self.columns)

    @model_validator(mode="after")
    def _shape(self) -> "Matrix":
        if len(self.table) != len(self.row_scores) or any(
            len(row) != len(self.column_scores) for row in self.table
        ):
            raise ValueError(
                f"组合“{self.name}”：判别矩阵应为 {len(self.row_scores)} 行 {len(self.column_scores)} 列"
            )
        for scores in (self.row_scores, self.column_scores):
            if len(set(scores)) != len(scores):
                raise ValueError(f"组合“{self.name}”：判别矩阵的行或列分值重复")
        return self


class Product(Frozen):
    """Product of scores; a geometric mean of 1/3/5 is graded through it without roots.

    For `S = (a·b·c·d)^(1/4)`, the threshold 2.33 on S is the threshold 2.33⁴ on the product.
    """

    kind: Literal["product"] = "product"
    name: str
    of: tuple[str, ...] = Field(min_length=1, max_length=16)


class Regrade(Frozen):
    """Grades of another layer's whole-number values, by thresholds or by value."""

    kind: Literal["regrade"] = "regrade"
    name: str
    layer: str
    grades: Grades

    @property
    def of(self) -> tuple[str, ...]:
        """Layers that it reads."""
        return (self.layer,)


class Mask(Frozen):
    """A layer where another layer has certain values; elsewhere a fixed score, or no data."""

    kind: Literal["mask"] = "mask"
    name: str
    layer: str
    by: str
    exclude: tuple[Score, ...] = Field(min_length=1, max_length=64)
    """Values of `by` that exclude a cell; no data in `by` is no data in the result."""
    becomes: Score | None = None
    """Score of excluded cells; None is no data."""

    @property
    def of(self) -> tuple[str, ...]:
        """Layers that it reads."""
        return (self.layer, self.by)


Composition = Annotated[
    Weighted | Extreme | Worst | Matrix | Product | Regrade | Mask, Field(discriminator="kind")
]


class Category(Frozen):
    """How one value is shown."""

    name: str
    colour: str = Field(pattern=r"^#[0-9A-Fa-f]{6}$")


class Output(Frozen):
    """A layer that is written as a cloud-optimised GeoTIFF."""

    layer: str
    file: str = Field(pattern=r"^[^/\\]+\.tif$")
    """File name inside the output folder."""
    categories: dict[Annotated[int, Field(ge=0, le=254)], Category] = Field(default_factory=dict)
    title: str = ""


class Plan(Frozen):
    """Everything that decides the pixels of a run."""

    grid: Grid
    factors: tuple[Factor, ...] = Field(min_length=1)
    compositions: tuple[Composition, ...] = ()
    outputs: tuple[Output, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names(self) -> "Plan":
        known: set[str] = set()
        for layer in (*self.factors, *self.compositions):
            if layer.name in known:
                raise ValueError(f"因子或组合重名：“{layer.name}”")
            if not isinstance(layer, Factor):
                unknown = [name for name in layer.of if name not in known]
                if unknown:
                    raise ValueError(
                        f"组合“{layer.name}”引用了尚未定义的“{'”“'.join(unknown)}”；被引用的因子或组合应写在前面"
                    )
            known.add(layer.name)
        for output in self.outputs:
            if output.layer not in known:
                raise ValueError(f"输出 {output.file} 引用了不存在的因子或组合“{output.layer}”")
        for title, values in (
            ("输出文件", [o.file for o in self.outputs]),
            ("输出图层", [o.layer for o in self.outputs]),
        ):
            twice = [value for value, times in Counter(values).items() if times > 1]
            if twice:
                raise ValueError(f"{title}重复：{twice[0]}")
        return self
