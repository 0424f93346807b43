import csv
import json
import shutil
from itertools import pairwise

import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cspon.cli.main import run
from cspon.errors import InputError
from tools.plan_versions.compare import Comparison, compare_plan_versions
from tools.plan_versions.overlay import NOTHING
from tools.plan_versions.report import save_comparison

X, Y = 500_000.0, 3_300_000.0


def at(min_x, min_y, max_x, max_y):
    return shapely.box(X + min_x, Y + min_y, X + max_x, Y + max_y)


@pytest.fixture
def earlier(county, tmp_path):
    """A copy of the county's folder that becomes the version before."""
    from copy import deepcopy

    other = type(county)(shutil.copytree(county.folder, tmp_path / "before"))
    other.layers = deepcopy(county.layers)
    return other


def plan(county, boxes, codes, **more):
    ids = more.pop("ids", [str(i) for i in range(len(codes))])
    county.add(
        "planned_land_use", "YDYHGHFQ", "用地用海规划分区", boxes, fields={"BSM": ids, "DM": codes},
        **{"code_field": "DM", "code_scheme": "ydyh_2023", "id_field": "BSM", **more},
    )  # fmt: skip


def compare(earlier, county, **more):
    result = compare_plan_versions(earlier.folder, county.folder, **more)
    return result, Comparison.model_validate(result.data)


def test_known_changes_are_found_with_their_areas(earlier, county):
    plan(earlier, [at(0, 0, 500, 500), at(500, 0, 1000, 500)], ["0101", "0701"])
    plan(
        county,
        [at(0, 0, 500, 500), at(500, 0, 700, 500), at(0, 500, 100, 600)],
        ["0101", "1001", "1401"],
    )
    result, data = compare(earlier, county)
    cells = {
        (t.before, t.after): (t.kind, round(t.area_ha, 1), t.patches) for t in data.transitions
    }
    assert cells == {
        ("0101", "0101"): ("不变", 25.0, 0),
        ("0701", NOTHING): ("删除", 15.0, 1),
        ("0701", "1001"): ("变更", 10.0, 1),
        (NOTHING, "1401"): ("新增", 1.0, 1),
    }
    assert (data.features.added, data.features.recoded, data.features.unchanged) == (1, 1, 1)
    assert [f["properties"]["number"] for f in result.layers[0].features] == [1, 2, 3]
    assert data.moved == ()


def test_a_feature_at_another_place_is_moved(earlier, county):
    plan(earlier, [at(0, 0, 100, 200)], ["0701"])
    plan(county, [at(30, 400, 130, 600)], ["0701"])
    (moved,) = compare(earlier, county)[1].moved
    assert (moved.code, moved.east_m, moved.north_m) == ("0701", 30.0, 400.0)


def test_slivers_stand_apart_and_stay_in_the_matrix(earlier, county):
    plan(earlier, [at(0, 0, 500, 1000), at(500, 0, 1000, 1000)], ["0101", "0701"])
    plan(county, [at(0, 0, 500.5, 1000), at(500.5, 0, 1000, 1000)], ["0101", "0701"])
    result, data = compare(earlier, county)
    assert data.sliver_ha == pytest.approx(0.05, abs=1e-3) and not result.layers[0].features
    (changed,) = (t for t in data.transitions if t.kind == "变更")
    assert changed.area_ha == pytest.approx(0.05, abs=1e-3) and changed.patches == 0
    strict = compare(earlier, county, sliver_m2=0, sliver_width_m=0)[1]
    assert strict.sliver_ha == 0


def test_lines_without_codes_are_compared_inside_against_outside(earlier, county):
    county.add("ecological_redline", "STBHHX", "生态保护红线", [at(0, 700, 1000, 1000)])
    _, data = compare(earlier, county, role="STBHHX")
    assert {(t.before, t.after): round(t.area_ha) for t in data.transitions} == {
        ("线内", "线内"): 20, (NOTHING, "线内"): 10,
    }  # fmt: skip


