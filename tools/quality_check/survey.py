"""Check a plan database with a pack: describe, read every layer once, then what needs them all."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import shapely

from cspon.errors import InputError
from tools.quality_check.context import Gathered, LayerContext, Region, Survey
from tools.quality_check.database import Database, open_database
from tools.quality_check.features import LayerFile
from tools.quality_check.hits import Hit, finding
from tools.quality_check.land_survey import survey_table
from tools.quality_check.mend import mended
from tools.quality_check.metadata import metadata_of
from tools.quality_check.model import CheckRule, Finding, LayerRule, Pack
from tools.quality_check.registry import CheckKind, check_kinds
from tools.quality_check.scan import Plan, Tally, scan_layer
from tools.quality_check.source import read_chunk, split

Progress = Callable[[str], None]
_BY_CODE = ("within_classes", "allowed_in_zone", "survey_sum")
"""Checks that need a code field of every feature after the pass."""


@dataclass(frozen=True)
class CheckCount:
    """How often one check found something in one layer."""

    check: CheckRule
    layer: str
    features: int
    """Features that the check looked at; 0 for checks of files."""
    found: int


@dataclass(frozen=True)
class Quality:
    """All findings of a database, and what was checked."""

    pack: Pack
    survey: Survey
    counts: tuple[CheckCount, ...]
    findings: tuple[Finding, ...]
    unchecked: tuple[str, ...]
    """What could not be checked and why, one sentence each."""


def check_database(
    path: Path,
    pack: Pack,
    *,
    indicators: Path | None = None,
    upper: Path | None = None,
    workers: int = 2,
    progress: Progress = lambda _: None,
) -> Quality:
    """Run every check of a pack on a plan database.

    Args:
        path: Folder of the database, or a .gpkg, .gdb or .shp.
        pack: The rules.
        indicators: Table of indicators (xlsx or csv) to hold against the layers.
        upper: Table of the figures handed down from above.
        workers: Processes for large layers.
        progress: Gets Chinese sentences.

    Raises:
        InputError: the database does not open, or a table cannot be read.
    """
    kinds = check_kinds()
    database = open_database(path)
    if not database.layers and not database.is_folder:
        raise InputError("没有矢量图层", file=path, mend="核对文件是否为成果数据库")
    files = _layer_files(database, pack)
    region = _region(pack, files)
    contexts = {
        name: LayerContext(pack, rule, files[name], region)
        for rule in pack.layers
        if (name := rule.name) in files
    }
    tallies: dict[tuple[str, str], Tally] = {}
    for check in pack.checks:
        kind = kinds[check.kind]
        if kind.scope == "database":
            _tally(tallies, check, "", kind.function(database, pack, check.parameters))
    gathered: dict[str, Gathered] = {}
    for name, context in contexts.items():
        progress(f"检查图层 {name}（{context.file.features:,} 个要素）")
        for check in pack.checks_of(context.rule, _of_scope(kinds, "layer")):
            function = kinds[check.kind].function
            _tally(tallies, check, name, function(context, check.parameters))
        found, by_check = scan_layer(
            _plan(pack, context, kinds), workers=workers, progress=progress
        )
        gathered[name] = found
        tallies.update({(check, name): tally for check, tally in by_check.items()})
    survey = Survey(pack, database, region, contexts, gathered, indicators, upper)
    for name, context in contexts.items():
        for check in pack.checks_of(context.rule, _of_scope(kinds, "gathered")):
            progress(f"{check.title}：{name}")
            function = kinds[check.kind].function
            _tally(tallies, check, name, function(survey, check.parameters, name))
    for check in pack.checks:
        if kinds[check.kind].scope == "after":
            progress(check.title)
            _tally(tallies, check, "", kinds[check.kind].function(survey, check.parameters))
    return _quality(survey, tallies, _unchecked(survey))


def _tally(
    tallies: dict[tuple[str, str], Tally], check: CheckRule, layer: str, hits: Iterator[Hit]
) -> None:
    tallies.setdefault((check.id, layer), Tally()).add(hits)


def _of_scope(kinds: dict[str, CheckKind], scope: str) -> set[str]:
    return {name for name, kind in kinds.items() if kind.scope == scope}


def _layer_files(database: Database, pack: Pack) -> dict[str, LayerFile]:
    """Find the file of each layer that the pack knows; the first counts."""
    files: dict[str, LayerFile] = {}
    for layer in database.layers:
        rule = pack.layer(layer.name)
        if rule is not None:
            files.setdefault(rule.name, layer)
    return files


def _plan(pack: Pack, context: LayerContext, kinds: dict[str, CheckKind]) -> Plan:
    rule, there = context.rule, context.file.column_names
    columns = tuple(field.name for field in rule.fields if field.name in there)
    kept = {field.name for field in rule.fields if field.unique}
    kept |= {i.field for i in pack.indicators if i.layer == rule.name and i.field}
    kept |= {str(c.parameters["field"]) for c in pack.checks if c.kind in _BY_CODE}
    return Plan(
        context=context,
        checks=tuple(pack.checks_of(rule, _of_scope(kinds, "features"))),
        columns=columns,
        kept=tuple(name for name in columns if name in kept),
        with_edges=rule.geometry == "polygon" and _needs_edges(pack, rule),
    )


def _needs_edges(pack: Pack, rule: LayerRule) -> bool:
    """Say whether a check asks for the layer's topology."""
    if rule.name == pack.region_layer or pack.checks_of(rule, {"overlap", "gap"}):
        return True
    named: set[str] = set()
    for check in pack.checks:
        if check.kind in ("disjoint", "within"):
            for value in check.parameters.values():
                named |= (
                    {value}
                    if isinstance(value, str)
                    else set(value if isinstance(value, list) else ())
                )
    return rule.name in named


