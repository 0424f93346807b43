"""Uses in zones, against shapely's overlay of every pair."""

import shapely


def test_misfits_are_those_of_an_overlay(draft, write):
    uses, zones = draft.layers["YDYHGHFQ"], draft.layers["GHFQ"]
    for fid in (1, 2, 5):
        uses.rows[fid - 1] |= {"YDYHFLDM": "1001", "YDYHFLMC": "工业用地"}
    uses.shapes[4] = shapely.transform(uses.shapes[4], lambda xy: xy - (90.0, 0.0))
    uses.set_area(5)
    expected = set()
    for fid, (shape, row) in enumerate(zip(uses.shapes, uses.rows, strict=True), start=1):
        for zone, (around, zone_row) in enumerate(zip(zones.shapes, zones.rows, strict=True), 1):
            area = shapely.intersection(shape, around).area
            closed = zone_row["GHFQDM"] in ("农田保护区", "生态保护区")
            if area >= 200 and row["YDYHFLDM"] in ("1001", "0701") and closed:
                expected.add((fid, zone))
    found = {
        (f.fid, f.other_fid) for f in write(draft).check().findings if f.check == "use_in_zone"
    }
    assert {1, 2, 5} <= {fid for fid, _ in expected}
    assert found == expected
