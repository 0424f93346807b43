"""Bad files, and every spatial tool on each of them: the table of `docs/bad-input.md`.

A county of 20 km has land use and planned land use in 100 squares of 4 km². A defect is planted in the
layer that a tool reads; the same project is asked everywhere, so that what differs is what users
are told.
"""

import shutil
import sqlite3
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import shapely
from shapely import affinity

from cspon.errors import InputError, SetupError
from cspon.schemas.spatial import ToolResult
from tests.tools.conftest import CODES, EPSG, County, X, Y, write_layer
from tools.base_data.extract import extract_base_data
from tools.compliance.check import check_compliance
from tools.indicators.tool import compute_indicators
from tools.layer_placement import gcj02_offset_m
from tools.plan_versions.compare import compare_plan_versions
from tools.planning_conditions.conditions import planning_conditions
from tools.site_selection.request import SiteRequest
from tools.site_selection.select import select_sites

CELL = 2_000.0
SIDE = 10 * CELL
DAY = date(2026, 11, 22)
REFUSED, TOLD, USUAL = "拒绝", "提示", "照常"
NAMES = {"land_use": "DLTB", "planned_land_use": "YDYHGHFQ"}
TITLES = {"land_use": "地类图斑", "planned_land_use": "用地用海规划分区"}
MU_PER_HA = 15.0

Shapes = list[Any]


def at(min_x: float, min_y: float, max_x: float, max_y: float) -> shapely.Polygon:
    """A box in metres from the county's south-west corner."""
    return shapely.box(X + min_x, Y + min_y, X + max_x, Y + max_y)


PROJECT = at(2_500, 2_500, 5_500, 4_500)


def cells() -> Shapes:
    """The squares of the county, row after row."""
    return [
        at(CELL * i, CELL * j, CELL * i + CELL, CELL * j + CELL)
        for j in range(10)
        for i in range(10)
    ]


def make_wide_county(folder: Path) -> County:
    """The county without a defect."""
    county = County(folder)
    county.add("admin_county", "XZQ", "行政区", [at(0, 0, SIDE, SIDE)])
    county.add("permanent_basic_farmland", "YJJBNT", "永久基本农田", [at(0, 0, 6_000, SIDE)])
    county.add("ecological_redline", "STBHHX", "生态保护红线", [at(0, 16_000, SIDE, SIDE)])
    county.add("urban_development_boundary", "CZKFBJ", "城镇开发边界", [at(6_000, 0, SIDE, 16_000)])
    for role in NAMES:
        put(county, role, cells())
    return county


def put(county: County, role: str, shapes: Shapes, **changes: list[Any]) -> None:
    """Write a coded layer; `changes` replace whole columns."""
    count = len(shapes)
    fields: dict[str, list[Any]] = {
        "BSM": [str(i + 1) for i in range(count)],
        "DM": [CODES[i % 10] for i in range(count)],
        "MJ": [400.0] * count,
        **changes,
    }
    county.add(
        role, NAMES[role], TITLES[role], shapes, fields=fields, id_field="BSM", code_field="DM",
        code_scheme="ydyh_2023", area_field="MJ", area_unit="ha",
    )  # fmt: skip


def with_cell(shape: Any, index: int = 12) -> Shapes:
    """The squares with another shape in the place of one under the project."""
    shapes: Shapes = cells()
    shapes[index] = shape
    return shapes


# Defects of a layer ------------------------------------------------------------------------------


def mixed_types(county: County, role: str) -> None:
    line = shapely.LineString([(X + 3_000, Y + 3_000), (X + 3_500, Y + 3_500)])
    put(county, role, [*cells(), shapely.Point(X + 3_100, Y + 3_200), line])


def null_geometry(county: County, role: str) -> None:
    put(county, role, [*cells(), None])


def empty_geometry(county: County, role: str) -> None:
    put(county, role, [*cells(), shapely.Polygon()])


