"""A hand-made county of 1 km²: every area in it can be worked out in the head.

100 parcels of 100 m × 100 m around the central meridian, where the map scale is 1. Column 0–2 (x < 300) is
paddy and permanent basic farmland, column 3 dry land, column 4–5 woods, column 6–9 built up. The
redline is the northern 200 m, the development boundary x ≥ 300 and y < 800.
"""

import shutil
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import pytest
import shapely
import yaml

from tools.rules.lines import line_roles

EPSG = 4547
X, Y = 500_000.0, 3_300_000.0
CODES = ("0101", "0101", "0101", "0103", "0301", "0301", "0701", "0701", "100101", "100101")
LINES = {
    "permanent_basic_farmland": ("YJJBNT", "永久基本农田", [(0, 0, 300, 1000)]),
    "ecological_redline": ("STBHHX", "生态保护红线", [(0, 800, 1000, 1000)]),
    "urban_development_boundary": ("CZKFBJ", "城镇开发边界", [(300, 0, 1000, 800)]),
    "admin_county": ("XZQ", "行政区", [(0, 0, 1000, 1000)]),
}

ELSEWHERE = [{"role": role, "reason": "方格县没有"} for role in line_roles() if role not in LINES]
"""What this county does not have; a line that a test takes away is missing, not absent."""


def local(min_x: float, min_y: float, max_x: float, max_y: float) -> shapely.Polygon:
    """A box in metres from the county's south-west corner."""
    return shapely.box(X + min_x, Y + min_y, X + max_x, Y + max_y)


def write_layer(
    file: Path,
    table: str,
    geometries: list[Any],
    fields: dict[str, list[Any]] | None = None,
    *,
    epsg: int = EPSG,
    index: bool = True,
) -> Path:
    fields = fields or {"BSM": [str(i + 1) for i in range(len(geometries))]}
    pyogrio.raw.write(
        file,
        geometry=shapely.to_wkb(np.array(geometries, dtype=object)),
        field_data=[np.array(v, dtype=object) for v in fields.values()],
        fields=list(fields),
        layer=table,
        driver="GPKG",
        geometry_type="Unknown",
        crs=f"EPSG:{epsg}",
        layer_options={"SPATIAL_INDEX": "YES" if index else "NO"},
    )
    return file


class County:
    """The catalogue in a folder; entries can be changed before a test uses it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.layers: list[dict[str, Any]] = []

    def add(self, role: str, name: str, title: str, geometries: list[Any], **more: Any) -> None:
        fields = more.pop("fields", None)
        write_layer(self.folder / f"{name}.gpkg", name, geometries, fields)
        self.layers = [entry for entry in self.layers if entry["role"] != role]
        self.layers.append(
            {
                "role": role,
                "name": name,
                "title": title,
                "path": f"{name}.gpkg",
                "layer": name,
                "epsg": EPSG,
                "date": "2025-12-31",
                "synthetic": True,
                "source": "tests",
                **more,
            }
        )
        self.save()

    def remove(self, role: str) -> None:
        self.layers = [entry for entry in self.layers if entry["role"] != role]
        self.save()

    def entry(self, role: str) -> dict[str, Any]:
        return next(entry for entry in self.layers if entry["role"] == role)

    def save(self, **changes: Any) -> None:
        roles = {entry["role"] for entry in self.layers}
        catalogue = {
            "absent": [entry for entry in ELSEWHERE if entry["role"] not in roles],
            "title": "方格县",
            "region_code": "990101",
            "region_name": "方格县",
            "epsg": EPSG,
            "synthetic": True,
            "layers": self.layers,
            **changes,
        }
        (self.folder / "layers.yaml").write_text(
            yaml.safe_dump(catalogue, allow_unicode=True), encoding="utf-8"
        )

    def land_use(self, geometries: list[Any], codes: list[Any], **more: Any) -> None:
        self.add(
            "land_use",
            "DLTB",
            "地类图斑",
            geometries,
            fields={"BSM": [str(i) for i in range(len(codes))], "DLBM": codes, "DLMC": codes},
            **{"code_field": "DLBM", "code_scheme": "ydyh_2023", **more},
        )


def make_county(folder: Path) -> County:
    county = County(folder)
    cells = [
        local(100 * i, 100 * j, 100 * i + 100, 100 * j + 100) for j in range(10) for i in range(10)
    ]
    county.land_use(cells, [CODES[i] for _ in range(10) for i in range(10)])
    for role, (name, title, boxes) in LINES.items():
        county.add(role, name, title, [local(*box) for box in boxes])
    return county


@pytest.fixture(scope="session")
def fixed_county(tmp_path_factory: pytest.TempPathFactory) -> County:
    """The county unchanged, made once: for tests that only read."""
    return make_county(tmp_path_factory.mktemp("county"))


@pytest.fixture
def county(tmp_path: Path, fixed_county: County) -> County:
    """A copy of the county that a test may change."""
    copy = County(Path(shutil.copytree(fixed_county.folder, tmp_path / "county")))
    copy.layers = deepcopy(fixed_county.layers)
    return copy


@pytest.fixture
def write_boundary(tmp_path: Path) -> Callable[..., Path]:
    """Write a project as GeoPackage; coordinates in metres from the county's corner or absolute."""

    def write(geometry: Any, *, epsg: int = EPSG, name: str = "项目") -> Path:
        file = tmp_path / f"{name}.gpkg"
        file.unlink(missing_ok=True)
        return write_layer(file, "project", [geometry], epsg=epsg)

    return write
