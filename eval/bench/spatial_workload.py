"""The workload of the spatial benchmark: generated parcels, control lines and project boundaries.

Everything follows from the seed. Parcels are cached between runs under a name that holds their
number, the seed and a digest of the generator's source.
"""

import hashlib
import json
import math
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely
import yaml

import tools.demo_county.parcels as generator
from cspon.errors import SetupError
from cspon.schemas.spatial import LayerSpec
from tools.demo_county.geopackage import GeoPackage
from tools.geometry.area import M2_PER_HA
from tools.layers import CATALOGUE, layer_by_role, load_catalogue

EPSG = 4547
SEED = 20260101
PROJECT_HA = 500.0
OUTER_VERTICES, HOLE_VERTICES = 168, 32
BATCH_MEAN_HA, BATCH_HA, BATCH_SPREAD = 15.0, (1.0, 80.0), 0.7
"""Sizes of the batch's projects: lognormal about this mean, with this standard deviation of the
logarithm, cut at both ends (which takes as much as it gives within 1 %)."""
BATCH_VERTICES = 40
SHIFTED = 20
"""How many shifted copies of the project are asked besides the project itself."""
BYTES_PER_PARCEL = 900

_LINES = (
    ("permanent_basic_farmland", "YJJBNT", "永久基本农田"),
    ("ecological_redline", "STBHHX", "生态保护红线"),
    ("urban_development_boundary", "CZKFBJ", "城镇开发边界"),
)
_GENERATOR_MODULES = ("parcels.py", "field_pattern.py", "geopackage.py", "noise.py")

Progress = Callable[[str], None]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Workload:
    """Files and boundaries of one benchmark run."""

    folder: Path
    """Holds `layers.yaml` and the layers."""
    spec: LayerSpec
    """The land-use layer."""
    boundary: Path
    """The project as GeoJSON."""
    project: shapely.Polygon
    shifted: tuple[shapely.Polygon, ...]
    batch: tuple[shapely.Polygon, ...]


def make_workload(folder: Path, *, parcels: int, projects: int, progress: Progress) -> Workload:
    """Make or reuse the files of a workload.

    Args:
        folder: Where generated parcels are kept between runs.
        parcels: Number of land-use parcels.
        projects: Number of projects in the batch.
        progress: Gets Chinese sentences.

    Raises:
        SetupError: not enough disk space.
    """
    place = folder / f"spatial-{parcels}-{SEED}-{generator_digest()}"
    _make_parcels(place, parcels, progress)
    extent = _extent(place / "DLTB.gpkg")
    project = make_project(extent, SEED)
    boundary = _make_layers(place, extent, project)
    spec = layer_by_role(load_catalogue(place), "land_use")
    assert spec is not None
    rng = np.random.default_rng(SEED)
    return Workload(
        folder=place,
        spec=spec,
        boundary=boundary,
        project=project,
        shifted=tuple(_shift(project, extent, rng) for _ in range(SHIFTED)),
        batch=tuple(_random_project(extent, rng) for _ in range(projects)),
    )


def generator_digest() -> str:
    """Name the version of the parcel generator by the content of its source."""
    source = Path(generator.__file__).parent
    digest = hashlib.sha256()
    for name in _GENERATOR_MODULES:
        digest.update((source / name).read_bytes())
    return digest.hexdigest()[:12]


def make_project(extent: Box, seed: int) -> shapely.Polygon:
    """Make the irregular project: curved edges, a hole, about 200 vertices, 500 ha if it fits."""
    min_x, min_y, max_x, max_y = extent
    fits_m2 = 0.15 * (max_x - min_x) * (max_y - min_y)
    area_m2 = min(PROJECT_HA * M2_PER_HA, fits_m2)
    centre = np.array([(min_x + max_x) / 2, (min_y + max_y) / 2])
    rng = np.random.default_rng(seed)
    outer = _blob(centre, 1000.0, OUTER_VERTICES, rng)
    hole = _blob(centre + np.array([260.0, -180.0]), 160.0, HOLE_VERTICES, rng)
    shape = shapely.Polygon(outer, [hole])
    factor = math.sqrt(area_m2 / shape.area)
    return shapely.transform(shape, lambda xy: (xy - centre) * factor + centre)


