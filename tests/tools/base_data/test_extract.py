import csv
import hashlib
import json

import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cspon.cli.main import run
from cspon.errors import InputError
from cspon.schemas.base import Secrecy
from tools.base_data.extract import Extract, extract_base_data
from tools.base_data.filters import parse_filter
from tools.geometry.read import read_boundary

X, Y = 500_000.0, 3_300_000.0


def at(min_x, min_y, max_x, max_y):
    return shapely.box(X + min_x, Y + min_y, X + max_x, Y + max_y)


def figures(result, name="DLTB"):
    layer = next(x for x in Extract.model_validate(result.data).layers if x.name == name)
    return layer, {row["code"]: row for row in layer.figures.rows}


def test_figures_of_a_clip_sum_to_its_area(county, write_boundary):
    result = extract_base_data(
        county.folder, write_boundary(at(250, 250, 450, 350)), names=("land_use",)
    )
    layer, rows = figures(result)
    data = Extract.model_validate(result.data)
    assert {code: round(row["area_ha"], 1) for code, row in rows.items()} == {
        "0101": 0.5, "0103": 1.0, "0301": 0.5,
    }  # fmt: skip
    assert round(sum(row["area_ha"] for row in rows.values()), 4) == data.area_ha
    assert (layer.features, layer.cut) == (6, 6)
    assert data.files == {}


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    corner=st.tuples(st.integers(0, 900), st.integers(0, 900)),
    size=st.tuples(st.integers(3, 400), st.integers(3, 400)),
    turn=st.floats(0, 90),
)
def test_parts_and_gaps_always_sum_to_the_area(county, write_boundary, corner, size, turn):
    box = at(*corner, corner[0] + size[0], corner[1] + size[1])
    area = write_boundary(shapely.affinity.rotate(box, turn))  # may stick out: 未覆盖
    result = extract_base_data(county.folder, area, names=("land_use",))
    _, rows = figures(result)
    assert round(sum(row["area_ha"] for row in rows.values()), 4) == result.data["area_ha"]


def test_units_by_name_or_code_and_unknown_ones_are_listed(county):
    county.add(
        "admin_town", "XZ", "乡镇", [at(0, 0, 500, 1000), at(500, 0, 1000, 1000)],
        fields={"DM": ["1", "2"], "MC": ["甲镇", "乙镇"]}, id_field="DM", name_field="MC",
    )  # fmt: skip
    for unit in ("甲镇", "1"):
        result = extract_base_data(county.folder, unit=unit, names=("DLTB",))
        assert result.data["area"] == "甲镇" and result.data["area_ha"] == pytest.approx(
            50, abs=0.1
        )
    with pytest.raises(InputError, match="没有行政单元“丙镇”") as wrong:
        extract_base_data(county.folder, unit="丙镇")
    assert "甲镇、乙镇" in wrong.value.mend


def test_conditions_and_codes_choose_features(county):
    result = extract_base_data(county.folder, names=("DLTB",), codes=("01",))
    assert set(figures(result)[1]) == {"0101", "0103"}
    where = (parse_filter("code eq 0101"), parse_filter("BSM in 0,1,3"))
    layer, rows = figures(extract_base_data(county.folder, names=("DLTB",), where=where))
    assert layer.features == 2 and set(rows) == {"0101"}
    with pytest.raises(InputError, match="没有可筛选的字段 NONE") as wrong:
        extract_base_data(county.folder, names=("DLTB",), where=(parse_filter("NONE eq 1"),))
    assert (wrong.value.layer, wrong.value.field) == ("DLTB", "NONE") and "DLBM" in wrong.value.mend


def test_layers_above_the_level_stay_and_sensitive_ones_are_not_named(county, tmp_path):
    county.entry("permanent_basic_farmland")["secrecy"] = "内部"
    county.entry("ecological_redline")["secrecy"] = "敏感"
    county.save()
    result = extract_base_data(county.folder, out=tmp_path / "out")
    names = {layer["name"] for layer in result.data["layers"]}
    assert not names & {"YJJBNT", "STBHHX"} and result.secrecy is Secrecy.PUBLIC
    everything = "".join(
        p.read_bytes().decode("utf-8", "ignore") for p in (tmp_path / "out").iterdir()
    )
    assert "YJJBNT" in json.dumps(result.data["withheld"])
    assert "STBHHX" not in everything and "生态保护红线" not in everything
    tables = {name for name, _ in pyogrio.list_layers(tmp_path / "out" / "base_data.gpkg")}
    assert not tables & {"YJJBNT", "STBHHX"}
    for name in ("STBHHX", "YJJBNT", "没有"):
        with pytest.raises(InputError, match="不能导出") as wrong:
            extract_base_data(county.folder, names=(name,))
        assert "STBHHX" not in wrong.value.mend
    assert (
        extract_base_data(county.folder, clearance=Secrecy.SENSITIVE).secrecy is Secrecy.SENSITIVE
    )


