"""The measures of the family (`definitions/*.yaml`), checked when they are read."""

from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field

from cspon.errors import InputError
from cspon.schemas.base import Frozen
from cspon.schemas.spatial import CodeScheme
from tools.accessibility.parameters import ModeName

FOLDER = Path(__file__).with_name("definitions")
Codes = dict[CodeScheme, tuple[str, ...]]
"""Beginnings of land-use codes by scheme; schemes are never mixed."""


class Demand(Frozen):
    """Whose way is measured."""

    title: str
    codes: Codes


class Group(Frozen):
    """Facilities of which any one will do."""

    id: str
    title: str
    kinds: tuple[str, ...]
    """Values of the kind field of the facility layer."""
    codes: Codes
    """Parcels that are such a facility, where the facility layer does not have it."""


class Measure(Frozen):
    """What all measures have; the definitions are the project's own."""

    id: str
    title: str
    order: int
    mode: ModeName
    limit_minutes: float = Field(gt=0)
    definition: str
    source: str
    verified: bool


class CoverageMeasure(Measure):
    """Share of a demand that reaches facilities within a limit."""

    from_facility: bool = False
    """The way leads from the facility (a fire engine)."""
    measure: Literal["parcels", "area"]
    """A parcel counts wholly by the time of its inner point, or by its part in the service area."""
    scope_role: str
    demand: Demand
    groups: tuple[Group, ...] = Field(min_length=1)
    width_m: float = Field(gt=0)
    """Of the service area, on each side of the streets."""


class CommutingMeasure(Measure):
    """Times of the pairs of an origin–destination table."""

    bands_minutes: tuple[float, ...]


@cache
def measures() -> dict[str, Measure]:
    """Return the measures by id; a mistake in a file is a bug of this project."""
    files = sorted(FOLDER.glob("*.yaml"))
    assert files, f"no definitions in {FOLDER}"
    found: list[Measure] = []
    for file in files:
        raw = yaml.safe_load(file.read_text(encoding="utf-8"))
        model = CommutingMeasure if "bands_minutes" in raw else CoverageMeasure
        found.append(model.model_validate(raw))
        assert found[-1].id == file.stem, f"{file.name} defines {found[-1].id}"
    return {measure.id: measure for measure in sorted(found, key=lambda m: m.order)}


def find_measure(name: str) -> Measure:
    """Find a measure by id or title.

    Raises:
        InputError: there is none; the message lists all.
    """
    for measure in measures().values():
        if name in (measure.id, measure.title):
            return measure
    known = "、".join(f"{m.id}（{m.title}）" for m in measures().values())
    raise InputError(f"没有名为“{name}”的可达性评价", field="kind", mend=f"可选：{known}")
