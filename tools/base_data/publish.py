"""Write what was taken, with its figures and a record of what was left out and why."""

import csv
import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from cspon.errors import InputError
from cspon.schemas.spatial import ToolResult
from tools.base_data.taking import Taken
from tools.compliance.narrative import heading, table_markdown
from tools.outputs import published_together
from tools.result_files import SYNTHETIC
from tools.vector_output import write_vector

FileFormat = Literal["gpkg", "shp", "geojson", "csv"]
PACKAGE = "base_data.gpkg"
FIGURES, RECORD, README = "底数统计.csv", "提取记录.json", "提取说明.md"
_SHP_NAME_BYTES = 10
_SHP_TEXT_BYTES = 254
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def publish(
    result: ToolResult,
    taken: Sequence[Taken],
    out: Path,
    layers: Path,
    *,
    file_format: FileFormat,
    overwrite: bool,
) -> dict[str, str]:
    """Write all files together and return the hash of each by name.

    Raises:
        InputError: the folder is that of the layers, is a file, or holds files of these names.
        SetupError: the folder cannot be written.
    """
    _check_folder(out, layers)
    with published_together(out) as draft:
        notes = _write(taken, draft, file_format)
        _write_figures(result, draft / FIGURES)
        (draft / README).write_text(_readme(result, notes), encoding="utf-8")
        hashes = {file.name: _hash(file) for file in sorted(draft.iterdir())}
        data = {**result.data, "files": hashes, "notes": notes}
        record = {**result.model_dump(mode="json"), "data": data}
        (draft / RECORD).write_text(json.dumps(record, ensure_ascii=False, indent=1), "utf-8")
        there = [name for name in (*hashes, RECORD) if (out / name).exists()]
        if there and not overwrite:
            raise InputError(
                f"输出目录已有 {'、'.join(there[:5])}",
                file=out,
                field="out",
                mend="换一个目录，或加 --overwrite 覆盖同名文件",
            )
    return hashes


def _check_folder(out: Path, layers: Path) -> None:
    target, source = out.resolve(), layers.resolve()
    if target == source or target.is_relative_to(source):
        raise InputError(
            "输出目录在图层目录之内，可能覆盖原始数据", file=out, field="out", mend="换一个目录"
        )
    if out.exists() and not out.is_dir():
        raise InputError("输出目录是一个文件", file=out, field="out", mend="换一个目录")


def _write(taken: Sequence[Taken], draft: Path, file_format: FileFormat) -> list[str]:
    """Write the layers; returns what a reader must know of the format."""
    notes: list[str] = []
    for found in taken:
        name = re.sub(r"[^\w-]", "_", found.spec.name)
        if not len(found):
            continue
        if file_format == "gpkg":
            columns = {k: v for k, v in found.columns.items() if k.lower() not in ("fid", "geom")}
            write_vector(
                draft / PACKAGE,
                found.geometries,
                columns,
                layer=name,
                epsg=found.spec.epsg,
                driver="GPKG",
            )
        elif file_format == "shp":
            columns, said = _shapefile_columns(found, name)
            notes += said
            write_vector(
                draft / f"{name}.shp", found.geometries, columns,
                layer=name, epsg=found.spec.epsg, driver="ESRI Shapefile",
            )  # fmt: skip
        elif file_format == "geojson":
            write_vector(
                draft / f"{name}.geojson", found.geometries, found.columns,
                layer=name, epsg=found.spec.epsg, driver="GeoJSON",
            )  # fmt: skip
        else:
            _write_csv(found, draft / f"{name}.csv")
    if file_format == "csv":
        notes.append(
            "CSV 只有属性，没有图形；文字以 = + - @ 开头的前面加了单引号，以免被当作公式。"
        )
    if file_format == "geojson":
        notes.append("GeoJSON 的坐标仍为投影坐标（米），坐标系写在文件的 crs 中。")
    return notes


def _shapefile_columns(found: Taken, name: str) -> tuple[dict[str, list[Any]], list[str]]:
    """Fit names and texts to the format; what was shortened is said."""
    columns: dict[str, list[Any]] = {}
    notes: list[str] = []
    for column, values in found.columns.items():
        short = column.encode()[:_SHP_NAME_BYTES].decode(errors="ignore")
        number = 1
        while short in columns:
            number += 1
            end = f"_{number}"
            short = column.encode()[: _SHP_NAME_BYTES - len(end)].decode(errors="ignore") + end
        if short != column:
            notes.append(
                f"Shapefile {name} 的字段 {column} 改名为 {short}（字段名最多 10 个字节）。"
            )
        texts = [v for v in values if isinstance(v, str)]
        if any(len(v.encode()) > _SHP_TEXT_BYTES for v in texts):
            notes.append(f"Shapefile {name} 的字段 {column} 有文字超过 254 个字节，已截断。")
            values = [
                v.encode()[:_SHP_TEXT_BYTES].decode(errors="ignore") if isinstance(v, str) else v
                for v in values
            ]
        columns[short] = values
    return columns, notes


def _write_csv(found: Taken, file: Path) -> None:
    with file.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(found.columns)
        writer.writerows(
            [_safe(value) for value in row] for row in zip(*found.columns.values(), strict=True)
        )


def _safe(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _write_figures(result: ToolResult, file: Path) -> None:
    """Write all figures into one table: a column for the layer, then those of the tables."""
    columns = {column.key: heading(column) for table in result.tables for column in table.columns}
    with file.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["图层", *columns.values()])
        for table in result.tables:
            writer.writerows(
                [table.name, *(_safe(row.get(key)) for key in columns)] for row in table.rows
            )


def _readme(result: ToolResult, notes: list[str]) -> str:
    data = result.data
    area = "" if data["area_ha"] is None else f"，面积 {data['area_ha']:.4f} 公顷"
    parts = [
        f"# {data['area']}底图底数提取说明",
        f"范围：{data['area']}（{data['area_source']}）{area}；坐标系 EPSG:{data['epsg']}；"
        f"读取人权限：{data['clearance']}；成果密级：{result.secrecy.value}。",
    ]
    if result.synthetic:
        parts.append(f"> {SYNTHETIC}")
    conditions = [
        *data["where"],
        *([f"编码开头为 {'、'.join(data['codes'])}"] if data["codes"] else []),
    ]
    if conditions:
        parts.append("筛选条件：" + "；".join(conditions) + "。")
    left_out = [f"- {item['what']}：{item['why']}" for item in data["withheld"]]
    parts.append("## 未导出或已处理的内容\n\n" + ("\n".join(left_out) or "无。"))
    parts += [f"## {t.title}\n\n{table_markdown(t)}" for t in result.tables if t.rows]
    said = [*result.warnings, *notes]
    if said:
        parts.append("## 注意\n\n" + "\n".join(f"- {text}" for text in said))
    days = "；".join(f"{name} {day}" for name, day in result.provenance.layer_dates.items())
    parts.append(
        f"工具 {result.tool} 版本 {result.version}；图层数据时点：{days}。文件校验值见 {RECORD}。"
    )
    return "\n\n".join(parts) + "\n"


def _hash(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return f"sha256:{digest.hexdigest()}"