def test_fields_above_the_level_are_dropped_or_generalised_and_cannot_be_asked(county, tmp_path):
    county.land_use([at(0, 0, 100, 100)], ["0101"])
    county.add(
        "land_use", "DLTB", "图斑", [at(0, 0, 100, 100)],
        fields={"DLBM": ["0101"], "QSDW": ["某某村一组"], "TEL": ["13800000000"], "PRICE": [12345.6]},
        code_field="DLBM", code_scheme="ydyh_2023",
        field_levels=[
            {"field": "TEL", "secrecy": "内部"},
            {"field": "QSDW", "secrecy": "内部", "above": "mask", "keep": 3},
            {"field": "PRICE", "secrecy": "内部", "above": "round", "step": 1000},
        ],
    )  # fmt: skip
    extract_base_data(county.folder, names=("DLTB",), out=tmp_path / "o")
    meta, _, _, values = pyogrio.raw.read(tmp_path / "o" / "base_data.gpkg", layer="DLTB")
    row = dict(zip(meta["fields"], (v[0] for v in values), strict=True))
    assert row == {
        "DLBM": "0101",
        "QSDW": "某某村***",
        "PRICE": 12000.0,
        "AREA_HA": pytest.approx(1, abs=0.01),
    }
    for field in ("TEL", "PRICE"):  # asking would tell the value
        with pytest.raises(InputError, match="没有可筛选的字段"):
            extract_base_data(
                county.folder, names=("DLTB",), where=(parse_filter(f"{field} ge 5"),)
            )
    full = extract_base_data(
        county.folder,
        names=("DLTB",),
        clearance=Secrecy.INTERNAL,
        out=tmp_path / "p",
        file_format="csv",
    )
    assert full.data["withheld"] == []
    assert "13800000000" in (tmp_path / "p" / "DLTB.csv").read_text("utf-8-sig")


@pytest.mark.parametrize("file_format", ["gpkg", "shp", "geojson", "csv"])
def test_each_format_holds_all_features_and_the_record_its_hashes(
    county, write_boundary, tmp_path, file_format
):
    boundary, out = write_boundary(at(250, 250, 450, 350)), tmp_path / "out"
    result = extract_base_data(
        county.folder, boundary, names=("DLTB",), out=out, file_format=file_format
    )
    file = next(out.glob("base_data.gpkg" if file_format == "gpkg" else f"DLTB.{file_format}"))
    if file_format == "csv":
        with file.open(encoding="utf-8-sig") as stream:
            assert len(list(csv.DictReader(stream))) == 6
    else:
        assert pyogrio.read_info(file, force_feature_count=True)["features"] == 6
        again = read_boundary(file)
        assert again.epsg == 4547 and again.geometry.area == pytest.approx(20_000, rel=1e-6)
    record = json.loads((out / "提取记录.json").read_text(encoding="utf-8"))
    assert record["data"]["files"] == result.data["files"]
    for name, said in result.data["files"].items():
        assert said == f"sha256:{hashlib.sha256((out / name).read_bytes()).hexdigest()}"


def test_rounded_places_lie_on_the_grid_and_figures_stay_exact(county, write_boundary, tmp_path):
    boundary = write_boundary(at(250.3, 250.3, 450.7, 350.7))
    exact = extract_base_data(county.folder, boundary, names=("DLTB",))
    result = extract_base_data(
        county.folder, boundary, names=("DLTB",), round_m=10, out=tmp_path / "o"
    )
    assert result.tables == exact.tables
    assert any("取整到 10 米" in text for text in result.warnings)
    _, _, wkb, _ = pyogrio.raw.read(tmp_path / "o" / "base_data.gpkg", layer="DLTB")
    places = shapely.get_coordinates(shapely.from_wkb(wkb))
    assert np.allclose(places % 10, 0)


def test_files_that_are_there_and_the_layers_themselves_are_kept(county, tmp_path):
    out = tmp_path / "out"
    extract_base_data(county.folder, names=("DLTB",), out=out)
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    with pytest.raises(InputError, match="已有 base_data") as wrong:
        extract_base_data(county.folder, names=("XZQ",), out=out)
    assert "--overwrite" in wrong.value.mend
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before
    extract_base_data(county.folder, names=("XZQ",), out=out, overwrite=True)
    for folder in (county.folder, county.folder / "sub"):
        with pytest.raises(InputError, match="图层目录之内"):
            extract_base_data(county.folder, names=("XZQ",), out=folder, overwrite=True)
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(InputError, match="是一个文件"):
        extract_base_data(county.folder, names=("XZQ",), out=file)


def test_too_much_and_wrong_codes_are_refused(county):
    with pytest.raises(InputError, match="超过 10 个") as wrong:
        extract_base_data(county.folder, names=("DLTB",), max_features=10)
    assert wrong.value.layer == "DLTB"
    for round_m in (0, -1, 1e9, float("nan")):
        with pytest.raises(InputError, match="取整"):
            extract_base_data(county.folder, round_m=round_m)
    county.land_use([at(0, 0, 10, 10)], ["9999"])
    with pytest.raises(InputError, match="9999") as wrong:
        extract_base_data(county.folder, names=("DLTB",))
    assert wrong.value.field == "DLBM"


def test_formulas_do_not_reach_a_spreadsheet(county, tmp_path):
    county.land_use([at(0, 0, 10, 10)], ["0101"], code_field=None, code_scheme="none")
    county.add("custom_x", "X", "图", [at(0, 0, 9, 9)], fields={"T": ["=1+1"]}, control="inform")
    extract_base_data(county.folder, names=("X",), out=tmp_path / "o", file_format="csv")
    assert "'=1+1" in (tmp_path / "o" / "X.csv").read_text("utf-8-sig")


def test_the_verb(county, tmp_path, capsys):
    folder = str(county.folder)
    out = str(tmp_path / "o")
    assert (
        run(["extract", "--layers", folder, "--layer", "land_use", "--code", "01", "--out", out])
        == 0
    )
    shown = capsys.readouterr()
    assert "底数" in shown.out and "已保存" in shown.err
    assert (
        run(["extract", "--layers", folder, "--layer", "DLTB", "--json", "--where", "BSM eq 1"])
        == 0
    )
    assert json.loads(capsys.readouterr().out)["data"]["layers"][0]["features"] == 1
    assert run(["extract", "--layers", folder, "--where", "bad"]) == 2
