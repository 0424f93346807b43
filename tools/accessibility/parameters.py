"""The parameters of the street network (`network.yaml`), checked when they are read."""

from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field

from cspon.schemas.base import Frozen

ModeName = Literal["walk", "drive"]


class Mode(Frozen):
    """Who moves: how fast on which class, and where not at all."""

    title: str
    speeds_kmh: dict[str, float]
    other_kmh: float = Field(gt=0)
    """On classes that `speeds_kmh` does not name."""
    stated_share: float | None = Field(gt=0, le=1)
    """Of the speed that the layer states; None: the stated speed is not used."""
    access_kmh: float = Field(gt=0)
    """On the straight leg between a place and its road."""
    farthest_access_m: float = Field(gt=0)
    """A place farther from every road is not attached."""
    keeps_oneway: bool
    closed: tuple[str, ...]

    @property
    def access_m_s(self) -> float:
        """Speed on the access leg, metres per second."""
        return self.access_kmh / 3.6


class RoadFields(Frozen):
    """Names that a field may have; the first that a layer has is used."""

    kind: tuple[str, ...]
    speed_kmh: tuple[str, ...]
    oneway: tuple[str, ...]
    level: tuple[str, ...]


class OnewayValues(Frozen):
    """Values of the one-way field, compared in lower case."""

    forward: tuple[str, ...]
    backward: tuple[str, ...]
    both: tuple[str, ...]


class NetworkParameters(Frozen):
    """How roads become a network; the figures are the project's own."""

    verified: bool
    source: str
    snap_m: float = Field(ge=0)
    smallest_part_m: float = Field(ge=0)
    fields: RoadFields
    oneway_values: OnewayValues
    passes_over: tuple[str, ...]
    no_frontage: tuple[str, ...]
    modes: dict[ModeName, Mode]


@cache
def network_parameters() -> NetworkParameters:
    """Read the parameters; a mistake in the file is a bug of this project."""
    file = Path(__file__).with_name("network.yaml")
    return NetworkParameters.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