def invalid_ring(county: County, role: str) -> None:
    x, y = X + 2 * CELL, Y + CELL
    bow = [(x, y), (x + CELL, y + CELL), (x + CELL, y), (x, y + CELL), (x, y)]
    put(county, role, with_cell(shapely.Polygon(bow)))


def heights_and_measures(county: County, role: str) -> None:
    put(county, role, cells())
    xy = shapely.get_coordinates(np.array(cells(), dtype=object)).reshape(100, 5, 2)
    zm = np.concatenate([xy, np.full((100, 5, 1), 7.0), np.full((100, 5, 1), 9.0)], axis=2)
    shapes = [
        shapely.from_wkt(
            "POLYGON ZM ((" + ", ".join(f"{x!r} {y!r} {z!r} {m!r}" for x, y, z, m in p) + "))"
        )
        for p in zm.tolist()
    ]
    pyogrio.raw.write(
        county.folder / f"{NAMES[role]}.gpkg",
        geometry=shapely.to_wkb(np.array(shapes, dtype=object), flavor="iso"),
        field_data=[
            np.array([str(i) for i in range(100)], dtype=object),
            np.array([CODES[i % 10] for i in range(100)], dtype=object),
            np.full(100, 400.0),
        ],
        fields=["BSM", "DM", "MJ"], layer=NAMES[role], driver="GPKG", geometry_type="Unknown",
        crs=f"EPSG:{EPSG}",
    )  # fmt: skip


def zero_width(county: County, role: str) -> None:
    put(county, role, [*cells(), at(3_000, 3_000, 3_400, 3_000.004)])


def duplicate_ids(county: County, role: str) -> None:
    put(county, role, cells(), BSM=["7"] * 100)


def other_system_in_the_file(county: County, role: str) -> None:
    put(county, role, cells())
    write_layer(
        county.folder / f"{NAMES[role]}.gpkg", NAMES[role], cells(),
        {"BSM": ["1"] * 100, "DM": ["0101"] * 100, "MJ": [400.0] * 100}, epsg=4548,
    )  # fmt: skip


def other_system_in_the_catalogue(county: County, role: str) -> None:
    other_system_in_the_file(county, role)
    county.entry(role)["epsg"] = 4548
    county.save()


def gcj02(county: County, role: str) -> None:
    east, north = gcj02_offset_m(114.1, 29.9)
    put(county, role, [affinity.translate(shape, east, north) for shape in cells()])


def wrong_zone(county: County, role: str) -> None:
    put(county, role, [affinity.translate(shape, 290_000.0, 0.0) for shape in cells()])


def zone_prefix(county: County, role: str) -> None:
    put(county, role, [affinity.translate(shape, 38_000_000.0, 0.0) for shape in cells()])


def degrees(county: County, role: str) -> None:
    put(
        county, role,
        [shapely.transform(s, lambda xy: (xy - [X, Y]) / 1e5 + [114.0, 29.8]) for s in cells()],
    )  # fmt: skip


def areas_in_mu(county: County, role: str) -> None:
    put(county, role, cells(), MJ=[400.0 * MU_PER_HA] * 100)


def areas_that_are_no_numbers(county: County, role: str) -> None:
    put(county, role, cells(), MJ=["约四百"] * 100)


def foreign_code(county: County, role: str) -> None:
    codes = [CODES[i % 10] for i in range(100)]
    codes[12] = "1107A"
    put(county, role, cells(), DM=codes)


def no_code(county: County, role: str) -> None:
    codes: list[Any] = [CODES[i % 10] for i in range(100)]
    codes[12] = None
    put(county, role, cells(), DM=codes)


def foreign_scheme(county: County, role: str) -> None:
    put(county, role, cells(), DM=["011"] * 100)


def not_utf8(county: County, role: str) -> None:
    put(county, role, cells())
    file = county.folder / f"{NAMES[role]}.gpkg"
    connection = sqlite3.connect(file)
    triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    for (name,) in triggers.fetchall():
        connection.execute(f'DROP TRIGGER "{name}"')
    text = "水田".encode("gbk")
    connection.execute(f"UPDATE {NAMES[role]} SET DM = CAST(? AS TEXT) WHERE fid = 13", (text,))
    connection.commit()
    connection.close()


