import json
import zipfile

import pytest
import shapely

from cspon.cli.main import run
from tools.library.place import placed

X, Y = 500_000.0, 3_300_000.0


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("CSPON_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CSPON_LIBRARY", str(tmp_path / "own"))
    monkeypatch.setenv("CSPON_LAYERS", str(tmp_path / "no layers"))
    with placed(None):
        yield tmp_path / "home"


@pytest.fixture
def parcels(tmp_path):
    import numpy as np
    import pyogrio.raw

    squares = [shapely.box(X, Y, X + 100, Y + 100), shapely.box(X + 100, Y, X + 300, Y + 100)]
    pyogrio.raw.write(
        tmp_path / "parcels.gpkg",
        geometry=shapely.to_wkb(np.array(squares, dtype=object)),
        field_data=[np.array(["0101", "0301"], dtype=object)],
        fields=["DLBM"],
        driver="GPKG",
        geometry_type="Polygon",
        crs="EPSG:4547",
    )
    return tmp_path / "parcels.gpkg"


def test_lists(capsys):
    assert run(["library", "list", "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)
    assert {e["kind"] for e in entries} == {"indicator", "operator", "rule", "model"}
    assert run(["rule", "list", "草原"]) == 0
    assert "grassland" in capsys.readouterr().out


def test_the_short_verbs_are_the_same(capsys):
    assert run(["operator", "explain", "buffer"]) == 0
    short = capsys.readouterr().out
    assert run(["library", "operator", "explain", "buffer"]) == 0
    assert capsys.readouterr().out == short
    assert short.startswith("# 缓冲区（buffer）")


def test_validate_exits_1_when_it_found_something(tmp_path, capsys):
    assert run(["library", "validate", "operator"]) == 0
    assert "发现 0 个问题" in capsys.readouterr().out
    (tmp_path / "own" / "indicator").mkdir(parents=True)
    (tmp_path / "own" / "indicator" / "bad.yaml").write_text("id: bad\n", encoding="utf-8")
    assert run(["indicator", "validate", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["problems"][0]["file"] == "bad.yaml"
    assert run(["indicator", "list"]) == 0
    assert "bad.yaml" in capsys.readouterr().err


def test_switching_is_on_record(home, capsys):
    assert run(["rule", "disable", "grassland", "--why", "省厅新规"]) == 0
    line = json.loads((home / "audit.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    assert (line["kind"], line["entry"], line["reason"]) == (
        "library.disable",
        "grassland",
        "省厅新规",
    )
    assert run(["rule", "history"]) == 0
    assert "省厅新规" in capsys.readouterr().out
    assert run(["rule", "list", "草原", "--json"]) == 0
    assert not json.loads(capsys.readouterr().out)[0]["enabled"]
    assert run(["rule", "enable", "使用草原审核", "--why", "恢复"]) == 0
    assert run(["rule", "disable", "grassland", "--why", " "]) == 2
    assert run(["rule", "disable", "none_such", "--why", "x"]) == 2
    assert "没有“none_such”" in capsys.readouterr().err


def test_running_an_operator_on_a_file(parcels, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = ["operator", "run", "area_by_code", "--input", f"layer={parcels}::DLBM"]
    assert run([*arguments, "--json"]) == 0
    table = json.loads(capsys.readouterr().out)["tables"][1]["rows"]
    assert [(row["code"], row["area_ha"]) for row in table] == [("0101", 1.0), ("0301", 2.0)]
    assert run(arguments) == 0
    assert "2.0000" in capsys.readouterr().out
    buffered = [
        "operator",
        "run",
        "buffer",
        "--input",
        f"layer={parcels}",
        "--input",
        "distance=10 m",
    ]
    assert run([*buffered, "--out", str(out)]) == 0
    assert sorted(p.name for p in out.iterdir()) == ["result.gpkg", "result.json"]


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (["layer=none.gpkg"], "打不开"),
        (["colour=red"], "名称可用"),
        (["layer"], "名称=值"),
        ([], "缺少"),
    ],
)
def test_wrong_inputs_exit_2(inputs, words, capsys):
    given = [part for text in inputs for part in ("--input", text)]
    assert run(["operator", "run", "area", *given]) == 2
    assert words in capsys.readouterr().err


def test_an_indicator_from_filled_in_numbers(parcels, capsys):
    arguments = ["indicator", "compute", "expansion_factor", "--json"]
    given = ["--input", f"boundary={parcels}", "--input", "urban_land_2020=30 亩"]
    assert run([*arguments, *given]) == 0
    value = json.loads(capsys.readouterr().out)["data"]["outputs"]["value"]
    assert (value["value"], value["unit"]) == (1.5, "倍")


def test_export(tmp_path):
    assert run(["operator", "export", "--out", str(tmp_path / "operators.zip")]) == 0
    with zipfile.ZipFile(tmp_path / "operators.zip") as archive:
        assert "shipped/operator/buffer.yaml" in archive.namelist()
