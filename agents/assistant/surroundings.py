"""What the layers tell about the place that a question is asked of: names, layers, earlier versions."""

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from cspon.errors import CsponError
from cspon.schemas.spatial import LayerCatalogue
from tools.feature_table import read_table
from tools.layers import layer_by_role, load_catalogue

CATALOGUE = "layers.yaml"
MOST_UNITS = 2_000


@dataclass(frozen=True)
class Surroundings:
    """The place."""

    region: str = ""
    units: tuple[str, ...] = ()
    """Names of towns and villages, the longest first."""
    roles: dict[str, str] = field(default_factory=dict)
    """Role of a layer to its title."""
    versions: dict[str, Path] = field(default_factory=dict)
    """Other versions of the plan: folders with a catalogue beside the layers, by name."""


def surroundings(layers: Path) -> Surroundings:
    """Read them; a catalogue that does not open tells nothing here, the plan check says why."""
    file = layers / CATALOGUE
    try:
        return _read(layers, file.stat().st_mtime_ns)
    except (CsponError, OSError):
        return Surroundings()


@lru_cache(maxsize=8)
def _read(layers: Path, _changed: int) -> Surroundings:
    catalogue = load_catalogue(layers)
    return Surroundings(
        region=catalogue.region_name,
        units=tuple(sorted(set(_units(catalogue, layers)), key=lambda name: -len(name))),
        roles={spec.role: spec.title for spec in catalogue.layers},
        versions={file.parent.name: file.parent for file in sorted(layers.glob(f"*/{CATALOGUE}"))},
    )


def _units(catalogue: LayerCatalogue, layers: Path) -> list[str]:
    names: list[str] = []
    for role in ("admin_town", "admin_village"):
        spec = layer_by_role(catalogue, role)
        if spec is None or not spec.name_field:
            continue
        for window in read_table(spec, layers, None, (spec.name_field,)):
            names += [str(v).strip() for v in window.columns[spec.name_field] if v]
            if len(names) > MOST_UNITS:
                return names[:MOST_UNITS]
    return [name for name in names if len(name) > 1]
