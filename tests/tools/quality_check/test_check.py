import json

import pyogrio

from tools.catalogue import load_tools
from tools.quality_check.report import report_markdown, save_result


def run(written, **more):
    return load_tools()["check_plan_database"].run(
        database=written.place,
        indicators=written.indicators,
        upper=written.upper,
        workers=1,
        **more,
    )


def test_clean_database_passes(draft, write):
    result = run(write(draft))
    assert result.data["passed"]
    assert "通过" in report_markdown(result)
    assert any("未经核验" in text for text in result.warnings)


def test_result_holds_tables_layers_and_files(draft, write, tmp_path):
    layer = draft.layers["DLTB"]
    layer.shapes[30] = None
    layer.rows[70]["DLBM"] = "9999"
    result = run(write(draft))
    assert not result.data["passed"]
    names = {table.name for table in result.tables}
    assert {"summary", "findings_null_geometry", "findings_gap", "findings_value_domain"} <= names
    files = save_result(result, tmp_path / "out")
    assert set(files) == {"json", "gpkg", "md", "docx"}
    layers = {name for name, _ in pyogrio.list_layers(files["gpkg"])}
    assert layers == {"errors_point", "errors_polygon"}
    gaps = pyogrio.raw.read(files["gpkg"], layer="errors_polygon")
    assert gaps[2].shape == (1,)
    record = json.loads(files["json"].read_text("utf-8"))
    assert record["data"]["totals"]["error"] == result.data["totals"]["error"]
    report = files["md"].read_text("utf-8")
    assert "缝隙" in report
    assert "未核验" in report
