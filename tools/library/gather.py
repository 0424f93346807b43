"""Put together what an entry needs: what the caller gives, else the catalogue's layer of the role."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import shapely

from cspon.errors import InputError
from cspon.schemas.spatial import LayerCatalogue
from tools.layers import layer_by_role, load_catalogue
from tools.library.coerce import coerce
from tools.library.entry import Port, Ports
from tools.library.raster import Grid, Raster, file_raster
from tools.library.values import AnyLayer, CatalogueLayer


def gather(
    ports: Ports, given: Mapping[str, Any], layers: Path | None, *, file: object = None
) -> dict[str, Any]:
    """Return a typed value for every port; optional ones that nobody gives are left out.

    The catalogue is read only when a layer is taken from it.

    Raises:
        InputError: an unknown name, a value that does not fit, or a layer that is not there. A
            missing layer is never taken for an empty one.
    """
    unknown = [name for name in given if name not in ports]
    if unknown:
        raise InputError(
            f"没有输入 {'、'.join(unknown)}",
            file=file,
            field=unknown[0],
            mend=f"输入有：{'、'.join(ports)}",
        )
    wanted = any(port.role is not None and given.get(name) is None for name, port in ports.items())
    catalogue = load_catalogue(layers) if layers is not None and wanted else None
    values: dict[str, Any] = {}
    for name, port in ports.items():
        value = given.get(name)
        if value is None and port.role is not None and catalogue is not None:
            assert layers is not None
            value = _of_role(port, catalogue, layers)
        if value is None:
            value = port.default
        if value is not None:
            values[name] = coerce(name, port, value, file=file)
        elif not port.optional:
            raise _missing(name, port, catalogue, file)
    return values


def around(values: Mapping[str, Any], area: AnyLayer, margin_m: float) -> dict[str, Any]:
    """Read catalogue layers and rasters around an area only."""
    window = shapely.buffer(
        shapely.box(*shapely.total_bounds(area.whole().geometries)), margin_m, join_style="mitre"
    )
    near: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, CatalogueLayer) and value is not area:
            value = replace(value, window=window)
        elif isinstance(value, Raster):
            value = cropped(value, window.bounds)
        near[name] = value
    return near


def cropped(raster: Raster, bounds: tuple[float, float, float, float]) -> Raster:
    """Cut a raster to the cells that meet a box; the grid stays aligned.

    Raises:
        InputError: they do not meet.
    """
    grid = raster.grid
    west, south, east, north = bounds
    left = max(0, int((west - grid.west) // grid.cell))
    right = min(grid.columns, int((east - grid.west) // grid.cell) + 1)
    first = max(0, int((grid.north - north) // grid.cell))
    last = min(grid.rows, int((grid.north - south) // grid.cell) + 1)
    if left >= right or first >= last:
        raise InputError("范围与栅格不相交", mend="核对范围、栅格的坐标系与带号")
    part = Grid(
        grid.west + left * grid.cell,
        grid.north - first * grid.cell,
        grid.cell,
        last - first,
        right - left,
        grid.epsg,
    )
    read = raster.read
    return Raster(
        part,
        lambda a, b, c, d: read(a + first, b + first, c + left, d + left),
        raster.specs,
    )


def _of_role(port: Port, catalogue: LayerCatalogue, folder: Path) -> Any:
    assert port.role is not None
    spec = layer_by_role(catalogue, port.role)
    if spec is None:
        return None
    if spec.geometry == "raster":
        file = folder / spec.path
        if not file.is_file():
            raise InputError(
                f"图层“{spec.title}”的文件不存在", file=file, layer=spec.name, mend="放入该文件"
            )
        return file_raster(file, epsg=spec.epsg, spec=spec)
    return CatalogueLayer(spec, folder)


def _missing(name: str, port: Port, catalogue: LayerCatalogue | None, file: object) -> InputError:
    if port.role is None:
        return InputError(
            f"缺少输入“{port.title}”",
            file=file,
            field=name,
            mend=f"给出 {name}={_sample(port)}（{port.described}）",
        )
    where = "图层目录没有这个角色的图层" if catalogue else "没有指定图层目录"
    return InputError(
        f"缺少“{port.title}”：{where}（{port.role}），数据缺失不能计算",
        file=file,
        field=name,
        mend=f"在 layers.yaml 中加入角色为 {port.role} 的图层，或给出 {name}=文件",
    )


def _sample(port: Port) -> str:
    if port.type in ("layer", "geometry", "raster"):
        return "文件"
    return f"数值 {port.fixed_unit}" if port.fixed_unit not in (None, "1") else "值"
