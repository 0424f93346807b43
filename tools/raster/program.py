"""The lowered form of a plan: typed bands, steps over row buffers, and their numbers.

The shape of a program (types, counts, sides, policies) decides the generated code; thresholds, scores
and weights are arrays that are passed to it. So a sensitivity analysis that moves thresholds runs the
same compiled kernel.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tools.raster.sources import Source

Array = npt.NDArray[Any]
LAYER_NODATA = {"uint8": 255, "int16": -32768}
Closed = Literal["left", "right"]


@dataclass(frozen=True)
class Band:
    """One input as it lies in a strip's buffer."""

    source: Source
    factor: str
    """First factor that reads it, for errors."""
    dtype: str
    nodata: int | None
    """Stored value of no data; None in floating bands (no data is NaN there) and where there is none."""
    halo: int = 0
    """Rows and columns around the strip; no data outside the grid."""


@dataclass(frozen=True)
class ReliefBand:
    """Highest minus lowest cell in a window, from the band of an elevation model."""

    dem: int
    window: int
    dtype: str
    """int32 with -1 for no data, or float32 with NaN."""
    nodata: int | None


@dataclass(frozen=True)
class Layer:
    """The buffer of a step's result."""

    name: str
    dtype: Literal["uint8", "int16"]
    values: tuple[int, ...]
    """Every value that can occur, rising; no data apart."""

    @property
    def nodata(self) -> int:
        """The value that means no data."""
        return LAYER_NODATA[self.dtype]


@dataclass(frozen=True)
class Grade:
    """Score a band, or a layer, by thresholds in its own type."""

    band: int | None
    layer: int | None
    out: int
    bounds: Array
    scores: Array
    closed: Closed
    valid: Array | None = None
    """Lowest and highest stored value, in the band's type."""


@dataclass(frozen=True)
class Lookup:
    """Score a band, or a layer, of whole numbers through a table that starts at `base`.

    A value outside the table, or whose entry is `-1`, is unlisted: it gets `unlisted`, and where that
    is None the run is refused.
    """

    band: int | None
    layer: int | None
    out: int
    base: int
    table: Array
    unlisted: int | None
    codes: Array
    """Listed codes and, in `code_scores`, their scores: short lists are compared one by one."""
    code_scores: Array


@dataclass(frozen=True)
class Slope:
    """Score Horn's slope by thresholds on the squared sum of stored differences."""

    band: int
    out: int
    squares: Array
    """float32: (8 · cell · tan θ / metres per stored unit)²."""
    scores: Array
    closed: Closed
    missing: Literal["nodata", "centre"]


@dataclass(frozen=True)
class WeightedMean:
    """Half-up weighted mean, times 10^decimals."""

    of: tuple[int, ...]
    out: int
    weights: Array
    """int64"""
    factor: int
    """1, or 100 for hundredths."""
    skip: bool


@dataclass(frozen=True)
class Limit:
    """Smallest or largest of several layers."""

    of: tuple[int, ...]
    out: int
    largest: bool
    skip: bool


@dataclass(frozen=True)
class Times:
    """Product of layers; no data in one is no data."""

    of: tuple[int, ...]
    out: int


@dataclass(frozen=True)
class Table:
    """`table[row_index[a], column_index[b]]` of two layers."""

    rows: int
    columns: int
    out: int
    row_index: Array
    column_index: Array
    table: Array


@dataclass(frozen=True)
class Exclude:
    """A layer, with `becomes` where `by` has a value whose entry in `excluded` is 1."""

    layer: int
    by: int
    out: int
    excluded: Array
    """uint8, one entry for each value of `by` from 0."""
    becomes: int | None


Step = Grade | Lookup | Slope | WeightedMean | Limit | Times | Table | Exclude


@dataclass(frozen=True)
class Check:
    """A step whose values may refuse the run, and what the factor is called."""

    step: int
    factor: str
    source: Source
    unit: str
    low: float | None
    """Plausible range in the factor's unit; None for class codes."""
    high: float | None
    scale: float
    """Value in the factor's unit = stored · scale + offset."""
    offset: float


@dataclass(frozen=True)
class Program:
    """A plan, lowered for the types of its files."""

    bands: tuple[Band | ReliefBand, ...]
    layers: tuple[Layer, ...]
    steps: tuple[Step, ...]
    outputs: tuple[int, ...]
    """Layers that are written, in the order of the plan's outputs."""
    checks: tuple[Check, ...] = ()
    notices: tuple[str, ...] = field(default=())

    @property
    def bytes_per_cell(self) -> int:
        """Bytes that are read and written for a cell: inputs once, outputs once."""
        read = sum(np.dtype(b.dtype).itemsize for b in self.bands if isinstance(b, Band))
        return read + sum(np.dtype(self.layers[i].dtype).itemsize for i in self.outputs)