def very_many_vertices(county: County, role: str) -> None:
    """Two megabytes, where the limit is set to one for the test: 512 MB take minutes to write."""
    angle = np.linspace(0, 2 * np.pi, 130_000, endpoint=False)
    ring = np.column_stack([X + 5_000 + 900 * np.cos(angle), Y + 3_000 + 900 * np.sin(angle)])
    put(county, role, with_cell(shapely.Polygon(ring)))


def broken_geometry(county: County, role: str) -> None:
    put(county, role, cells())
    file = county.folder / f"{NAMES[role]}.gpkg"
    connection = sqlite3.connect(file)
    triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    for (name,) in triggers.fetchall():
        connection.execute(f'DROP TRIGGER "{name}"')
    [blob] = connection.execute(f"SELECT geom FROM {NAMES[role]} WHERE fid = 13").fetchone()
    connection.execute(f"UPDATE {NAMES[role]} SET geom = ? WHERE fid = 13", (blob[:60],))
    connection.commit()
    connection.close()


def truncated_file(county: County, role: str) -> None:
    put(county, role, cells())
    file = county.folder / f"{NAMES[role]}.gpkg"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def no_index(county: County, role: str) -> None:
    put(county, role, cells())
    write_layer(
        county.folder / f"{NAMES[role]}.gpkg", NAMES[role], cells(),
        {"BSM": ["1"] * 100, "DM": ["0101"] * 100, "MJ": [400.0] * 100}, index=False,
    )  # fmt: skip


def no_field(county: County, role: str) -> None:
    put(county, role, cells())
    county.entry(role)["code_field"] = "DLBM"
    county.save()


def no_file(county: County, role: str) -> None:
    put(county, role, cells())
    (county.folder / f"{NAMES[role]}.gpkg").unlink()


# Tools -------------------------------------------------------------------------------------------


def site_request() -> SiteRequest:
    """Land that may be built on, by code."""
    return SiteRequest.model_validate(
        {
            "min_area_ha": 1,
            "allowed": {"role": "land_use", "codes": ["0101", "0103", "0701"]},
            "criteria": [{"name": "面积", "measure": "area", "weight": 1, "best": 40, "worst": 0}],
        }
    )


def _extract(folder: Path, project: Path, scratch: Path) -> ToolResult:
    return extract_base_data(folder, project, names=("DLTB",), out=scratch / "out")


def _compare(folder: Path, project: Path, scratch: Path) -> ToolResult:
    return compare_plan_versions(folder, folder, role="land_use")


@dataclass(frozen=True)
class Tool:
    """One spatial tool as the table runs it."""

    title: str
    role: str
    """Layer that the defect is planted in."""
    run: Callable[[Path, Path, Path], ToolResult]
    """Takes the layers' folder, the boundary and a scratch folder."""


