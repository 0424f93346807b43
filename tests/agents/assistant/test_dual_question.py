"""A question about 双评价 as it is answered on a small county, without a model."""

import asyncio
import re
from pathlib import Path

import pytest

from agents.assistant import Assistant
from agents.assistant.export import save_answer
from tests.tools.conftest import county, fixed_county
from tests.tools.dual_evaluation.conftest import box, fill

__all__ = ["county", "fixed_county"]
pytestmark = pytest.mark.component
QUESTION = "评价本县城镇建设适宜性，并解释为什么{place}不适宜"


@pytest.fixture
def layers(county):
    made = fill(county)
    centre = [box(450, 450, 550, 550)]
    made.add("urban_development_boundary", "CZKFBJ", "城镇开发边界", centre)
    return made.folder


@pytest.fixture
def ask(layers):
    def asked(question):
        return asyncio.run(Assistant(None, None, layers, None).answer(question))

    return asked


def test_the_question_is_planned_run_and_explained(ask, layers, tmp_path):
    answer = ask(QUESTION.format(place="城北"))
    assert answer.refusal is None
    (step,) = answer.plan.steps
    assert step.tool == "dual_evaluation"
    assert step.args["parts"] == ["urban"] and step.args["place"] == "城北"
    (found,) = answer.results[0].data["explanations"]
    assert found["place"] == "城北" and found["evaluation"] == "urban"
    assert sum(found["classes_ha"].values()) + found["unknown_ha"] == pytest.approx(
        found["area_ha"]
    )
    verdict, explained, limits = (
        answer.text.index(words)
        for words in ("城镇建设适宜性（2020 版）", "- 城北（", "城北：城镇建设适宜性的限制因素")
    )
    assert verdict < explained < limits
    assert answer.text.index("数据准备情况") > limits
    assert any("未计入：水资源" in text for text in answer.results[0].warnings)
    saved = {one.name for one in save_answer(answer, tmp_path / "out", layers=layers)}
    assert any(name.endswith("双评价报告.docx") for name in saved)
    assert "1_双评价_urban.png" in saved
    assert all(re.fullmatch(r"[\w\-]+(\.\w+)+", name) for name in saved), (
        "names that a page links to"
    )
    assert all((tmp_path / "out" / name).stat().st_size for name in saved)


def test_an_unknown_place_is_asked_back_with_those_that_are_known(ask):
    answer = ask(QUESTION.format(place="桃花沟"))
    assert answer.refusal.kind == "needs_input"
    assert "桃花沟" in answer.refusal.mend
    assert "东镇" in answer.refusal.mend and "城北" in answer.refusal.mend
    assert answer.results == ()


def test_suitable_land_is_explained_by_what_limits_it_next(ask):
    answer = ask("为什么西镇适宜")
    text = answer.results[0].data["explanations"][0]["text"]
    assert "适宜的" in text and "坡度" in text
    assert any("按城镇建设适宜性回答" in notice for notice in answer.notices)


def test_one_factor_says_why_it_has_no_result(ask):
    answer = ask("水土流失敏感性怎么样")
    assert answer.plan.steps[0].args["factors"] == ["water_erosion"]
    assert "水土流失脆弱性”没有结果" in answer.text


def test_a_scenario_is_compared_with_the_present(ask):
    answer = ask("降水减少两成，生态保护极重要区会怎样变化")
    table = next(t for t in answer.results[0].tables if t.name == "scenarios")
    assert [row["title"] for row in table.rows] == ["现状", "降水减少两成"]
    assert "降水减少两成：" in answer.text


def test_layers_are_small_and_have_the_areas_of_the_full_raster(ask):
    result = ask(QUESTION.format(place="东镇、西镇")).results[0]
    assert [layer.name for layer in result.layers] == ["CZJSSYXPJJG", "places"]
    areas = {f["properties"]["PJJG"]: f["properties"]["MJ_HA"] for f in result.layers[0].features}
    told = result.data["parts"][0]["areas_ha"]
    assert areas == {title: area for title, area in told.items() if area}
    assert [f["properties"]["MC"] for f in result.layers[1].features] == ["东镇", "西镇"]


def test_the_rasters_are_written_when_they_are_asked_for(layers, tmp_path):
    assistant = Assistant(None, None, layers, None)
    folder: Path = tmp_path / "data"
    question = "评价本县城镇建设适宜性，导出栅格"
    answer = asyncio.run(assistant.answer(question, workspace=folder))
    assert answer.refusal is None
    written = {file.name for file in folder.rglob("*")}
    assert {"CZJSSYXPJJG.tif", "run.json", "patches.gpkg"} <= written
