"""Pairs that overlap, against shapely's overlay of every pair."""

import numpy as np
import shapely


def test_every_pair_of_a_shifted_strip_is_named(draft, write):
    layer = draft.layers["DLTB"]
    for (_, row), fid in draft.cells.items():
        if row % 2 == 0:
            moved = shapely.transform(layer.shapes[fid - 1], lambda xy: np.add(xy, (1.0, 0.7)))
            layer.shapes[fid - 1] = moved
    shapes = np.array(layer.shapes, dtype=object)
    one, other = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    areas = shapely.area(shapely.intersection(shapes[one], shapes[other]))
    expected = {
        (int(a) + 1, int(b) + 1)
        for a, b, area in zip(one, other, areas, strict=True)
        if a < b and area >= 0.1
    }
    quality = write(draft).check()
    found = {
        (f.fid, f.other_fid): float(f.measured.split()[0])
        for f in quality.findings
        if f.check == "overlap"
    }
    assert len(expected) > 100
    assert expected <= set(found)
    assert all(found[pair] < 0.11 for pair in set(found) - expected)
