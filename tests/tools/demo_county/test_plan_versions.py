"""The comparison of plan versions against the truth table of the demo county's plan of 2020."""

import csv
from collections import defaultdict

import pytest

from tools.plan_versions.compare import Comparison, compare_plan_versions
from tools.plan_versions.overlay import NOTHING

LAYERS = {"CZKFBJ": "FQLX", "STBHHX": "HXMC", "YJJBNT": None, "GHFQ": None, "YDYHGHFQ": None}


@pytest.fixture(scope="module")
def truth(county):
    tables = defaultdict(dict)
    with (county / "plan_2020" / "transitions.csv").open(encoding="utf-8-sig") as stream:
        for row in csv.DictReader(stream):
            tables[row["图层"]][row["原代码"], row["现代码"]] = float(row["面积_公顷"])
    assert set(tables) == set(LAYERS)
    return tables


@pytest.mark.parametrize("layer", LAYERS)
def test_every_cell_of_the_truth_table_is_found(county, truth, layer):
    result = compare_plan_versions(
        county / "plan_2020", county, role=layer, field=LAYERS[layer], sliver_m2=0, sliver_width_m=0
    )
    spelt = {NOTHING: "", "线内": "永久基本农田"}
    found = {
        (spelt.get(t.before, t.before), spelt.get(t.after, t.after)): t.area_ha
        for t in Comparison.model_validate(result.data).transitions
    }
    for cell in truth[layer].keys() | found.keys():
        assert found.get(cell, 0.0) == pytest.approx(truth[layer].get(cell, 0.0), abs=0.002), cell
