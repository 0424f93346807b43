"""Categories on the grid: polygon layers and vector files, burned with a code for each class."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from cspon.errors import InputError
from cspon.schemas.spatial import LayerSpec
from tools.dual_evaluation.config import VectorInput
from tools.dual_evaluation.inputs import Found, Inputs
from tools.dual_evaluation.rasters import UNKNOWN_CODE, burned, write_raster
from tools.dual_evaluation.variables import Variable
from tools.feature_table import read_table
from tools.geometry.crs import epsg_of_definition, reproject
from tools.raster.sources import Source

MOST_CATEGORIES = 250


def take_category_layer(
    inputs: Inputs,
    variable: Variable,
    spec: LayerSpec,
    *,
    field: str | None,
    classes: dict[str, str],
    outside: str | None,
) -> None:
    """Burn a polygon layer's categories."""
    column = field or spec.name_field
    if column is None or spec.geometry != "polygon":
        raise InputError(
            f"图层“{spec.title}”不能作为“{variable.title}”的类别图层",
            layer=spec.name,
            field=variable.id,
            mend="给出面图层，并在 inputs 中写明 field",
        )
    geometries: list[Any] = []
    values: list[str] = []
    for window in read_table(spec, inputs.folder, inputs.area, (column,)):
        geometries += list(window.geometries)
        values += [str(v).strip() for v in window.columns[column]]
    _burn_categories(
        inputs, variable, geometries, values, spec.epsg, classes, outside,
        how=f"图层“{spec.title}”栅格化", name=spec.name,
        digest=inputs.state(spec), date=spec.date,
    )  # fmt: skip


def take_vector(inputs: Inputs, variable: Variable, entry: VectorInput) -> None:
    """Burn the categories of a vector file.

    Raises:
        InputError: the file, its layer or its field is not there, or its coordinate system is unknown.
    """
    import pyogrio
    import pyogrio.raw
    from pyogrio.errors import DataLayerError, DataSourceError

    file = inputs.path(entry.file, variable.id)
    try:
        fields = pyogrio.read_info(file, layer=entry.layer)["fields"].tolist()
        if entry.field not in fields:
            raise InputError(
                f"因子“{variable.title}”的矢量文件没有字段“{entry.field}”",
                file=file,
                field=variable.id,
                mend=f"已有：{'、'.join(fields) or '（没有字段）'}",
            )
        meta, _, geometry, columns = pyogrio.raw.read(
            file, layer=entry.layer, columns=[entry.field]
        )
    except (DataSourceError, DataLayerError, ValueError) as error:
        raise InputError(
            f"因子“{variable.title}”的矢量文件读不了（{error}）",
            file=file,
            field=variable.id,
            mend="核对文件是否完整、图层名是否正确",
        ) from None
    epsg = epsg_of_definition(meta["crs"] or "", file=file)
    shapes = shapely.from_wkb(geometry)
    _check_place(inputs, variable, shapes, epsg, file)
    _burn_categories(
        inputs, variable, list(shapes), [str(v).strip() for v in columns[0]], epsg, entry.classes,
        None, how="矢量图层栅格化", name=file.name, digest=inputs.digest(file),
    )  # fmt: skip


def _check_place(inputs: Inputs, variable: Variable, shapes: Any, epsg: int, file: Path) -> None:
    """Refuse coordinates that are not of the system that the file states; tell where none is near."""
    from pyproj import CRS

    west, south, east, north = (float(v) for v in shapely.total_bounds(shapes))
    if not np.isfinite(west):
        inputs.notices.append(f"“{variable.title}”的 {file.name} 没有图形，按没有这种要素处理")
        return
    degrees = west >= -180 and east <= 180 and south >= -90 and north <= 90
    if degrees != CRS.from_epsg(epsg).is_geographic:
        seems = "像经纬度" if degrees else "不像经纬度"
        raise InputError(
            f"因子“{variable.title}”的矢量文件写的坐标系是 EPSG:{epsg}，"
            f"坐标（{west:g}，{south:g}）{seems}",
            file=file,
            field=variable.id,
            mend="改正文件的坐标系定义（经纬度为 EPSG:4490），例如 ogr2ogr -a_srs EPSG:4490",
        )
    found = reproject(shapely.box(west, south, east, north), epsg, inputs.epsg)
    if not shapely.intersects(found, shapely.box(*inputs.grid.bounds)):
        inputs.notices.append(
            f"“{variable.title}”的 {file.name} 的 {len(shapes)} 个面都不在评价范围内，"
            "请核对坐标系；按没有这种要素处理"
        )


def _burn_categories(
    inputs: Inputs,
    variable: Variable,
    geometries: Sequence[Any],
    values: Sequence[str],
    epsg: int,
    classes: dict[str, str],
    outside: str | None,
    *,
    how: str,
    name: str,
    digest: str,
    date: str = "",
) -> None:
    named = [classes.get(value, value) for value in values]
    known = sorted({*named, *([outside] if outside else [])})
    if len(known) > MOST_CATEGORIES:
        raise InputError(
            f"因子“{variable.title}”有 {len(known)} 个不同取值，不像类别",
            field=variable.id,
            mend="在 inputs 中用 classes 归并",
        )
    codes = {category: code for code, category in enumerate(known, start=1)}
    shapes = [
        (reproject(g, epsg, inputs.epsg), codes[c])
        for g, c in zip(geometries, named, strict=True)
        if g is not None
    ]
    values_ = burned(shapes, inputs.grid, fill=codes[outside] if outside else 0)
    keep_codes(inputs, variable, values_, codes, how=how, files={name: digest}, date=date)


def keep_codes(
    inputs: Inputs,
    variable: Variable,
    values: npt.NDArray[np.uint8],
    codes: dict[str, int],
    *,
    how: str,
    files: dict[str, str],
    date: str = "",
) -> None:
    """Keep codes of a category as a raster of the grid; outside the area they are unknown."""
    file = inputs.work / f"{variable.id}.tif"
    kept = np.where(inputs.inside, values, UNKNOWN_CODE).astype(np.uint8)
    write_raster(file, kept, inputs.grid, nodata=UNKNOWN_CODE)
    inputs.found[variable.id] = Found(variable, Source(file=file), how, codes, files, date)
