"""The hand-made county with every layer that the check measures."""

import shutil
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from tests.tools.conftest import EPSG, County, X, Y, local, make_county

CELL_M = 10.0
STEEP_DEGREES = 30.0


def line(*points: tuple[float, float]) -> shapely.LineString:
    return shapely.LineString([(X + x, Y + y) for x, y in points])


def zoned(county: County, role: str, name: str, scheme: str, boxes: dict[str, list[Any]]) -> None:
    """Add a zoned layer; `boxes` by code, in metres from the county's corner."""
    rows = [(code, local(*box)) for code, parts in boxes.items() for box in parts]
    county.add(
        role,
        name,
        name,
        [shape for _, shape in rows],
        fields={"BSM": [str(i) for i in range(len(rows))], "DM": [code for code, _ in rows]},
        id_field="BSM",
        code_field="DM",
        code_scheme=scheme,
    )


def lines(
    county: County, role: str, name: str, scheme: str, rows: list[tuple[Any, str, str]]
) -> None:
    """Add a line layer of (geometry, class, name)."""
    county.add(
        role,
        name,
        name,
        [row[0] for row in rows],
        fields={"DJ": [row[1] for row in rows], "MC": [row[2] for row in rows]},
        geometry="line",
        code_field="DJ",
        name_field="MC",
        code_scheme=scheme,
    )


def elevation(
    folder: Path, heights: np.ndarray, *, epsg: int = EPSG, nodata: float = -9999.0
) -> Path:
    """Write an elevation raster of the county, rows from north to south, 10 m cells."""
    import rasterio

    file = folder / "DEM.tif"
    with rasterio.open(
        file,
        "w",
        driver="GTiff",
        width=heights.shape[1],
        height=heights.shape[0],
        count=1,
        dtype="float32",
        crs=f"EPSG:{epsg}",
        transform=rasterio.Affine(CELL_M, 0, X - 100, 0, -CELL_M, Y + 1100),
        nodata=nodata,
    ) as raster:
        raster.write(heights.astype(np.float32), 1)
    return file


def hillside() -> np.ndarray:
    """Heights of 1.2 km square: 30 degrees steep for x < 200, level elsewhere."""
    x = np.arange(120) * CELL_M - 100 + CELL_M / 2
    rise = np.tan(np.radians(STEEP_DEGREES))
    return np.tile(np.minimum(x, 200.0) * rise + 500.0, (120, 1))


def add_dem(county: County, heights: np.ndarray | None = None) -> None:
    elevation(county.folder, hillside() if heights is None else heights)
    county.layers = [entry for entry in county.layers if entry["role"] != "dem"]
    county.layers.append(
        {
            "role": "dem",
            "name": "DEM",
            "title": "数字高程模型",
            "path": "DEM.tif",
            "geometry": "raster",
            "epsg": EPSG,
            "date": "2025-12-31",
            "source": "tests",
        }
    )
    county.save()


def make_full_county(folder: Path) -> County:
    """Every role of the check has a layer."""
    county = make_county(folder)
    for role, name, title, box in (
        ("urban_green_line", "ZXCQCSLVX", "绿线", (600, 900, 700, 1000)),
        ("urban_purple_line", "ZXCQCSZX", "紫线", (700, 900, 800, 1000)),
        ("urban_blue_line", "ZXCQCSLX", "蓝线", (800, 900, 900, 1000)),
        ("urban_yellow_line", "ZXCQCSHX", "黄线", (900, 900, 1000, 1000)),
        ("mineral_line", "KCZYKZX", "矿产", (0, 500, 100, 600)),
        ("industrial_land_line", "GYYDKZX", "工业", (300, 0, 600, 400)),
    ):
        county.add(role, name, title, [local(*box)])
    zoned(
        county, "nature_reserve", "ZRBHD", "reserve_zones_2026",
        {"核心保护区": [(0, 900, 100, 1000)], "一般控制区": [(100, 900, 300, 1000)]},
    )  # fmt: skip
    zoned(
        county, "flood_risk_line", "HLFXKZX", "flood_zones",
        {"河湖管理范围": [(900, 0, 1000, 100)], "蓄滞洪区": [(900, 100, 1000, 200)]},
    )  # fmt: skip
    zoned(
        county, "heritage_line", "LSWHBHX", "heritage_zones",
        {"文物保护单位保护范围": [(0, 0, 50, 50)], "文物保护单位建设控制地带": [(0, 0, 100, 100)]},
    )  # fmt: skip
    zoned(
        county, "planning_zones", "GHFQ", "planning_zones",
        {
            "生态保护区": [(0, 800, 1000, 1000)],
            "农田保护区": [(0, 0, 300, 800)],
            "工业发展区": [(300, 0, 1000, 800)],
        },
    )  # fmt: skip
    zoned(
        county, "planned_land_use", "YDYHGHFQ", "ydyh_2023",
        {"0101": [(0, 0, 300, 1000)], "100101": [(300, 0, 1000, 1000)]},
    )  # fmt: skip
    lines(
        county, "roads", "DLZXX", "road_class",
        [
            (line((850, 0), (850, 1000)), "国道", "G999"),
            (line((0, 650), (1000, 650)), "村道", "村道一"),
        ],
    )  # fmt: skip
    lines(
        county, "power_lines", "DLXL", "power_voltage",
        [(line((0, 700), (1000, 700)), "110千伏", "试验线")],
    )  # fmt: skip
    lines(
        county, "oil_gas_pipelines", "YQGD", "pipeline_kind",
        [(line((0, 50), (1000, 50)), "输油管道", "试验管道")],
    )  # fmt: skip
    lines(
        county, "rivers_line", "HLZXX", "river_rank",
        [(line((-5000, 0), (-5000, 1000)), "其他河流", "远河")],
    )  # fmt: skip
    add_dem(county)
    return county


@pytest.fixture(scope="session")
def full_county(tmp_path_factory: pytest.TempPathFactory) -> County:
    """Every layer, made once: for tests that only read."""
    return make_full_county(tmp_path_factory.mktemp("full"))


@pytest.fixture
def own_county(tmp_path: Path, full_county: County) -> County:
    """A copy with every layer, for a test that changes it."""
    copy = County(Path(shutil.copytree(full_county.folder, tmp_path / "own")))
    copy.layers = deepcopy(full_county.layers)
    return copy
