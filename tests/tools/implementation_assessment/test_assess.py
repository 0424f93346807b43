import csv
from collections import defaultdict

import pyogrio.raw
import pytest
import shapely

from cspon.errors import InputError
from tools.implementation_assessment.book import load_book
from tools.implementation_assessment.report import save_implementation
from tools.implementation_assessment.tool import Implementation, assess_implementation

pytestmark = pytest.mark.component


@pytest.fixture(scope="module")
def result(demo):
    return assess_implementation(
        demo, plan=demo / "plan_2020", rhythm="five_year",
        projects=demo / "projects.csv", policies=demo / "policies.csv",
    )  # fmt: skip


@pytest.fixture(scope="module")
def data(result):
    return Implementation.model_validate(result.data)


def read(file, code):
    _, _, wkb, fields = pyogrio.raw.read(file, columns=[code])
    return shapely.make_valid(shapely.from_wkb(wkb)), fields[0]


def test_the_matrix_is_that_of_a_plain_overlay(demo, data):
    planned, planned_codes = read(demo / "plan_2020" / "YDYHGHFQ.gpkg", "YDYHFLDM")
    present, present_codes = read(demo / "DLTB.gpkg", "DLBM")
    book = load_book()
    plain = defaultdict(float)
    tree = shapely.STRtree(present)
    for geometry, code in zip(planned, planned_codes, strict=True):
        hits = tree.query(geometry, predicate="intersects")
        areas = shapely.area(shapely.intersection(geometry, present[hits]))
        for i, area in zip(hits, areas, strict=True):
            plain[book.group(code).title, book.group(present_codes[i]).title] += area / 10_000
    ours = {(c.planned, c.present): c.area_ha for c in data.layout.cells}
    total = sum(plain.values())
    assert sum(ours.values()) == pytest.approx(total, rel=1e-3)  # ellipsoidal against planar
    for pair, area in plain.items():
        if area > 0.01:
            assert ours[pair] == pytest.approx(area, rel=2e-3, abs=2e-3), pair


def test_the_parts_sum_to_the_whole(data):
    layout = data.layout
    assert sum(c.area_ha for c in layout.cells) == pytest.approx(layout.total_ha, abs=1e-9)
    assert sum(layout.judged_ha.values()) == pytest.approx(layout.total_ha, abs=1e-6)
    mapped = sum(layout.judged_ha.get(w, 0.0) for w in data.book.to_map)
    listed = sum(p.area_ha for p in layout.places)
    assert listed + layout.sliver_ha == pytest.approx(mapped, abs=0.02)


def test_patches_lie_where_plan_and_present_differ(demo, result, data):
    present, codes = read(demo / "DLTB.gpkg", "DLBM")
    tree = shapely.STRtree(present)
    assert len(result.layers[0].features) == data.layout.patches
    for feature in result.layers[0].features[:60]:
        said = feature["properties"]
        point = shapely.point_on_surface(shapely.geometry.shape(feature["geometry"]))
        (at,) = tree.query(point, predicate="within")[:1]
        assert codes[at] == said["present_code"]
        assert said["judgement"] == data.book.judge(
            data.book.group(said["planned_code"]), data.book.group(said["present_code"])
        )
        assert said["area_ha"] * 10_000 >= data.layout.sliver_m2 - 1


def test_what_lags_becomes_a_problem_with_a_suggestion(demo, data):
    first = data.grades.tables[data.grades.standard][0].name
    behind = {
        a.now.title for a in data.items if a.deviation_percent is not None and a.grade != first
    }
    told = [p for p in data.problems if p.cause.startswith("behind")]
    assert all((p.cause == "behind_binding") == p.text.startswith("约束性") for p in told)
    assert len(told) == len(behind)
    assert all(any(f"“{title}”" in p.text for p in told) for title in behind)
    overdue = [p.text for p in data.problems if p.field == "项目"]
    rows = csv.DictReader((demo / "projects.csv").read_text(encoding="utf-8-sig").splitlines())
    late = [
        r["项目名称"] for r in rows
        if r["状态"] in ("未开工", "在建")
        and (int(r["计划完成年"]) <= 2025 or (r["状态"] == "未开工" and int(r["计划开工年"]) <= 2025))
    ]  # fmt: skip
    assert late and len(overdue) == len(late)
    assert all(any(name in text for text in overdue) for name in late)
    assert any("低效用地再开发" in p.text for p in data.problems if p.field == "政策")
    assert all(p.suggestion for p in data.problems)


def test_the_yearly_rhythm_compares_with_last_year(demo, data, monkeypatch):
    monkeypatch.setattr("tools.implementation_assessment.tool.PROJECTS", "none.csv")
    monkeypatch.setattr("tools.implementation_assessment.tool.POLICIES", "none.csv")
    result = assess_implementation(demo, plan=demo / "plan_2020")
    yearly = next(t for t in result.tables if t.name == "progress")
    assert {"before", "change"} <= {c.key for c in yearly.columns}
    assert any("项目清单" in w for w in result.warnings)
    assert any("政策清单" in w for w in result.warnings)
    assert "没有项目清单" in result.data["headline"]


def test_one_part_alone_is_shown(demo, data):
    result = assess_implementation(demo, plan=demo / "plan_2020", parts=("projects",))
    found = Implementation.model_validate(result.data)
    assert {table.name for table in result.tables} == {"problems", "projects"}
    assert {problem.field for problem in found.problems} == {"项目"}
    assert found.projects == data.projects  # the list beside the layers
    late = [p.name for p in found.projects if p.judgement == "未按期开工"]
    assert late and f"未按期开工 {len(late)} 个（{'、'.join(late)}）" in found.headline
    assert "指标" not in found.headline and "指标" in data.headline


def test_small_patches_are_no_problem(data):
    told = [p.text for p in data.problems if p.field == "布局"]
    planned = {
        c.planned for c in data.layout.cells if c.judgement in ("偏离", "待恢复") and c.patches
    }
    assert told and {text[len("规划为") : text.index("的 ")] for text in told} == planned
    assert sum(c.patches for c in data.layout.cells) == data.layout.patches
    assert sum(c.patches_ha for c in data.layout.cells) == pytest.approx(
        sum(p.area_ha for p in data.layout.places), abs=0.02
    )


def test_a_plan_as_young_as_the_present_is_told(demo):
    result = assess_implementation(demo)
    assert any("不早于现状" in w for w in result.warnings)


def test_wrong_input_is_refused(demo, tmp_path):
    with pytest.raises(InputError, match="容差"):
        assess_implementation(demo, sliver_m2=-1)
    with pytest.raises(InputError):
        assess_implementation(demo, plan=tmp_path)


def test_the_report(result, data, tmp_path):
    files, notices = save_implementation(result, tmp_path / "out")
    assert not notices
    assert {"docx", "gpkg", "xlsx", "map", "matrix", "layout"} <= set(files)
    assert all(file.is_file() for file in files.values())
    text = files["md"].read_text(encoding="utf-8")
    for words in (
        "问题与建议",
        "指标完成情况",
        "布局一致性",
        "项目实施情况",
        "政策落实情况",
        "第四十七条",
    ):
        assert words in text
    count = pyogrio.read_info(files["gpkg"], layer="layout")["features"]
    assert count == data.layout.patches
