from collections import defaultdict

import numpy as np
import pytest
import shapely

from cspon.errors import InputError
from tests.tools.conftest import County, local
from tools.geometry.area import ellipsoidal_areas_m2
from tools.implementation_assessment.blocks import scan
from tools.implementation_assessment.book import load_book
from tools.implementation_assessment.layout import LAND_USE, compare_layout
from tools.implementation_assessment.tally import Tally
from tools.rules.model import PLANNED_USE

CODES = ("0101", "0301", "0601", "0701", "1001", "1701")


def cells(rng, box, number):
    """Rectangles that tile a box; neighbours do not share vertices."""
    parts = [box]
    while len(parts) < number:
        x0, y0, x1, y1 = parts.pop(int(rng.integers(len(parts))))
        share = rng.uniform(0.3, 0.7)
        if x1 - x0 > y1 - y0:
            cut = x0 + share * (x1 - x0)
            parts += [(x0, y0, cut, y1), (cut, y0, x1, y1)]
        else:
            cut = y0 + share * (y1 - y0)
            parts += [(x0, y0, x1, cut), (x0, cut, x1, y1)]
    return [local(*part) for part in parts]


def layer(folder, role, name, shapes, rng):
    county = County(folder)
    county.add("admin_county", "XZQ", "行政区", [local(0, 0, 1000, 1000)])
    county.add(
        role, name, name, shapes, code_field="BM", code_scheme="ydyh_2023", date="2025-12-31",
        fields={"BM": [CODES[i] for i in rng.integers(len(CODES), size=len(shapes))]},
    )  # fmt: skip
    return folder


@pytest.fixture(params=range(4))
def two(request, tmp_path):
    """Plan and present use: gaps, overlaps, parcels of two parts, a road through the whole county."""
    rng = np.random.default_rng(request.param)
    folders = []
    for role, name, number in ((PLANNED_USE, "GH", 23), (LAND_USE, "XZ", 61)):
        shapes = cells(rng, (20, 20, 980, 980), number)
        if request.param % 2:
            shapes += [local(0, 495 + number, 1000, 500 + number)]
            shapes += [s.buffer(3) for s in shapes[:2]]
        if request.param > 1:
            shapes[:4] = [shapely.MultiPolygon([shapes[0], shapes[3]]), *shapes[1:3]]
            shapes.pop(5)
        (tmp_path / name).mkdir()
        folders.append(layer(tmp_path / name, role, name, shapes, rng))
    return folders


def compared(two, towns=None, **more):
    halves = {"东镇": local(500, 0, 1000, 1000), "西镇": local(0, 0, 500, 1000)}
    return compare_layout(two[0], two[1], load_book(), halves if towns is None else towns, **more)


@pytest.mark.parametrize("most", [1, 7, 30])
def test_no_tiling_changes_a_figure(two, most):
    layout, features, _ = compared(two)
    tiled, tiled_features, _ = compared(two, most=most)
    assert tiled == layout
    assert layout.patches > 10
    assert sum(c.patches for c in layout.cells) == layout.patches
    assert [f["properties"] for f in tiled_features] == [f["properties"] for f in features]
    for one, other in zip(features, tiled_features, strict=True):
        one, other = (shapely.geometry.shape(f["geometry"]) for f in (one, other))
        assert shapely.symmetric_difference(one, other).area < 1e-6


def test_the_matrix_is_that_of_a_plain_overlay(two):
    layout, _, listed = compared(two, most=20)
    book, plain, left = load_book(), defaultdict(float), []
    layers = []
    for one in listed:
        from tools.layers import read_windows

        (read,) = read_windows(one.spec, one.folder, local(-9, -9, 1009, 1009))
        order, taken, shapes = np.argsort(read.fids), shapely.Polygon(), []
        for i in order.tolist():
            shapes.append(shapely.difference(read.geometries[i], taken))
            taken = shapely.union(taken, read.geometries[i])
        layers.append((shapes, read.codes[order]))
        left.append(taken)
    (planned, codes), (present, others) = layers
    for a, code in zip(planned, codes, strict=True):
        for b, other in zip(present, others, strict=True):
            plain[book.group(code).title, book.group(other).title] += areas(a.intersection(b))
        plain[book.group(code).title, "（无）"] += areas(a.difference(left[1]))
    for b, other in zip(present, others, strict=True):
        plain["（无）", book.group(other).title] += areas(b.difference(left[0]))
    ours = {(c.planned, c.present): c.area_ha for c in layout.cells}
    assert set(ours) <= set(plain)
    for pair, area in plain.items():
        assert ours.get(pair, 0.0) == pytest.approx(area / 10_000, abs=1.1e-4), pair


def areas(geometry):
    return float(ellipsoidal_areas_m2(np.array([geometry], dtype=object), 4547)[0])


def test_only_the_largest_patches_keep_their_shape(two, monkeypatch):
    whole, features, _ = compared(two)
    monkeypatch.setattr(
        "tools.implementation_assessment.layout.Tally", lambda *a: Tally(*a, most=5)
    )
    layout, kept, _ = compared(two, most=9)
    assert layout.listed == len(kept) == 5
    assert layout == whole.model_copy(update={"listed": 5})
    assert [f["properties"] for f in kept] == [f["properties"] for f in features[:5]]


def test_a_layer_without_codes_is_refused(tmp_path):
    county = County(tmp_path)
    county.add("admin_county", "XZQ", "行政区", [local(0, 0, 1000, 1000)])
    county.add(LAND_USE, "XZ", "现状", [local(0, 0, 1000, 1000)])
    with pytest.raises(InputError, match="没有写用地编码字段"):
        scan(tmp_path, LAND_USE)
    with pytest.raises(InputError, match="没有角色为 planned"):
        scan(tmp_path, PLANNED_USE)
