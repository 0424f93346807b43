"""Tables and error layers of a quality check."""

from typing import Any

import shapely

from cspon.schemas.spatial import Column, LayerOutput, Table
from tools.quality_check.model import SEVERITIES, Finding
from tools.quality_check.survey import Quality

KINDS = {"point": "点状错误", "line": "线状错误", "polygon": "面状错误"}
_COLUMNS = (
    Column(key="layer", title="图层"),
    Column(key="fid", title="要素 fid"),
    Column(key="identifier", title="标识码"),
    Column(key="field", title="字段"),
    Column(key="x", title="东坐标"),
    Column(key="y", title="北坐标"),
    Column(key="measured", title="实测"),
    Column(key="tolerance", title="容差或规定"),
    Column(key="message", title="问题"),
)


def result_tables(quality: Quality) -> tuple[Table, ...]:
    """Return a summary by check and layer, and a table of findings for each check."""
    rows = tuple(
        {
            "title": count.check.title,
            "layer": count.layer,
            "severity": SEVERITIES[count.check.severity],
            "found": count.found,
            "mend": count.check.mend if count.found else "",
        }
        for count in quality.counts
        if count.found
    )
    summary = Table(
        name="summary",
        title="问题汇总",
        columns=(
            Column(key="title", title="检查项"),
            Column(key="layer", title="图层"),
            Column(key="severity", title="级别"),
            Column(key="found", title="数量", unit="处"),
            Column(key="mend", title="修改办法"),
        ),
        rows=rows,
    )
    return (summary, *_findings(quality))


def _findings(quality: Quality) -> list[Table]:
    by_check: dict[str, list[Finding]] = {}
    for finding in quality.findings:
        by_check.setdefault(finding.check, []).append(finding)
    return [
        Table(
            name=f"findings_{check}",
            title=found[0].title,
            columns=_COLUMNS,
            rows=tuple(_row(finding) for finding in found),
            note=f"依据：{found[0].basis}{'' if found[0].verified else '（未核验）'}。修改办法：{found[0].mend}",
        )
        for check, found in by_check.items()
    ]


def _row(finding: Finding) -> dict[str, Any]:
    row = {column.key: getattr(finding, column.key) for column in _COLUMNS}
    return row | {key: "" for key, value in row.items() if value is None}


def error_layers(quality: Quality) -> tuple[LayerOutput, ...]:
    """Return the located findings as layers of points, lines and polygons."""
    epsg = quality.survey.region.epsg
    if epsg is None:
        known = [c.file.epsg for c in quality.survey.layers.values() if c.file.epsg]
        epsg = known[0] if known else None
    if epsg is None:
        return ()
    features: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    for finding in quality.findings:
        shape = _shape(finding)
        if shape is None:
            continue
        kind = {0: "point", 1: "line"}.get(int(shapely.get_dimensions(shape)), "polygon")
        properties = finding.model_dump(mode="json", exclude={"geometry"})
        geometry = shapely.geometry.mapping(shape)
        features[kind].append({"type": "Feature", "geometry": geometry, "properties": properties})
    return tuple(
        LayerOutput(name=f"errors_{kind}", title=KINDS[kind], epsg=epsg, features=tuple(found))
        for kind, found in features.items()
        if found
    )


def _shape(finding: Finding) -> Any:
    if finding.geometry:
        return shapely.from_wkt(finding.geometry)
    if finding.x is None or finding.y is None:
        return None
    return shapely.Point(finding.x, finding.y)
