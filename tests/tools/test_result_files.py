import pyogrio

from cspon.errors import SetupError
from cspon.schemas.knowledge import Basis
from cspon.schemas.spatial import Column, LayerOutput, Provenance, Table, ToolResult
from tools.result_files import Picture, save_tool_result


def result():
    feature = {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": (500_000.0, 3_300_000.0)},
        "properties": {"name": "甲", "area_ha": 1.5},
    }
    return ToolResult(
        tool="t",
        version="1",
        data={},
        tables=(
            Table(
                name="a",
                title="表甲",
                columns=(Column(key="x", title="面积", unit="公顷"),),
                rows=({"x": 1.0},),
            ),
            Table(name="b", title="表乙", columns=(Column(key="x", title="数"),), rows=({"x": 2},)),
        ),
        layers=(
            LayerOutput(name="p", title="点", epsg=4547, features=(feature,)),
            LayerOutput(name="none", title="空", epsg=4547),
        ),
        basis=(Basis(title="某法", article="第一条", point="如此", verified=False),),
        provenance=Provenance(tool="t", version="1", layer_dates={"DLTB": "2025-12-31"}),
        warnings=("当心",),
        synthetic=True,
    )


def test_report_layers_and_record_are_saved_and_a_picture_may_fail(tmp_path):
    def fail(out):
        raise SetupError("没有字体")

    files, notices = save_tool_result(
        result(), tmp_path / "o", title="报告", lead=["首段"], sections=["## 别的\n\n话"], skip=["b"],
        pictures=[Picture("map.png", "图", fail)],
    )  # fmt: skip
    assert notices == ("未能绘制“图”：没有字体",)
    assert {p.name for p in (tmp_path / "o").iterdir()} == {
        "result.json", "layers.gpkg", "report.md", "report.docx",
    }  # fmt: skip
    text = files["md"].read_text("utf-8")
    for words in (
        "# 报告",
        "合成数据",
        "首段",
        "1.0000",
        "## 别的",
        "《某法》第一条",
        "未核验",
        "当心",
        "DLTB 2025",
    ):
        assert words in text
    assert "表乙" not in text and "map.png" not in text
    assert [name for name, _ in pyogrio.list_layers(files["gpkg"])] == ["p"]