cuts = st.lists(st.integers(1, 999), min_size=1, max_size=4, unique=True).map(sorted)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=cuts,
    after=cuts,
    codes=st.lists(st.sampled_from(["0101", "0701", "1001"]), min_size=10, max_size=10),
)
def test_the_matrix_closes_to_both_versions(earlier, county, before, after, codes):
    for where, places, upright in ((earlier, before, True), (county, after, False)):
        edges = [0, *places, 1000]
        boxes = [at(a, 0, b, 1000) if upright else at(0, a, 990, b) for a, b in pairwise(edges)]
        plan(where, boxes, codes[: len(boxes)])
    _, data = compare(earlier, county)
    for b in data.balance:
        assert round(b.kept_ha + b.lost_ha, 4) == b.before_ha
        assert round(b.kept_ha + b.gained_ha, 4) == b.after_ha
    assert round(sum(b.before_ha for b in data.balance), 4) == data.before_ha
    assert round(sum(b.after_ha for b in data.balance), 4) == data.after_ha
    everything = round(sum(t.area_ha for t in data.transitions), 4)
    assert everything == round(data.before_ha + data.added_ha, 4)
    assert everything == round(data.after_ha + data.removed_ha, 4)


def test_overlaps_and_invalid_rings_are_said_and_counted_once(earlier, county):
    bow = shapely.Polygon([(X, Y), (X + 100, Y + 100), (X + 100, Y), (X, Y + 100)])
    plan(
        earlier,
        [at(0, 0, 500, 500), at(400, 0, 600, 500), shapely.affinity.translate(bow, 700, 0)],
        ["0101", "0701", "0301"],
    )
    plan(county, [at(0, 0, 1000, 1000)], ["0101"])
    result, data = compare(earlier, county)
    assert data.before_ha == pytest.approx(30.5, abs=0.01)
    assert "重叠 5.0" in "".join(result.warnings) and "已修复" in "".join(result.warnings)


def test_versions_that_cannot_be_compared_are_refused(earlier, county):
    plan(earlier, [at(0, 0, 9, 9)], ["0101"])
    plan(county, [at(0, 0, 9, 9)], ["0101"], code_scheme="sandiao_2020")
    with pytest.raises(InputError, match="编码体系不同") as wrong:
        compare(earlier, county)
    assert wrong.value.field == "code_scheme"
    plan(county, [at(0, 0, 9, 9)], ["9999"])
    with pytest.raises(InputError, match="9999"):
        compare(earlier, county)
    with pytest.raises(InputError, match="没有字段 NONE"):
        compare(earlier, county, field="NONE")
    with pytest.raises(InputError, match="planned_land_use（用地用海规划分区）"):
        compare(earlier, county, role="none")
    for bad in (-1, float("nan")):
        with pytest.raises(InputError, match="容差"):
            compare(earlier, county, sliver_m2=bad)


def test_single_files_and_saved_files(earlier, county, tmp_path):
    plan(earlier, [at(0, 0, 500, 500)], ["0101"])
    plan(county, [at(0, 0, 500, 500)], ["0701"])
    files = [f.folder / "YDYHGHFQ.gpkg" for f in (earlier, county)]
    result = compare_plan_versions(*files, field="DM", scheme="ydyh_2023")
    assert result.data["changed_ha"] == pytest.approx(25, abs=0.1)
    saved, _ = save_comparison(result, tmp_path / "out", after=files[1])
    with saved["matrix"].open(encoding="utf-8-sig") as stream:
        rows = list(csv.reader(stream))
    assert rows[0][1:] == ["0701", "合计"] and rows[-1][0] == "合计"
    assert "规划版本比对报告" in saved["md"].read_text("utf-8") and saved["gpkg"].exists()
    with pytest.raises(InputError, match="文件不存在"):
        compare_plan_versions(tmp_path / "a.gpkg", files[1])


def test_the_verb(earlier, county, capsys):
    plan(earlier, [at(0, 0, 500, 500)], ["0101"])
    plan(county, [at(0, 0, 500, 500)], ["0701"])
    places = [str(earlier.folder), str(county.folder)]
    assert run(["diff", *places, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tool"] == "compare_plan_versions"
    assert run(["diff", *places]) == 0
    assert "各类面积变化" in capsys.readouterr().out
    assert run(["diff", *places, "--scheme", "x"]) == 2
