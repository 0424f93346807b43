"""Models on a county whose areas can be worked out in the head."""

import numpy as np
import pytest
import rasterio
import shapely

from cspon.errors import InputError
from cspon.schemas.spatial import ToolResult
from tools.catalogue import load_tools
from tools.library.kinds import Context, library
from tools.library.place import Place, placed
from tools.library.raster import Grid
from tools.library.state import switch
from tools.models.load import own_models
from tools.models.run import compute_model

X, Y = 500_000.0, 3_300_000.0

WITH_RULE = """
id: farmland_screen
title: 永久基本农田初查
version: "1"
group: 选址与布局
summary: 项目范围与永久基本农田规则。
method: 对项目范围运行规则。
basis: []
verified: false
valid_from: 2024-01-01
inputs:
  project: {type: geometry, title: 项目范围}
nodes:
  farmland: {title: 永久基本农田, rule: permanent_basic_farmland, inputs: {project: $project}}
outputs:
  verdict: {title: 结论, from: farmland.verdict}
  area: {title: 占用面积, from: farmland.area}
examples:
  - name: half on farmland
    inputs:
      project:
        epsg: 4547
        features: [{wkt: "POLYGON ((500000 3300000, 500200 3300000, 500200 3300100, 500000 3300100, 500000 3300000))"}]
    layers:
      permanent_basic_farmland:
        epsg: 4547
        features: [{wkt: "POLYGON ((500100 3300000, 500300 3300000, 500300 3300100, 500100 3300100, 500100 3300000))"}]
    expect: {verdict: 不符合, area: 1 ha}
"""


@pytest.fixture
def flat(county):
    """The county with a flat elevation model of 50 m cells and a road along its southern edge."""
    grid = Grid(X, Y + 1000, 50, 20, 20, 4547)
    with rasterio.open(
        county.folder / "DEM.tif", "w", driver="GTiff", height=20, width=20, count=1,
        dtype="float32", crs="EPSG:4547", transform=grid.affine,
    ) as file:  # fmt: skip
        file.write(np.full((20, 20), 10, "float32"), 1)
    county.add(
        "roads", "DLZXX", "道路", [shapely.LineString([(X, Y), (X + 1000, Y)])], geometry="line"
    )
    county.layers.append(
        {**county.entry("roads"), "role": "dem", "name": "DEM", "title": "高程", "path": "DEM.tif",
         "layer": None, "geometry": "raster"}
    )  # fmt: skip
    county.save()
    return county


def test_the_tool_runs_a_model_on_the_catalogue(flat):
    steps = []
    result = compute_model(
        "建设用地适宜性初筛", {}, Context(layers=flat.folder), progress=steps.append
    )
    numbers = result.data["outputs"]
    # Flat and within 1 km of the road everywhere; without farmland (x < 300) and redline (y > 800).
    assert numbers["suitable_area"]["value"] == pytest.approx(56, abs=1e-3)
    assert numbers["whole_area"]["value"] == pytest.approx(100, abs=1e-3)
    assert numbers["proportion"]["value"] == 56.0
    assert {row["value"] for row in result.tables[1].rows} == {"5.0", "4.6"}
    assert len(steps) == len(result.data["nodes"]) == 13
    assert steps[0].startswith("[1/13]")
    assert result.provenance.inputs["definition"].startswith("sha256:")
    assert {"DEM", "DLZXX", "YJJBNT"} <= set(result.provenance.layer_dates)
    assert result.synthetic
    again = ToolResult.model_validate_json(result.model_dump_json())
    assert again.model_dump_json() == result.model_dump_json()


def test_the_tool_takes_a_boundary_and_replaced_constants(flat, write_boundary):
    tool = load_tools()["run_model"]
    boundary = write_boundary(shapely.box(X + 300, Y, X + 500, Y + 200))
    result = tool.run(
        model="construction_suitability",
        layers=flat.folder,
        boundary=boundary,
        inputs={"threshold": 5},
    )
    assert result.data["outputs"]["suitable_area"]["value"] == pytest.approx(4, abs=1e-3)
    assert any("适宜的最低分值" in w for w in result.warnings)
    assert result.provenance.elapsed_ms is not None


