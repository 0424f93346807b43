"""Run one entry of a library from the command line, show the result and save it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cspon.schemas.spatial import ToolResult
from tools.library.entry import Kind, Port, Ports

_DIGITS = {"公顷": 4, "亩": 2, "%": 2, "米": 2}


def run_entry(
    kind: Kind,
    entry_id: str,
    written: list[str],
    layers: Path,
    project_type: str,
    *,
    progress: Callable[[str], None],
) -> ToolResult:
    """Run an entry with inputs written `name=value`.

    Raises:
        InputError: an input that is not there, does not fit, or names no file.
    """
    from tools.library.kinds import Context, entry
    from tools.models.single import run_any

    found = entry(kind, entry_id)
    context = Context(layers=layers, project_type=project_type)
    given = parse_inputs(written, found.inputs, layers)
    return run_any(kind, found.id, given, context, progress=progress)


def parse_inputs(written: list[str], ports: Ports, layers: Path) -> dict[str, Any]:
    """Read `name=value` by the type of the port; a name given twice makes a list.

    A project boundary is brought into the coordinate system of the layer catalogue.

    Raises:
        InputError: no such input, or a value that cannot be read.
    """
    from cspon.errors import InputError

    given: dict[str, Any] = {}
    for item in written:
        name, equals, value = item.partition("=")
        if not equals or name not in ports:
            raise InputError(
                f"输入“{item}”不是可用的 名称=值",
                field="--input",
                mend=f"名称可用：{'、'.join(ports) or '（无）'}",
            )
        read = _read(name, ports[name], value, layers)
        if ports[name].many:
            given.setdefault(name, []).append(read)
        else:
            given[name] = read
    return given


def _read(name: str, port: Port, value: str, layers: Path) -> Any:
    from cspon.errors import InputError
    from tools.layers import CATALOGUE, load_catalogue
    from tools.library.coerce import read_boundary_layer, read_layer_file
    from tools.library.raster import file_raster

    match port.type:
        case "layer":
            return read_layer_file(value)
        case "geometry":
            epsg = load_catalogue(layers).epsg if (layers / CATALOGUE).is_file() else None
            return read_boundary_layer(Path(value), epsg)
        case "raster":
            return file_raster(Path(value))
        case "table":
            try:
                return json.loads(value)
            except json.JSONDecodeError:
                raise InputError(
                    "表须写成 JSON", field=name, mend='例如 [{"to": 3, "value": 5}]'
                ) from None
    return value


def show_run(result: ToolResult) -> None:
    """Print results and tables for a reader; notices go to stderr."""
    import sys

    from rich.console import Console
    from rich.table import Table as Grid

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 132
    console.print(f"[bold]{result.data['title']}[/]（{result.data['id']}，版本 {result.version}）")
    for table in result.tables:
        grid = Grid(title=table.title, title_justify="left")
        for column in table.columns:
            number = any(isinstance(row.get(column.key), int | float) for row in table.rows)
            heading = f"{column.title}（{column.unit}）" if column.unit else column.title
            grid.add_column(heading, justify="right" if number else "left")
        for row in table.rows:
            grid.add_row(*(_cell(row.get(c.key), _DIGITS.get(c.unit)) for c in table.columns))
        console.print(grid)
    for layer in result.layers:
        console.print(f"图层“{layer.title}”：{len(layer.features)} 个要素（EPSG:{layer.epsg}）")
    if result.synthetic:
        console.print("数据为合成数据，不对应任何真实地点。", style="dim")
    for warning in result.warnings:
        print(f"注意：{warning}", file=sys.stderr)


def save_run(result: ToolResult, out: Path) -> list[Path]:
    """Write the result as JSON and its layers as GeoPackage, all or none.

    Raises:
        SetupError: the folder cannot be written.
    """
    import numpy as np
    import pyogrio.raw
    import shapely

    from tools.outputs import published_together

    names = []
    with published_together(out) as draft:
        (draft / "result.json").write_text(
            json.dumps(result.model_dump(mode="json"), ensure_ascii=False, indent=1),
            encoding="utf-8",
        )
        names.append("result.json")
        for layer in result.layers:
            if not layer.features:
                continue
            geometries = [shapely.geometry.shape(f["geometry"]) for f in layer.features]
            fields = list(layer.features[0]["properties"])
            pyogrio.raw.write(
                draft / f"{layer.name}.gpkg",
                geometry=shapely.to_wkb(np.array(geometries, dtype=object)),
                field_data=[
                    np.array([f["properties"][key] for f in layer.features], dtype=object)
                    for key in fields
                ],
                fields=fields,
                layer=layer.name,
                driver="GPKG",
                geometry_type="Unknown",
                crs=f"EPSG:{layer.epsg}",
            )
            names.append(f"{layer.name}.gpkg")
    return [out / name for name in names]


def _cell(value: Any, digits: int | None) -> str:
    if value is None or value != value:
        return "—"
    if isinstance(value, float):
        return f"{value:.{digits}f}" if digits is not None else f"{value:.10g}"
    return str(value)
