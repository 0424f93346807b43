"""Save a result: JSON, the conflict patches as a GeoPackage, the map and the report.

The files appear in the target folder together, when all of them are written.
"""

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import shapely

from cspon.errors import InputError, SetupError
from cspon.schemas.spatial import LayerOutput, ToolResult
from tools.compliance.narrative import MAP, report_markdown
from tools.outputs import published_together

CONFLICT_FIELDS = (
    "line",
    "line_title",
    "zone",
    "rule",
    "number",
    "area_ha",
    "area_mu",
    "code",
    "code_name",
    "x",
    "y",
)


def save_result(
    result: ToolResult, folder: Path, *, boundary: Path, layers: Path
) -> tuple[dict[str, Path], tuple[str, ...]]:
    """Write `result.json`, `conflicts.gpkg`, `map.png` and the report as .md, .docx and .pdf.

    Args:
        result: Result of `check_compliance`.
        folder: Made when it is not there.
        boundary: The boundary file, drawn on the map.
        layers: Folder of the layer catalogue.

    Returns:
        Path by kind, and notices about what could not be made (no Chinese font: no map; no
        LibreOffice: no PDF).

    Raises:
        SetupError: the folder cannot be written, for example because the disk is full.
    """
    from tools.maps import draw_compliance_map
    from tools.report import markdown_to_docx
    from tools.report_pdf import docx_to_pdf

    files: dict[str, Path] = {}
    notices: list[str] = []
    with published_together(folder) as draft:
        record = json.dumps(result.model_dump(mode="json"), ensure_ascii=False, indent=1)
        files["json"] = _write_text(draft / "result.json", record)
        conflicts = next(layer for layer in result.layers if layer.name == "conflicts")
        files["gpkg"] = write_conflicts(conflicts, draft / "conflicts.gpkg")
        try:
            files["png"] = draw_compliance_map(boundary, layers, result, draft / MAP)
        except SetupError as error:  # no Chinese font: the rest stands without a map
            notices.append(f"未能绘制地图：{error.message}")
        text = report_markdown(result, with_map="png" in files)
        files["md"] = _write_text(draft / "report.md", text)
        images = {MAP: files["png"]} if "png" in files else None
        files["docx"] = markdown_to_docx(text, draft / "report.docx", images=images)
        try:
            files["pdf"] = docx_to_pdf(files["docx"], draft / "report.pdf")
        except (SetupError, InputError) as error:
            notices.append(f"未能生成 PDF 报告：{error.message}")
    return {kind: folder / file.name for kind, file in files.items()}, tuple(notices)


def write_conflicts(conflicts: LayerOutput, out: Path) -> Path:
    """Write the conflict patches as layer `conflicts` of a GeoPackage.

    Raises:
        OSError: the file cannot be written.
    """
    import pyogrio.raw  # GDAL: only where a file is written
    from pyogrio.errors import DataSourceError, GeometryError

    shapes = [shapely.geometry.shape(f["geometry"]) for f in conflicts.features]
    rows = [f["properties"] for f in conflicts.features]
    kinds = {"number": np.int32, "area_ha": float, "area_mu": float, "x": float, "y": float}
    values = [
        np.array([row[name] for row in rows], dtype=kinds.get(name, object))
        for name in CONFLICT_FIELDS
    ]

    def write(draft: Path) -> None:
        try:
            pyogrio.raw.write(
                draft,
                geometry=shapely.to_wkb(np.array(shapes, dtype=object)),
                field_data=values,
                fields=list(CONFLICT_FIELDS),
                layer="conflicts",
                driver="GPKG",
                geometry_type="Polygon",
                crs=f"EPSG:{conflicts.epsg}",
            )
            written = pyogrio.read_info(draft, layer="conflicts", force_feature_count=True)
        except (DataSourceError, GeometryError) as error:
            raise OSError(f"GeoPackage 写入失败（{error}）") from error
        if written["features"] != len(rows):
            raise OSError("GeoPackage 未写完整，磁盘可能已满")

    return _replace(out, write)


def _write_text(out: Path, text: str) -> Path:
    return _replace(out, lambda draft: draft.write_text(text, encoding="utf-8"))


def _replace(out: Path, write: Callable[[Path], object]) -> Path:
    """Write a draft beside the target, then rename; a failed draft is removed."""
    descriptor, name = tempfile.mkstemp(prefix=f".{out.stem}-", suffix=out.suffix, dir=out.parent)
    os.close(descriptor)
    draft = Path(name)
    draft.unlink()
    try:
        write(draft)
        draft.chmod(0o644)
        draft.replace(out)
    finally:
        for left in out.parent.glob(f"{draft.name}*"):
            left.unlink(missing_ok=True)
    return out