def _blob(
    centre: npt.NDArray[np.float64], radius: float, vertices: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Draw a closed wavy curve about a centre."""
    angle = np.linspace(0, 2 * np.pi, vertices, endpoint=False)
    wave = sum(
        0.22 / k * np.sin(k * angle + phase)
        for k, phase in enumerate(rng.uniform(0, 2 * np.pi, 6), start=2)
    )
    distance = radius * (1 + np.asarray(wave, dtype=np.float64))
    around = np.column_stack([distance * np.cos(angle), distance * np.sin(angle)])
    curve: npt.NDArray[np.float64] = centre + around
    return curve


def _shift(project: shapely.Polygon, extent: Box, rng: np.random.Generator) -> shapely.Polygon:
    left, bottom, right, top = project.bounds
    move = np.array(
        [
            rng.uniform(extent[0] - left, extent[2] - right),
            rng.uniform(extent[1] - bottom, extent[3] - top),
        ]
    )
    return shapely.transform(project, lambda xy: xy + move)


def _random_project(extent: Box, rng: np.random.Generator) -> shapely.Polygon:
    middle = math.log(BATCH_MEAN_HA) - BATCH_SPREAD**2 / 2
    area_m2 = float(np.clip(math.exp(rng.normal(middle, BATCH_SPREAD)), *BATCH_HA)) * M2_PER_HA
    area_m2 = min(area_m2, 0.05 * (extent[2] - extent[0]) * (extent[3] - extent[1]))
    radius = math.sqrt(area_m2 / math.pi)
    reach = 1.6 * radius
    centre = np.array(
        [
            rng.uniform(extent[0] + reach, extent[2] - reach),
            rng.uniform(extent[1] + reach, extent[3] - reach),
        ]
    )
    return shapely.Polygon(_blob(centre, radius, BATCH_VERTICES, rng))


def _make_parcels(place: Path, parcels: int, progress: Progress) -> None:
    file = place / "DLTB.gpkg"
    if file.is_file():
        progress(f"使用已生成的 {parcels:,} 个图斑：{file}")
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    for stale in place.parent.glob(f"spatial-{parcels}-*"):
        shutil.rmtree(stale)
    place.mkdir()
    needed = parcels * BYTES_PER_PARCEL
    free = shutil.disk_usage(place).free
    if free < needed:
        raise SetupError(
            f"磁盘空间不足：生成 {parcels:,} 个图斑约需 {needed / 1e9:.1f} GB，{place} 只余 {free / 1e9:.1f} GB",
            mend="清理磁盘，或用 --parcels 减少图斑数",
        )
    progress(f"生成 {parcels:,} 个图斑（只在第一次）")
    generator.generate_parcels(file, n=parcels, seed=SEED, progress=progress)


def _extent(file: Path) -> Box:
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        row = connection.execute(
            "SELECT min_x, min_y, max_x, max_y FROM gpkg_contents WHERE table_name = 'DLTB'"
        ).fetchone()
    finally:
        connection.close()
    return (float(row[0]), float(row[1]), float(row[2]), float(row[3]))


def _make_layers(place: Path, extent: Box, project: shapely.Polygon) -> Path:
    """Write control lines, the county, the catalogue and the boundary; returns the boundary."""
    rng = np.random.default_rng(SEED + 1)
    blobs = {role: _line_polygons(extent, rng) for role, _, _ in _LINES}
    layers = [
        _entry("land_use", "DLTB", "地类图斑")
        | {"id_field": "BSM", "code_field": "DLBM", "code_scheme": "ydyh_2023"}
    ]
    for role, name, title in (*_LINES, ("admin_county", "XZQ", "县级行政区")):
        shapes = blobs.get(role) or [shapely.box(*extent)]
        draft = place / f".{name}.gpkg.part"
        draft.unlink(missing_ok=True)
        with (
            GeoPackage(draft, epsg=EPSG) as package,
            package.table(
                name,
                geometry="POLYGON",
                fields={"BSM": "TEXT(18)"},
                title=title,
                description="合成数据",
            ) as table,
        ):
            table.add(np.array(shapes, dtype=object), {"BSM": map(str, range(len(shapes)))})
        draft.replace(place / f"{name}.gpkg")
        layers.append(_entry(role, name, title))
    catalogue = {
        "title": "基准测试县",
        "region_code": "990100",
        "region_name": "基准测试县",
        "epsg": EPSG,
        "synthetic": True,
        "layers": layers,
    }
    (place / CATALOGUE).write_text(yaml.safe_dump(catalogue, allow_unicode=True), encoding="utf-8")
    boundary = place / "project.geojson"
    feature = {
        "type": "Feature",
        "properties": {"name": "基准测试项目"},
        "geometry": shapely.geometry.mapping(project),
    }
    crs = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{EPSG}"}}
    boundary.write_text(
        json.dumps(
            {"type": "FeatureCollection", "crs": crs, "features": [feature]}, ensure_ascii=False
        ),
        encoding="utf-8",
    )
    return boundary


def _line_polygons(extent: Box, rng: np.random.Generator) -> list[shapely.Polygon]:
    """Spread wavy polygons of 120 vertices over the extent, one to every 900 ha, disjoint."""
    width, height = extent[2] - extent[0], extent[3] - extent[1]
    columns, rows = (max(1, round(side / 3000)) for side in (width, height))
    cell = np.array([width / columns, height / rows])
    polygons = []
    for i in range(columns):
        for j in range(rows):
            centre = np.array(extent[:2]) + cell * (np.array([i, j]) + rng.uniform(0.45, 0.55, 2))
            polygons.append(shapely.Polygon(_blob(centre, 0.27 * cell.min(), 120, rng)))
    return polygons


def _entry(role: str, name: str, title: str) -> dict[str, object]:
    return {
        "role": role,
        "name": name,
        "title": title,
        "path": f"{name}.gpkg",
        "layer": name,
        "epsg": EPSG,
        "date": "2026-01-01",
        "synthetic": True,
        "source": "生成",
    }
