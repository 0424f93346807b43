import errno
import json
from pathlib import Path

import pyogrio
import pytest
import shapely
from shapely import affinity

from cspon.errors import SetupError
from cspon.schemas.spatial import ToolResult
from tools.compliance import export
from tools.compliance.check import check_compliance
from tools.compliance.export import save_result, write_conflicts
from tools.compliance.narrative import report_markdown

X, Y = 500_000.0, 3_300_000.0


def box(*corners: float) -> shapely.Polygon:
    return affinity.translate(shapely.box(*corners), X, Y)


@pytest.fixture
def conflict(fixed_county, write_boundary):
    boundary = write_boundary(box(250, 250, 450, 850))
    return boundary, check_compliance(boundary, fixed_county.folder, "industrial_park")


@pytest.fixture
def no_map(monkeypatch):
    """Drawing takes seconds and has tests of its own."""

    def draw(boundary, layers, result, out):
        raise SetupError("没有中文字体")

    monkeypatch.setattr("tools.maps.draw_compliance_map", draw)


@pytest.fixture
def no_pdf(monkeypatch):
    """LibreOffice takes seconds to start and has a test of its own."""

    def convert(docx, out):
        raise SetupError("没有 LibreOffice")

    monkeypatch.setattr("tools.report_pdf.docx_to_pdf", convert)


def test_everything_is_saved_and_nothing_else(conflict, fixed_county, tmp_path, no_map, no_pdf):
    boundary, result = conflict
    out = tmp_path / "out"
    saved, notices = save_result(result, out, boundary=boundary, layers=fixed_county.folder)
    assert notices == ("未能绘制地图：没有中文字体", "未能生成 PDF 报告：没有 LibreOffice")
    assert sorted(p.name for p in out.iterdir()) == [
        "conflicts.gpkg",
        "report.docx",
        "report.md",
        "result.json",
    ]
    record = json.loads(saved["json"].read_text(encoding="utf-8"))
    assert record == json.loads(result.model_dump_json())
    assert ToolResult.model_validate(record).data == result.data
    info = pyogrio.read_info(saved["gpkg"], layer="conflicts")
    assert info["features"] == 3
    assert info["crs"] == "EPSG:4547"


def test_no_conflict_is_an_empty_layer(fixed_county, write_boundary, tmp_path):
    boundary = write_boundary(box(410, 110, 790, 590))
    result = check_compliance(boundary, fixed_county.folder, "industrial_park")
    out = write_conflicts(result.layers[1], tmp_path / "conflicts.gpkg")
    assert pyogrio.read_info(out, layer="conflicts")["features"] == 0


def test_a_full_disk_leaves_nothing_half_written(
    conflict, fixed_county, tmp_path, no_map, no_pdf, monkeypatch
):
    boundary, result = conflict
    out = tmp_path / "out"

    def full(self: Path, text: str, **more: object) -> int:
        self.open("w").close()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(SetupError, match="No space left") as error:
        save_result(result, out, boundary=boundary, layers=fixed_county.folder)
    assert "磁盘" in error.value.mend
    assert not out.exists()


def test_a_geopackage_that_came_out_short_is_an_error(conflict, tmp_path, monkeypatch):
    _, result = conflict
    monkeypatch.setattr(pyogrio, "read_info", lambda *a, **k: {"features": 1})
    with pytest.raises(OSError, match="未写完整"):
        write_conflicts(result.layers[1], tmp_path / "conflicts.gpkg")
    assert not list(tmp_path.glob("*conflicts*"))


def test_a_folder_that_cannot_be_made(conflict, fixed_county, tmp_path, no_map, no_pdf):
    boundary, result = conflict
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="无法写入输出目录"):
        save_result(result, tmp_path / "file", boundary=boundary, layers=fixed_county.folder)


def test_the_report_says_verdict_figures_procedure_and_limits(conflict):
    text = report_markdown(conflict[1], with_map=True)
    for words in (
        "选址不可行（不符合）",
        "合成数据",
        "| 永久基本农田 | 3.0000 | 45.00 | 25.00 |",
        "![控制线合规性检查图](map.png)",
        "### 永久基本农田占用：不符合",
        "1. 首先调整选址",
        "《中华人民共和国土地管理法》第三十五条",
        "（未见原文，未核验）",
        "## 未核查事项",
        "- 不符合 3 条：永久基本农田占用、",
        "### 符合、无须办理手续的规则",
    ):
        assert words in text
    assert export.MAP == "map.png"
