"""The roles of layers that the check measures, and the codes of zoned layers, as data."""

from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import Field, ValidationError

from cspon.schemas.base import Frozen
from cspon.schemas.spatial import CodeScheme, LayerCatalogue
from tools.rules.model import COUNTY, LAND_USE, PLANNED_USE, ZONES

LINES = Path(__file__).parent / "lines.yaml"
SCHEMES = Path(__file__).parents[1] / "data" / "zone_schemes.yaml"
CUSTOM = "custom_"
"""Roles of a bureau's own lines begin so."""
PARTITIONS = (ZONES, PLANNED_USE)
"""Zoned layers that cover a place wholly: lying in them is no conflict by itself."""
Measure = Literal["avoid", "within", "zoned", "near", "slope"]
_OTHER_TITLES = {LAND_USE: "土地利用现状", COUNTY: "县级行政区"}


class LineRole(Frozen):
    """One role of a layer and how it is measured."""

    role: str
    title: str
    layer_names: tuple[str, ...]
    """Names of such layers in the field's standards."""
    geometry: Literal["polygon", "line", "raster"]
    measure: Measure
    schemes: tuple[CodeScheme, ...] = ("none",)
    """Code schemes that a layer of this role may have."""
    order: int
    """Where results list it."""
    source: str
    verified: bool


class ZoneScheme(Frozen):
    """The codes of a zoned layer, with their source."""

    title: str
    source: str
    verified: bool
    codes: dict[str, str] = Field(min_length=1)
    """Code to name."""


@cache
def line_roles() -> dict[str, LineRole]:
    """Return the roles in the order of results; a mistake in the file is a bug of this project."""
    try:
        roles = [LineRole.model_validate(entry) for entry in _read(LINES)["lines"]]
    except ValidationError as error:
        raise AssertionError(f"{LINES.name}: {error}") from error
    names = [role.role for role in roles]
    assert len(names) == len(set(names)), f"{LINES.name}: a role stands twice"
    return {role.role: role for role in sorted(roles, key=lambda role: role.order)}


@cache
def zone_schemes() -> dict[str, ZoneScheme]:
    """Return the schemes of zoned layers; a mistake in the file is a bug of this project."""
    try:
        schemes = {name: ZoneScheme.model_validate(entry) for name, entry in _read(SCHEMES).items()}
    except ValidationError as error:
        raise AssertionError(f"{SCHEMES.name}: {error}") from error
    unknown = set(schemes) - set(get_args(CodeScheme))
    assert not unknown, f"{SCHEMES.name}: unknown schemes {unknown}"
    return schemes


def role_title(role: str, catalogue: LayerCatalogue | None = None) -> str:
    """Return what users call a role; a bureau's own line is called as its layer."""
    known = line_roles().get(role)
    if known is not None:
        return known.title
    own = [spec.title for spec in catalogue.layers if spec.role == role] if catalogue else []
    return own[0] if own else _OTHER_TITLES.get(role, role)


def _read(file: Path) -> Any:
    return yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
