"""A plan database in memory: layers, tables and text that can be spoiled, and how it is written."""

import csv
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from tools.demo_county.geopackage import GeoPackage
from tools.geometry.area import ellipsoidal_areas_m2

EPSG = 4547
CODE, NAME = "990200", "质检示例县"
_METADATA = {
    "title": NAME, "code": CODE, "date": "2026-01-01", "crs": f"EPSG:{EPSG}",
    "heightDatum": "EPSG:5737", "secrecy": "内部", "organization": "示例单位",
}  # fmt: skip


@dataclass
class DraftLayer:
    """A layer: shapes and rows side by side; the fid of a row is its place plus one."""

    name: str
    kind: str
    """Declared geometry type, e.g. POLYGON."""
    fields: dict[str, str]
    """Name to SQL type."""
    shapes: list[Any]
    rows: list[dict[str, Any]]
    epsg: int | None = EPSG
    definition: str = ""
    """Text of a coordinate system that has no EPSG code."""
    area_field: str = ""

    def add(self, shape: Any, row: dict[str, Any]) -> int:
        """Append a feature and return its fid."""
        self.shapes.append(shape)
        self.rows.append(row)
        return len(self.rows)

    def set_area(self, fid: int) -> None:
        """State the ellipsoidal area of a feature, in m² to two places."""
        area = round(float(ellipsoidal_areas_m2(np.array([self.shapes[fid - 1]]), EPSG)[0]), 2)
        row = self.rows[fid - 1]
        row[self.area_field] = area
        if "TBDLMJ" in self.fields:
            row["TBDLMJ"] = area

    def set_areas(self) -> None:
        """State the ellipsoidal areas of all features."""
        for row, area in zip(self.rows, self.areas().round(2).tolist(), strict=True):
            row[self.area_field] = area
            if "TBDLMJ" in self.fields:
                row["TBDLMJ"] = area

    def areas(self) -> npt.NDArray[np.float64]:
        """Return the ellipsoidal areas in m²."""
        return ellipsoidal_areas_m2(np.array(self.shapes, dtype=object), EPSG)


@dataclass
class Draft:
    """A plan database that has not been written."""

    layers: dict[str, DraftLayer]
    indicators: list[tuple[str, str, str]]
    """Name, unit, value."""
    upper: list[tuple[str, str, str, str]]
    """Name, unit, value, direction."""
    paragraphs: list[str]
    survey: list[tuple[str, str, str, str]] = field(default_factory=list)
    """Land-change survey: year, code, area, unit."""
    metadata: dict[str, str] = field(default_factory=lambda: dict(_METADATA))
    extra_files: dict[str, bytes] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)
    """Paths of files and folders that are not written."""
    extra_layers: list[DraftLayer] = field(default_factory=list)
    """Written into a second GeoPackage."""
    cells: dict[tuple[int, int], int] = field(default_factory=dict)
    """Column and row of the grid to fid of DLTB."""
    size: int = 0

    def write(self, folder: Path) -> tuple[Path, Path, Path]:
        """Write the database and return its folder, the indicator table and the upper level's."""
        place = folder / f"{CODE}{NAME}"
        for name in ("空间数据", "规划表格", "规划文本", "元数据"):
            if name not in self.left_out:
                (place / name).mkdir(parents=True, exist_ok=True)
        write_package(
            place / "空间数据" / f"{CODE}{NAME}.gpkg",
            [layer for layer in self.layers.values() if layer.name not in self.left_out],
        )
        if self.extra_layers:
            write_package(place / "空间数据" / f"{CODE}补充.gpkg", self.extra_layers)
        table = place / "规划表格" / f"{CODE}规划指标表.csv"
        _write_csv(table, ("指标", "单位", "指标值"), self.indicators)
        _write_csv(
            place / "规划表格" / f"{CODE}国土变更调查汇总表.csv",
            ("年度", "地类编码", "面积", "单位"),
            self.survey,
        )
        if "规划文本" not in self.left_out:
            _write_text(place / "规划文本" / f"{CODE}规划文本.docx", self.paragraphs)
        if "元数据文件" not in self.left_out:
            elements = "".join(f"<{k}>{v}</{k}>" for k, v in self.metadata.items())
            metadata = f"<metadata>{elements}</metadata>"
            (place / "元数据" / f"{CODE}元数据.xml").write_text(metadata, encoding="utf-8")
        for name, content in self.extra_files.items():
            (place / name).write_bytes(content)
        upper = folder / "上级指标.csv"
        _write_csv(upper, ("指标", "单位", "指标值", "方向"), self.upper)
        return place, table, upper


def _write_csv(file: Path, head: tuple[str, ...], rows: list[Any]) -> None:
    with file.open("w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream).writerows([head, *rows])


def _write_text(file: Path, paragraphs: list[str]) -> None:
    from docx import Document

    document = Document()
    for text in paragraphs:
        document.add_paragraph(text)
    document.save(str(file))


def write_package(file: Path, layers: list[DraftLayer]) -> None:
    """Write layers whatever their geometry is: missing, empty, of another kind."""
    with GeoPackage(file, epsg=EPSG) as package:
        for number, layer in enumerate(layers):
            srs = _system(package.db, layer, number)
            columns = "".join(f', "{name}" {kind}' for name, kind in layer.fields.items())
            package.db.execute(
                f'CREATE TABLE "{layer.name}" (fid INTEGER PRIMARY KEY NOT NULL, geom {layer.kind}{columns})'
            )
            package.db.execute(
                "INSERT INTO gpkg_contents (table_name, data_type, identifier, last_change, srs_id) "
                "VALUES (?, 'features', ?, '2026-01-01T00:00:00.000Z', ?)",
                (layer.name, layer.name, srs),
            )
            package.db.execute(
                "INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', ?, ?, 0, 0)",
                (layer.name, layer.kind, srs),
            )
            package.db.execute("BEGIN")
            for fid, (shape, row) in enumerate(zip(layer.shapes, layer.rows, strict=True), start=1):
                values = [row.get(name) for name in layer.fields]
                marks = ", ".join(
                    "CAST(? AS TEXT)" if isinstance(v, bytes) else "?" for v in values
                )
                package.db.execute(
                    f'INSERT INTO "{layer.name}" VALUES (?, ?, {marks})',
                    (fid, _blob(shape, srs), *values),
                )
            package.db.execute("COMMIT")


def _system(db: sqlite3.Connection, layer: DraftLayer, number: int) -> int:
    """Register the layer's coordinate system and return its id."""
    import pyproj

    if layer.epsg is None and not layer.definition:
        return -1
    if layer.definition:
        wkt = pyproj.CRS.from_user_input(layer.definition).to_wkt("WKT2_2019")
        srs, organization, code = 900_001 + number, "NONE", 900_001 + number
    else:
        assert layer.epsg is not None
        wkt, srs, organization, code = (
            pyproj.CRS.from_epsg(layer.epsg).to_wkt(), layer.epsg, "EPSG", layer.epsg,
        )  # fmt: skip
    db.execute(
        "INSERT OR IGNORE INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, NULL)",
        (f"srs {srs}", srs, organization, code, wkt),
    )
    return srs


def _blob(shape: Any, srs: int) -> bytes | None:
    """Return GeoPackage binary without an envelope."""
    if shape is None:
        return None
    flags = 0b10001 if shape.is_empty else 0b1
    head = b"GP\x00" + bytes([flags]) + int(srs).to_bytes(4, "little", signed=True)
    wkb: bytes = shapely.to_wkb(shape, byte_order=1)
    return head + wkb
