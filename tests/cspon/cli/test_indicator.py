import json

import pytest

from cspon.cli.main import run
from tools.library.place import Place, placed

HEAD = "年份,指标项,类别,范围,单位,数值,来源,说明\n"


@pytest.fixture
def folder(tmp_path):
    """A place that has statistics and no layers."""
    text = "title: 甲县\nregion_code: '990101'\nregion_name: 甲县\nepsg: 4547\nlayers: []\n"
    (tmp_path / "layers.yaml").write_text(text, encoding="utf-8")
    rows = [
        f"{year},{item},人口,县域,人,{value},年鉴,\n"
        for year in (2024, 2025)
        for item, value in (("常住人口数量", 1000), ("城镇常住人口", 600 + year - 2025))
    ]
    (tmp_path / "statistics.csv").write_text(HEAD + "".join(rows), encoding="utf-8")
    return tmp_path


def test_compute(folder, capsys):
    given = ["--layers", str(folder), "--filled", "fire_service_coverage=85%"]
    assert run(["indicator", "compute", "--json", "--out", str(folder / "out"), *given]) == 0
    data = json.loads(capsys.readouterr().out)["data"]
    values = {v["id"]: v for v in data["values"]}
    assert data["year"] == 2025
    assert values["urbanisation_rate"]["value"] == 60
    assert values["fire_service_coverage"]["value"] == 85
    assert values["cultivated_land_area"]["status"] == "missing"
    assert (folder / "out" / "指标计算表.xlsx").is_file()


def test_one_indicator_of_an_earlier_year(folder, capsys):
    given = ["常住人口城镇化率", "--year", "2024", "--layers", str(folder)]
    assert run(["indicator", "compute", *given]) == 0
    assert "59.90" in capsys.readouterr().out


def test_report_without_data_says_so(folder, capsys):
    assert run(["indicator", "report", "--layers", str(folder)]) == 0
    assert "数据缺失" in capsys.readouterr().out


def test_sets_are_revised_by_version(folder, capsys, monkeypatch):
    with placed(Place(state=folder / "state", own=folder / "own")):
        monkeypatch.setattr("tools.library.place.lies_in", lambda find: None)
        words = ["--why", "试", "--weight", "urbanisation_rate=4", "--retire", "groundwater_level"]
        assert run(["indicator", "revise", "county_checkup", *words]) == 0
        assert run(["indicator", "sets", "county_checkup"]) == 0
    shown = capsys.readouterr().out
    assert "版本 2" in shown
    assert "已退出 groundwater_level" in shown


@pytest.mark.parametrize(
    "wrong",
    [
        ["compute", "--filled", "x"],
        ["compute", "nothing"],
        ["compute", "--scope", "某镇"],
        ["report", "--set", "nothing"],
        ["revise", "county_checkup", "--why", "试", "--weight", "urbanisation_rate=-1"],
    ],
)
def test_wrong_words_exit_2(folder, capsys, wrong):
    layers = [] if wrong[0] == "revise" else ["--layers", str(folder)]
    assert run(["indicator", *wrong, *layers]) == 2
    assert "处理办法" in capsys.readouterr().err
