"""A result as files: the engine's cloud-optimised GeoTIFFs, and patches as a GeoPackage."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from cspon.errors import SetupError
from tools.dual_evaluation.evaluate import DualEvaluation, Part
from tools.vector_output import write_vector


def rgb(colour: str) -> tuple[int, int, int]:
    """Return #rrggbb as three bytes."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def copy_rasters(made: DualEvaluation, folder: Path) -> dict[str, Path]:
    """Copy the rasters of results and steps, with what the engine wrote beside them."""
    files: dict[str, Path] = {}
    for part in made.parts.values():
        for file in part.files.values():
            files[file.stem] = folder / file.name
            for beside in (file, file.with_name(f"{file.name}.aux.xml")):
                if beside.is_file():
                    shutil.copyfile(beside, folder / beside.name)
    return files


def patches_of(made: DualEvaluation, part: Part) -> tuple[list[Any], dict[str, list[Any]]]:
    """Return the patches of one class in one unit as polygons with class, county, unit and area.

    The area is that of the cells in the plane of the projection, so patches sum to the table.
    """
    from rasterio.features import shapes

    grid = made.inputs.grid
    titles = {c.value: c.title for c in part.evaluation.classes}
    mixed = made.unit_of.astype(np.int16) * 16
    mixed += part.result
    mixed[part.result == 0] = 0
    found = [
        (shapely.geometry.shape(shape), int(value))
        for shape, value in shapes(mixed, mixed > 0, connectivity=4, transform=grid.affine)
    ]
    found.sort(key=lambda item: (-(item[1] % 16), item[1] // 16, -item[0].area))
    names = ("", *made.units)
    columns: dict[str, list[Any]] = {
        "PJDM": [value % 16 for _, value in found],
        "PJJG": [titles[value % 16] for _, value in found],
        "XZQMC": [made.inputs.catalogue.region_name] * len(found),
        "DYMC": [names[value // 16] for _, value in found],
        "MJ_HA": [round(shape.area / 1e4, 4) for shape, _ in found],
    }
    return [shape for shape, _ in found], columns


def write_patches(made: DualEvaluation, file: Path) -> dict[str, int]:
    """Write one layer an evaluation; returns the number of patches by layer.

    Raises:
        SetupError: the disk is full.
    """
    counts: dict[str, int] = {}
    for part in made.parts.values():
        if not part.grades:
            continue
        geometries, columns = patches_of(made, part)
        if geometries:
            _write_layer(made, file, part.evaluation.layer, geometries, columns)
        counts[part.evaluation.layer] = len(geometries)
    return counts


def _write_layer(
    made: DualEvaluation, file: Path, layer: str, shapes: list[Any], columns: dict[str, list[Any]]
) -> None:
    import pyogrio
    from pyogrio.errors import DataLayerError, DataSourceError, FeatureError

    geometries = np.array(shapes, dtype=object)
    try:
        write_vector(file, geometries, columns, layer=layer, epsg=made.inputs.epsg, driver="GPKG")
        kept = int(pyogrio.read_info(file, layer=layer, force_feature_count=True)["features"])
        problem = f"{kept} 个图斑，应有 {len(shapes)} 个" if kept != len(shapes) else ""
    except (DataLayerError, DataSourceError, FeatureError) as error:
        problem = str(error)
    if problem:
        raise SetupError(
            f"图斑文件 {file.name} 没有写成：{problem}",
            mend="核对输出目录所在磁盘的剩余空间（df -h），或用 --out 换一个目录",
        ) from None
