import numpy as np
import pytest
import shapely


@pytest.mark.parametrize(
    ("value", "found"), [(10123.45, 0), (10123.456, 1), (98765432.1, 0), (1e9 + 0.37, 0)]
)
def test_decimals_of_areas(draft, write, value, found):
    row = draft.layers["DLTB"].rows[30]
    row["TBMJ"] = row["TBDLMJ"] = value
    hits = [f for f in write(draft).check().findings if f.check == "value_decimals"]
    assert [f.fid for f in hits] == [31, 31] * found


def test_rounded_coordinates_are_told_and_millimetres_are_not(draft, write):
    layer = draft.layers["YDYHGHFQ"]
    layer.shapes[2] = shapely.transform(layer.shapes[2], np.rint)
    hits = [f for f in write(draft).check().findings if f.check == "coordinate_precision"]
    assert [(f.layer, f.fid) for f in hits] == [("YDYHGHFQ", 3)]
