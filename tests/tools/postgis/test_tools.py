"""The tools give the same results for a county in PostGIS as for the same county in files."""

import json
import re

import numpy as np
import pytest

from tools.base_data.extract import extract_base_data
from tools.compliance.batch import overlay_batch
from tools.compliance.check import check_compliance
from tools.implementation_assessment.tool import assess_implementation
from tools.indicators.tool import compute_indicators
from tools.layers import layer_by_role, load_catalogue, open_layer
from tools.plan_versions.compare import compare_plan_versions
from tools.planning_conditions.conditions import planning_conditions
from tools.risk_assessment.tool import assess_risks
from tools.site_selection.request import SiteRequest
from tools.site_selection.select import select_sites

pytestmark = pytest.mark.integration


def plain(result):
    """All that a result says, less where it was read and when."""
    whole = result.model_dump(mode="json")
    whole.pop("provenance")
    text = json.dumps(whole, ensure_ascii=False, sort_keys=True)
    return json.loads(re.sub(r"(/[^\s\"，；）]*)?/(demo|county)\b", "", text))


def same(a, b, where=""):
    """Compare two plain results; floats to 1e-9."""
    if isinstance(a, dict):
        assert a.keys() == b.keys(), where
        for key in a:
            same(a[key], b[key], f"{where}.{key}")
    elif isinstance(a, list):
        assert len(a) == len(b), where
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            same(x, y, f"{where}[{i}]")
    elif isinstance(a, float) and isinstance(b, float):
        assert a == pytest.approx(b, rel=1e-9, abs=1e-9), where
    else:
        assert a == b, where


@pytest.mark.parametrize("project", ["1_clean", "2_conflict", "3_partly_outside"])
def test_compliance(twins, project):
    boundary = twins.files / "projects" / f"{project}.geojson"
    ours = check_compliance(boundary, twins.tables, project_type="industrial_park")
    theirs = check_compliance(boundary, twins.files, project_type="industrial_park")
    same(plain(ours), plain(theirs))
    assert ours.provenance.inputs["DLTB"].split(" / ")[1].startswith("postgres/plan.dltb（")


def test_many_projects_at_once(twins, random_boxes):
    files, tables = load_catalogue(twins.files), load_catalogue(twins.tables)
    ours, theirs = layer_by_role(tables, "land_use"), layer_by_role(files, "land_use")
    boxes = np.array(list(random_boxes(open_layer(theirs, twins.files).extent, 40)))
    a = overlay_batch(boxes, ours, twins.tables)
    b = overlay_batch(boxes, theirs, twins.files)
    assert a.projects.tolist() == b.projects.tolist()
    assert a.codes.tolist() == b.codes.tolist()
    assert a.ellipsoidal_m2 == pytest.approx(b.ellipsoidal_m2, rel=1e-9)


def test_planning_conditions(twins):
    parcel = twins.files / "projects" / "1_clean.geojson"
    same(
        plain(planning_conditions(parcel, twins.tables)),
        plain(planning_conditions(parcel, twins.files)),
    )


def test_plan_versions(twins):
    ours = compare_plan_versions(twins.tables / "plan_2020", twins.tables)
    theirs = compare_plan_versions(twins.files / "plan_2020", twins.files)
    same(plain(ours)["data"]["transitions"], plain(theirs)["data"]["transitions"])
    same(plain(ours)["data"]["balance"], plain(theirs)["data"]["balance"])


def test_indicators(twins):
    same(plain(compute_indicators(twins.tables)), plain(compute_indicators(twins.files)))


def test_implementation(twins):
    ours = assess_implementation(twins.tables, plan=twins.tables / "plan_2020")
    theirs = assess_implementation(twins.files, plan=twins.files / "plan_2020")
    assert theirs.data["layout"]["patches"] and theirs.data["projects"]
    same(plain(ours)["data"], plain(theirs)["data"])
    said = [feature["properties"] for feature in theirs.layers[0].features]
    assert [feature["properties"] for feature in ours.layers[0].features] == said


def test_risks(twins):
    ours, theirs = assess_risks(twins.tables), assess_risks(twins.files)
    assert any(kind["towns"] for kind in theirs.data["kinds"])
    same(plain(ours), plain(theirs))


def test_base_data(twins, tmp_path):
    scope = twins.files / "projects" / "2_conflict.geojson"
    ours = extract_base_data(twins.tables, scope, out=tmp_path / "a")
    theirs = extract_base_data(twins.files, scope, out=tmp_path / "b")
    same(
        [list(t["rows"]) for t in plain(ours)["tables"]],
        [list(t["rows"]) for t in plain(theirs)["tables"]],
    )


def test_sites(twins):
    request = SiteRequest.model_validate(
        {
            "min_area_ha": 5,
            "max_area_ha": 20,
            "within": [{"role": "urban_development_boundary"}],
            "avoid": [{"role": "permanent_basic_farmland"}, {"role": "ecological_redline"}],
            "criteria": [
                {
                    "name": "离道路",
                    "measure": "distance",
                    "role": "roads",
                    "weight": 2,
                    "best": 0,
                    "worst": 2000,
                },
                {"name": "坡度", "measure": "slope", "weight": 1, "best": 0, "worst": 15},
            ],
        }
    )
    same(
        plain(select_sites(twins.tables, request))["data"],
        plain(select_sites(twins.files, request))["data"],
    )
