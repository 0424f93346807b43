"""What a check may ask besides the features: pack, layers, region; and what the pass has gathered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tools.quality_check.database import Database
from tools.quality_check.features import LayerFile
from tools.quality_check.model import LayerRule, Pack


@dataclass(frozen=True)
class Region:
    """The administrative area as the database's own layers say it."""

    code: str = ""
    name: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    """Code to name of county and towns."""
    bounds: tuple[float, float, float, float] | None = None
    outline: bytes | None = None
    """WKB of the county."""
    epsg: int | None = None


@dataclass(frozen=True)
class LayerContext:
    """One layer under check."""

    pack: Pack
    rule: LayerRule
    file: LayerFile
    region: Region

    @property
    def name(self) -> str:
        """Name of the layer as findings give it."""
        return self.rule.name


@dataclass
class Gathered:
    """What one pass over a layer leaves for the checks after it; small beside the layer."""

    fids: npt.NDArray[np.int64]
    bounds: npt.NDArray[np.float64]
    """Shape (n, 4); NaN for features without geometry."""
    areas_m2: npt.NDArray[np.float64]
    """Ellipsoidal; zeros for layers without areas or without a metric system."""
    stated_m2: npt.NDArray[np.float64]
    """As the area field states them; NaN where empty or where there is no field."""
    keys: npt.NDArray[np.uint64]
    """Hash of each geometry's extent and size: equal geometries have equal keys; 0 without one."""
    columns: dict[str, list[Any]]
    """Columns that checks after the pass asked for, by field name."""
    edges: Any = None
    """Net edges of a polygon layer (`tools.quality_check.edges.Edges`), where topology is checked."""


@dataclass(frozen=True)
class Survey:
    """All layers after the pass."""

    pack: Pack
    database: Database
    region: Region
    layers: Mapping[str, LayerContext]
    gathered: Mapping[str, Gathered]
    indicators: Path | None = None
    upper: Path | None = None
