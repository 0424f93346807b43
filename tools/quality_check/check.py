"""The tool `check_plan_database`: a plan database against a rule pack."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from cspon.schemas.knowledge import Basis
from cspon.schemas.spatial import Provenance, ToolResult
from tools.catalogue import OneOf, Sent, tool
from tools.geometry.area import AREA_DEFINITION
from tools.quality_check.packs import load_pack, shipped_packs
from tools.quality_check.survey import Progress, Quality, check_database
from tools.quality_check.tables import error_layers, result_tables

VERSION = "1"
DEFAULT_PACK = "county_master_plan"


@tool(
    "check_plan_database",
    title="成果数据库质检",
    version=VERSION,
    examples=(
        "对规划成果数据库做质检，列出拓扑错误和属性错误",
        "检查数据库的目录、图层、字段、坐标系、面积和图数一致性",
        "地类图斑有没有重叠、缝隙、自相交和碎面？",
    ),
)
def check_plan_database(
    database: Annotated[Path, Sent("database")],
    pack: Annotated[str, OneOf(shipped_packs)] = DEFAULT_PACK,
    indicators: Annotated[Path | None, Sent("table")] = None,
    upper: Annotated[Path | None, Sent("table")] = None,
    workers: int = 2,
) -> ToolResult:
    """Check a plan database: files, mathematics, structure, values, geometry, topology, areas, sums.

    Args:
        database: Folder of the database, or a .gpkg, .gdb or .shp.
        pack: Id of a rule pack that ships with the software, or the folder of a bureau's own.
        indicators: Indicator table (xlsx or csv) that the layers must bear out.
        upper: Table of the figures handed down from above (csv or xlsx).
        workers: Processes for large layers.

    Raises:
        InputError: the database does not open, or the pack or a table is wrong.
    """
    return run(database, pack, indicators, upper, workers, lambda _: None)


def run(
    database: Path,
    pack: str,
    indicators: Path | None,
    upper: Path | None,
    workers: int,
    progress: Callable[[str], None],
) -> ToolResult:
    """Do what `check_plan_database` does and tell of the progress."""
    says: Progress = progress
    rules = load_pack(pack)
    quality = check_database(
        database, rules, indicators=indicators, upper=upper, workers=workers, progress=says
    )
    return ToolResult(
        tool="check_plan_database",
        version=VERSION,
        data=_data(quality),
        tables=result_tables(quality),
        layers=error_layers(quality),
        basis=_bases(quality),
        provenance=_provenance(quality, indicators, upper),
        warnings=() if rules.verified else (f"规则包“{rules.title}”未经核验：{rules.source}",),
    )


def _data(quality: Quality) -> dict[str, Any]:
    totals = dict.fromkeys(("error", "warning", "notice"), 0)
    for count in quality.counts:
        totals[count.check.severity] += count.found
    passed = not (totals["error"] or totals["warning"])
    survey = quality.survey
    return {
        "database": str(survey.database.path),
        "pack": quality.pack.id,
        "pack_version": quality.pack.version,
        "passed": passed,
        "headline": "质检通过，未发现错误"
        if passed
        else f"发现错误 {totals['error']} 处、警告 {totals['warning']} 处、提示 {totals['notice']} 处",
        "totals": totals,
        "region": {"code": survey.region.code, "name": survey.region.name},
        "layers": [
            {
                "name": name,
                "title": context.rule.title,
                "file": context.file.file.name,
                "features": context.file.features,
                "epsg": context.file.epsg,
                "area_ha": round(float(survey.gathered[name].areas_m2.sum()) / 1e4, 4),
            }
            for name, context in survey.layers.items()
        ],
        "checks": len(quality.pack.checks),
        "findings": [f.model_dump(mode="json") for f in quality.findings],
        "unchecked": list(quality.unchecked),
        "area_definition": AREA_DEFINITION,
    }


def _bases(quality: Quality) -> tuple[Basis, ...]:
    found = {f.check for f in quality.findings}
    said = {c.basis: c.verified for c in quality.pack.checks if c.id in found}
    return tuple(Basis(title=text, verified=verified) for text, verified in said.items())


def _provenance(quality: Quality, indicators: Path | None, upper: Path | None) -> Provenance:
    """Name each file by size and time: hashing a whole database would take longer than the check."""
    inputs = {}
    for file in sorted({context.file.file for context in quality.survey.layers.values()}):
        stat = file.stat()
        inputs[file.name] = f"size:{stat.st_size};mtime_ns:{stat.st_mtime_ns}"
    for table in (indicators, upper):
        if table is not None:
            inputs[table.name] = f"sha256:{hashlib.sha256(table.read_bytes()).hexdigest()}"
    return Provenance(
        tool="check_plan_database",
        version=VERSION,
        inputs=inputs,
        parameters={"pack": quality.pack.id, "pack_version": quality.pack.version},
        epsg=quality.survey.region.epsg,
    )