def test_a_missing_layer_is_never_an_empty_one(flat):
    flat.remove("ecological_redline")
    with pytest.raises(InputError, match=r"生态保护红线.*数据缺失不能计算"):
        compute_model("construction_suitability", {}, Context(layers=flat.folder))


def test_the_expansion_factor(county):
    result = compute_model(
        "boundary_expansion", {"urban_land_2020": "40 ha"}, Context(layers=county.folder)
    )
    numbers = {k: v.get("value") for k, v in result.data["outputs"].items()}
    # The boundary is 700 m × 800 m.
    assert numbers["factor"] == pytest.approx(1.4, abs=1e-4)
    assert numbers["limit"] == pytest.approx(52)
    assert numbers["remaining"] == pytest.approx(-4, abs=1e-3)
    assert any("1.3倍" in w or "尚未全部核实" in w for w in result.warnings)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "缺少输入“2020 年城镇建设用地规模”"),
        ({"urban_land_2020": 40}, "缺少单位"),
        ({"urban_land_2020": "40 万人"}, "不是同一种量"),
        ({"urban_land_2020": "0 ha"}, "小于下限"),
        ({"urban_land_2020": "40 ha", "year": "2020"}, "没有输入 year"),
    ],
)
def test_wrong_inputs_of_a_model(county, given, words):
    with pytest.raises(InputError, match=words):
        compute_model("boundary_expansion", given, Context(layers=county.folder))


def test_a_node_that_fails_is_named(county):
    county.land_use([shapely.box(X + 400, Y, X + 500, Y + 50)], ["9999"])
    with pytest.raises(InputError, match=r"nodes\.inside.*边界内现状用地.*9999"):
        compute_model(
            "boundary_expansion", {"urban_land_2020": "40 ha"}, Context(layers=county.folder)
        )


def test_a_switched_off_part_stops_the_model_and_says_why(county, tmp_path):
    with placed(Place(tmp_path / "state")):
        switch("indicator", "expansion_factor", on=False, by="x", reason="口径未定")
        with pytest.raises(InputError, match=r"nodes\.factor.*已停用：口径未定"):
            compute_model(
                "boundary_expansion", {"urban_land_2020": "40 ha"}, Context(layers=county.folder)
            )
        switch("model", "boundary_expansion", on=False, by="x", reason="停用")
        with pytest.raises(InputError, match="模型库的“城镇开发边界扩展倍数核算”"):
            compute_model("boundary_expansion", {}, Context())


def test_a_rule_can_be_a_node_of_an_own_model(county, tmp_path, write_boundary):
    own = tmp_path / "own"
    (own / "model").mkdir(parents=True)
    (own / "model" / "farmland_screen.yaml").write_text(WITH_RULE, encoding="utf-8")
    with placed(Place(tmp_path / "state", own)):
        assert own_models()[1] == ()
        result = load_tools()["run_model"].run(
            model="farmland_screen",
            layers=county.folder,
            boundary=write_boundary(shapely.box(X + 200, Y, X + 400, Y + 100)),
        )
    numbers = result.data["outputs"]
    assert numbers["verdict"]["value"] == "不符合"
    assert numbers["area"]["value"] == pytest.approx(1, abs=1e-3)
    assert result.data["nodes"][0]["kind"] == "rule"
    with pytest.raises(InputError, match="没有“farmland_screen”"):
        compute_model("farmland_screen", {}, Context())


def test_explaining_a_model_draws_its_graph():
    text = library("model").explain("construction_suitability")
    assert "```mermaid" in text
    assert "n_slope -->|raster| n_slope_grade" in text
    assert "| `weights` | 坡度与距离的权重 | 0.6、0.4 | 软件自定 | **否** |" in text
