import json

import pytest
import shapely
from shapely import affinity

from cspon.cli.main import run
from tools.rules.lines import line_roles


def box(*corners: float) -> shapely.Polygon:
    return affinity.translate(shapely.box(*corners), 500_000.0, 3_300_000.0)


@pytest.fixture
def folder(tmp_path):
    """A county of one layer each, made here: this folder does not see the fixtures of `tools`."""
    import numpy as np
    import pyogrio.raw
    import yaml

    def write(name, geometries, **fields):
        pyogrio.raw.write(
            tmp_path / f"{name}.gpkg",
            geometry=shapely.to_wkb(np.array(geometries, dtype=object)),
            field_data=[np.array(v, dtype=object) for v in fields.values()],
            fields=list(fields),
            layer=name,
            driver="GPKG",
            geometry_type="Polygon",
            crs="EPSG:4547",
        )

    write("DLTB", [box(0, 0, 1000, 1000)], DLBM=["0701"])
    write("YJJBNT", [box(0, 0, 300, 1000)], BSM=["1"])
    write("STBHHX", [box(0, 800, 1000, 1000)], BSM=["1"])
    write("CZKFBJ", [box(300, 0, 1000, 800)], BSM=["1"])
    write("XZQ", [box(0, 0, 1000, 1000)], BSM=["1"])
    roles = {
        "land_use": "DLTB",
        "permanent_basic_farmland": "YJJBNT",
        "ecological_redline": "STBHHX",
        "urban_development_boundary": "CZKFBJ",
        "admin_county": "XZQ",
    }
    layers = [
        {"role": role, "name": name, "title": name, "path": f"{name}.gpkg", "epsg": 4547,
         "date": "2025-12-31", "source": "tests"}
        | ({"code_field": "DLBM", "code_scheme": "ydyh_2023"} if role == "land_use" else {})
        for role, name in roles.items()
    ]  # fmt: skip
    absent = [{"role": role, "reason": "本县没有"} for role in line_roles() if role not in roles]
    catalogue = {
        "absent": absent,
        "title": "县",
        "region_code": "1",
        "region_name": "县",
        "epsg": 4547,
    }
    (tmp_path / "layers.yaml").write_text(
        yaml.safe_dump({**catalogue, "layers": layers}, allow_unicode=True), encoding="utf-8"
    )
    write("clean", [box(410, 110, 790, 590)], BSM=["1"])
    write("conflict", [box(250, 250, 450, 850)], BSM=["1"])
    write("elsewhere", [box(5000, 0, 5100, 100)], BSM=["1"])
    return tmp_path


def call(folder, name, *more):
    return run(["check", str(folder / f"{name}.gpkg"), "--layers", str(folder), *more])


def test_exit_codes(folder, capsys):
    assert call(folder, "clean") == 0
    assert "选址可行（符合）" in capsys.readouterr().out
    assert call(folder, "conflict", "--type", "产业园") == 1
    shown = capsys.readouterr()
    assert "占用永久基本农田 3.0000 公顷" in shown.out
    assert "未核查" in shown.err
    assert "未核查：" not in shown.out
    assert call(folder, "elsewhere") == 2
    assert "处理办法" in capsys.readouterr().err


def test_json_is_all_there_is_on_stdout(folder, capsys):
    assert call(folder, "conflict", "--json", "--date", "2026-11-22") == 1
    result = json.loads(capsys.readouterr().out)
    assert result["data"]["asked_on"] == "2026-11-22"
    assert result["data"]["lines"][0]["area_ha"] == 3.0


def test_out_saves_and_says_where(folder, capsys):
    pytest.importorskip("matplotlib")
    assert call(folder, "conflict", "--out", str(folder / "out")) == 1
    assert "已保存" in capsys.readouterr().err
    assert (folder / "out" / "result.json").is_file()


def test_a_missing_file_and_a_wrong_kind_exit_2(folder, capsys):
    assert call(folder, "nothing") == 2
    assert call(folder, "clean", "--type", "casino") == 2
    assert "可用：" in capsys.readouterr().err