def _region(pack: Pack, files: dict[str, LayerFile]) -> Region:
    """Read codes, names and outline of county and towns."""
    names: dict[str, str] = {}
    county = files.get(pack.region_layer)
    code, outline = "", None
    for name in (pack.region_layer, pack.town_layer):
        layer = files.get(name or "")
        if layer is None:
            continue
        wanted = (pack.region_code_field, pack.region_name_field)
        if any(field not in layer.column_names for field in wanted):
            continue
        for part in split(layer):
            chunk = read_chunk(layer, part, wanted)
            for key, value in zip(*(chunk.columns[field] for field in wanted), strict=True):
                if key is not None and value is not None:
                    names.setdefault(str(key), str(value))
                if layer is county and key is not None:
                    code = code or str(key)
    if county is not None:
        shapes = np.concatenate(
            [[], *(read_chunk(county, p, ()).geometries for p in split(county))]
        )
        if len(shapes):
            outline = shapely.union_all(mended(shapes))
    return Region(
        code=code,
        name=names.get(code, ""),
        names=names,
        bounds=None if outline is None or outline.is_empty else outline.bounds,
        outline=None if outline is None or outline.is_empty else shapely.to_wkb(outline),
        epsg=county.epsg if county else None,
    )


def _quality(
    survey: Survey, tallies: dict[tuple[str, str], Tally], unchecked: list[str]
) -> Quality:
    counts, findings = [], []
    for check in survey.pack.checks:
        for (name, layer), tally in tallies.items():
            if name != check.id:
                continue
            of = survey.gathered.get(layer)
            counts.append(CheckCount(check, layer, 0 if of is None else len(of.fids), tally.count))
            findings += [
                finding(check, hit if hit.layer else replace(hit, layer=layer))
                for hit in tally.listed
            ]
            if tally.count > len(tally.listed):
                unchecked.append(
                    f"“{check.title}”在图层 {layer} 发现 {tally.count} 处，只列出前 {len(tally.listed)} 处"
                )
    return Quality(survey.pack, survey, tuple(counts), tuple(findings), tuple(unchecked))


def _unchecked(survey: Survey) -> list[str]:
    """Say what was not checked, so that silence is not taken for a pass."""
    said = []
    pack, database = survey.pack, survey.database
    if not database.is_folder:
        said.append("给出的是单个文件，未检查目录结构与文件命名")
    if survey.region.outline is None:
        said.append(f"没有行政区图层 {pack.region_layer}，未检查是否超出行政区、行政区代码与覆盖")
    for layer in pack.layers:
        if not layer.required and layer.name not in survey.layers:
            said.append(f"没有图层 {layer.name}（{layer.title}），未检查")
    for name, context in survey.layers.items():
        if context.file.features and not _drawn(survey.gathered[name]):
            said.append(f"图层 {name} 没有可用图形，未检查其拓扑与面积")
        if context.rule.area_field and not _metric(context):
            said.append(f"图层 {name} 不是 CGCS2000 投影坐标，未核对面积")
    for check in pack.checks:
        if (
            check.kind == "survey_sum"
            and survey_table(survey, str(check.parameters["table"])) is None
        ):
            said.append("没有国土变更调查汇总表（规划表格文件夹），未核对现状地类与变更调查")
        if check.kind == "metadata_fields" and not metadata_of(survey, check.parameters["file"]):
            said.append("没有元数据文件，未核对元数据内容、坐标系与密级")
    if survey.indicators is None and pack.indicators:
        said.append("没有给出指标表（--indicators），未检查图数一致性")
    if survey.upper is None and pack.indicators:
        said.append("没有给出上级指标表（--upper），未检查指标传导")
    return said


def _drawn(gathered: Gathered) -> bool:
    return bool(np.isfinite(gathered.bounds).any())


def _metric(context: LayerContext) -> bool:
    from tools.geometry.crs import zone_of

    return context.file.epsg is not None and zone_of(context.file.epsg) is not None
