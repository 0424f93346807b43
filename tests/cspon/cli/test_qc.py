import json

import pytest

from cspon.cli.main import run
from tools.quality_check.seeding.clean import clean_draft


@pytest.fixture
def draft():
    return clean_draft(12, 3)


def test_clean_database_exits_0(draft, tmp_path, capsys):
    place, table, upper = draft.write(tmp_path)
    arguments = ["qc", str(place), "--indicators", str(table), "--upper", str(upper)]
    assert run(arguments) == 0
    said = capsys.readouterr()
    assert "质检通过" in said.out
    assert "检查图层 DLTB" in said.err


def test_defect_exits_1_and_files_are_saved(draft, tmp_path, capsys):
    draft.layers["DLTB"].rows[4]["TBMJ"] = 1.0
    place, _, _ = draft.write(tmp_path)
    out = tmp_path / "out"
    assert run(["qc", str(place), "--out", str(out), "--json"]) == 1
    record = json.loads(capsys.readouterr().out)
    assert {f["check"] for f in record["data"]["findings"]} >= {"stated_area", "derived_area"}
    assert {file.name for file in out.iterdir()} == {
        "result.json", "errors.gpkg", "report.md", "report.docx",
    }  # fmt: skip


def test_wrong_input_exits_2(tmp_path, capsys):
    assert run(["qc", str(tmp_path / "无")]) == 2
    assert "处理办法" in capsys.readouterr().err
    assert run(["qc", str(tmp_path), "--pack", "无"]) == 2
