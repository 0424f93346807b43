import json

import numpy as np
import pyogrio.raw
import pytest
import shapely
import yaml

from cspon.cli.main import run

X, Y = 500_000.0, 3_300_000.0


@pytest.fixture
def folder(tmp_path):
    """Two homes of a hectare beside a street of 1 km, a fire station at its southern end."""
    homes = [shapely.box(X, Y + 100 * k, X + 100, Y + 100 * k + 100) for k in (0, 8)]
    layers = {
        "DLZXX": (
            "roads",
            "line",
            [shapely.LineString([(X, Y), (X, Y + 1000)])],
            {"DLDJ": ["村道"]},
        ),
        "GGFWSS": ("facilities", "point", [shapely.Point(X, Y)], {"SSLX": ["消防站"]}),
        "DLTB": ("land_use", "polygon", homes, {"DLBM": ["0701", "0701"]}),
    }
    entries = []
    for name, (role, geometry, shapes, fields) in layers.items():
        pyogrio.raw.write(
            tmp_path / f"{name}.gpkg",
            geometry=shapely.to_wkb(np.array(shapes, dtype=object)),
            field_data=[np.array(v, dtype=object) for v in fields.values()],
            fields=list(fields),
            layer=name,
            driver="GPKG",
            geometry_type=shapes[0].geom_type,
            crs="EPSG:4547",
        )
        scheme = {"roads": "road_class", "land_use": "ydyh_2023"}.get(role, "none")
        entries.append(
            {
                "role": role,
                "name": name,
                "title": name,
                "path": f"{name}.gpkg",
                "layer": name,
                "geometry": geometry,
                "code_field": next(iter(fields)),
                "code_scheme": scheme,
                "epsg": 4547,
                "date": "2025-12-31",
                "source": "tests",
            }
        )
    catalogue = {"title": "街", "region_code": "990101", "region_name": "街", "epsg": 4547}
    text = yaml.safe_dump({**catalogue, "layers": entries}, allow_unicode=True)
    (tmp_path / "layers.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def access(folder, *arguments):
    return run(["access", *arguments, "--layers", str(folder)])


def test_a_measure_that_is_computed_exits_0(folder, capsys):
    # 1.9 minutes at 20 km/h are 633 m of street, and 150 m about its end: one home of two.
    assert access(folder, "fire", "--minutes", "1.9", "--json") == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["data"]["value"] == pytest.approx(50, abs=1)
    assert access(folder, "消防救援 5 分钟可达覆盖率") == 0
    said = capsys.readouterr()
    assert "100.00%" in said.out
    assert "自定" in said.err


def test_missing_data_exit_2_with_what_is_missing(folder, capsys):
    assert access(folder, "commuting") == 2
    assert "起讫点表" in capsys.readouterr().out


def test_wrong_words_exit_2(folder, capsys):
    assert access(folder, "fly") == 2
    assert "community_circle" in capsys.readouterr().err
    assert access(folder, "fire", "--mode", "swim") == 2
    assert "walk、drive" in capsys.readouterr().err


@pytest.mark.component
def test_what_is_saved(folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert access(folder, "fire", "--out", str(out)) == 0
    assert {"result.json", "layers.gpkg", "report.md", "report.docx"} <= {
        p.name for p in out.iterdir()
    }
    capsys.readouterr()