TOOLS = {
    "check": Tool(
        "合规性审查", "land_use", lambda layers, project, _: check_compliance(
            project, layers, asked_on=DAY
        ),
    ),
    "conditions": Tool(
        "规划条件", "planned_land_use", lambda layers, project, _: planning_conditions(
            project, layers, asked_on=DAY
        ),
    ),
    "site": Tool("选址", "land_use", lambda layers, project, _: select_sites(layers, site_request())),
    "extract": Tool("底图底数", "land_use", _extract),
    "diff": Tool("版本比对", "land_use", _compare),
    "indicators": Tool(
        "指标", "land_use", lambda layers, project, _: compute_indicators(
            layers, ids=("cultivated_land_area", "built_land_area")
        ),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What a user is told."""

    kind: str
    """拒绝, 提示 or 照常."""
    messages: tuple[str, ...] = ()
    error: InputError | SetupError | None = None


def ask(tool: Tool, county: County, project: Path, scratch: Path, usual: Outcome) -> Outcome:
    """Run a tool; what it warns of on sound data as well is left out."""
    try:
        result = tool.run(county.folder, project, scratch)
    except (InputError, SetupError) as error:
        return Outcome(REFUSED, (error.message,), error)
    refused = [v["method"] for v in result.data.get("values", ()) if v["status"] == "refused"]
    if refused:
        return Outcome(REFUSED, (refused[0],))
    told = [text for text in result.warnings if text not in usual.messages]
    return Outcome(TOLD if told else USUAL, tuple(told))


@dataclass(frozen=True)
class Case:
    """One defect, and what users are told of it."""

    title: str
    make: Callable[[County, str], None]
    kind: str
    """What every tool does with it."""
    says: str
    """In the message of every tool that refuses or warns."""
    field: str | None = None
    """Field that the error names."""
    fid: int | None = None
    """Feature that the message names."""


def copy_of(county: County, folder: Path) -> County:
    """Copy a county that a defect goes into."""
    copy = County(Path(shutil.copytree(county.folder, folder)))
    copy.layers = deepcopy(county.layers)
    return copy


CASES = {
    case.make.__name__: case
    for case in (
        Case("面图层里混有点、线", mixed_types, TOLD, "混有不是面的图形", fid=101),
        Case("要素没有图形（null）", null_geometry, TOLD, "没有图形", fid=101),
        Case("空图形（EMPTY）", empty_geometry, TOLD, "没有图形", fid=101),
        Case("环自相交（蝴蝶结）", invalid_ring, TOLD, "自相交", fid=13),
        Case("图形带高程、测量值（Z、M）", heights_and_measures, USUAL, ""),
        Case("宽 4 毫米的狭长图形", zero_width, TOLD, "宽度不足 1 厘米", fid=101),
        Case("标识码重复", duplicate_ids, TOLD, "字段 BSM 有重复的标识码"),
        Case("面积字段的单位错（亩当公顷）", areas_in_mu, TOLD, "像是亩而不是目录所写的公顷"),
        Case("面积字段不是数", areas_that_are_no_numbers, REFUSED, "不是数", "MJ"),
        Case("文件的坐标系与目录不同", other_system_in_the_file, REFUSED, "坐标系是 EPSG:4548", "epsg"),
        Case("图层之间坐标系不同", other_system_in_the_catalogue, REFUSED, "与目录的 EPSG:4547 不同", "epsg"),
        Case("GCJ-02 坐标", gcj02, REFUSED, "与 GCJ-02（火星坐标）的偏移一致"),
        Case("中央经线错一个带", wrong_zone, REFUSED, "可能带号或中央经线写错"),
        Case("坐标多了带号", zone_prefix, REFUSED, "可能带号或中央经线写错"),
        Case("经纬度当米用", degrees, REFUSED, "像经纬度，不是米"),
        Case("编码不在所声明的体系", foreign_code, REFUSED, "不在用地用海分类（2023）中", "DM", 13),
        Case("整层是另一编码体系（三调）", foreign_scheme, REFUSED, "可能是三调工作分类的编码", "DM"),
        Case("没有编码", no_code, REFUSED, "没有地类编码", "DM", 13),
        Case("文字不是 UTF-8（GBK）", not_utf8, REFUSED, "不是 UTF-8 编码", "DM", 13),
        Case("图形的顶点极多（超过 512 MB）", very_many_vertices, REFUSED, "图形过大", None, 13),
        Case("图形的字节残缺", broken_geometry, REFUSED, "图形无法解析", "geom", 13),
        Case("文件残缺", truncated_file, REFUSED, "不是可用的 GeoPackage"),
        Case("没有空间索引", no_index, REFUSED, "没有空间索引"),
        Case("没有目录所写的字段", no_field, REFUSED, "没有字段 DLBM", "code_field"),
        Case("文件不存在", no_file, REFUSED, "文件不存在", "path"),
    )
}  # fmt: skip
