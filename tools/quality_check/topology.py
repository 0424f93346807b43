"""Checks of topology inside a polygon layer: overlaps and gaps."""

from collections.abc import Iterator
from typing import Any

import shapely

from tools.quality_check.context import Survey
from tools.quality_check.edges import Edges, degrees, joined, reversed_edges
from tools.quality_check.faces import faces_of, owners, pairs_of
from tools.quality_check.hits import Hit
from tools.quality_check.registry import check

LIMITS = ("min_area_m2", "min_width_m")


def sizes(parameters: dict[str, Any]) -> dict[str, float]:
    """Read the limits below which a face is no error."""
    return {
        "least_m2": float(parameters["min_area_m2"]),
        "least_width_m": float(parameters["min_width_m"]),
    }


def layer_edges(survey: Survey, layer: str) -> Edges | None:
    """Return a layer's net edges, or None where it has not been read or is no polygon layer."""
    gathered = survey.gathered.get(layer)
    return None if gathered is None else gathered.edges


@check("overlap", scope="gathered", parameters=LIMITS)
def overlap(survey: Survey, parameters: dict[str, Any], layer: str) -> Iterator[Hit]:
    """Find where features of a layer lie over each other; one hit for each pair of features."""
    edges, grid = layer_edges(survey, layer), survey.pack.grid_m
    if edges is None:
        return
    faces = faces_of([edges], grid, **sizes(parameters))
    faces = faces.chosen(degrees(edges, faces.points, grid) > 1)
    least = float(parameters["min_area_m2"])
    covering = owners(survey, layer, faces, least)
    for one, other, shape, area in pairs_of([(group, group) for group in covering], least):
        if one.fid >= other.fid or shapely.equals(one.whole, other.whole):
            continue  # once for each pair; of equal polygons the check of duplicates speaks
        yield Hit(
            f"要素 {one.fid} 与 {other.fid} 重叠 {area:.4f} 平方米",
            layer=layer,
            fid=one.fid,
            other_fid=other.fid,
            identifier=one.identifier,
            measured=f"{area:.4f} 平方米",
            tolerance=f"{parameters['min_area_m2']:g} 平方米",
        ).at(shape)


@check("gap", scope="gathered", parameters=LIMITS)
def gap(survey: Survey, parameters: dict[str, Any], layer: str) -> Iterator[Hit]:
    """Find what no feature covers: inside the county, or enclosed where there is no county layer."""
    edges, grid, region = layer_edges(survey, layer), survey.pack.grid_m, survey.pack.region_layer
    if edges is None:
        return
    county = layer_edges(survey, region) if region != layer else None
    same = survey.region.epsg in (None, survey.layers[layer].file.epsg)
    if county is None or not same:
        faces = faces_of([edges], grid, **sizes(parameters))
        bare = degrees(edges, faces.points, grid) == 0
    else:
        together = joined([edges, reversed_edges(county)])
        faces = faces_of([together], grid, **sizes(parameters))
        bare = degrees(together, faces.points, grid) < 0
    # Where two edges lie on each other between different vertices, a seam parts one gap into faces.
    for polygon in shapely.get_parts(shapely.coverage_union_all(faces.polygons[bare])):
        area = float(shapely.area(polygon))
        yield Hit(
            f"缝隙 {area:.4f} 平方米，没有要素覆盖",
            layer=layer,
            measured=f"{area:.4f} 平方米",
            tolerance=f"{parameters['min_area_m2']:g} 平方米",
        ).at(polygon)
