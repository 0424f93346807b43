import sqlite3
import threading

import numpy as np
import pytest
import shapely
from shapely import affinity

from cspon.errors import InputError
from cspon.schemas.spatial import LayerSpec
from tools import geopackage
from tools.layers import (
    layer_by_role,
    load_catalogue,
    open_layer,
    read_window,
    read_windows,
    search_boxes,
)

X, Y = 500_000.0, 3_300_000.0


def land_use(county) -> LayerSpec:
    spec = layer_by_role(load_catalogue(county.folder), "land_use")
    assert spec is not None
    return spec


def box(*corners: float) -> shapely.Polygon:
    return affinity.translate(shapely.box(*corners), X, Y)


def test_a_catalogue_is_read(fixed_county):
    catalogue = load_catalogue(fixed_county.folder)
    assert [spec.name for spec in catalogue.layers] == ["DLTB", "YJJBNT", "STBHHX", "CZKFBJ", "XZQ"]
    assert load_catalogue(fixed_county.folder) is catalogue
    assert layer_by_role(catalogue, "roads") is None


def test_a_changed_catalogue_is_read_again(county):
    before = load_catalogue(county.folder)
    county.remove("ecological_redline")
    assert len(load_catalogue(county.folder).layers) == len(before.layers) - 1


def test_no_catalogue_names_the_file_and_the_mend(tmp_path):
    with pytest.raises(InputError) as error:
        load_catalogue(tmp_path)
    assert error.value.file == str(tmp_path / "layers.yaml")
    assert "--layers" in error.value.mend


def test_broken_yaml_names_the_line(county):
    (county.folder / "layers.yaml").write_text(
        "title: 县\nlayers: [\n  {role: a\n", encoding="utf-8"
    )
    with pytest.raises(InputError, match="YAML 语法错误") as error:
        load_catalogue(county.folder)
    assert error.value.row


def test_another_encoding_is_refused(county):
    (county.folder / "layers.yaml").write_bytes("title: 方格县".encode("gbk"))
    with pytest.raises(InputError, match="UTF-8"):
        load_catalogue(county.folder)


@pytest.mark.parametrize(
    ("change", "field", "mend"),
    [
        ({"colour": "red"}, "colour", "删去"),
        ({"epsg": None}, "epsg", "改正"),
        ({"code_scheme": "gb"}, "code_scheme", "改正"),
        ({"path": "../outside.gpkg"}, "path", "相对路径"),
        ({"code_scheme": "ydyh_2023"}, "code_field", "code_field"),
    ],
)
def test_a_wrong_entry_names_layer_field_and_mend(county, change, field, mend):
    county.entry("ecological_redline").update(change)
    county.save()
    with pytest.raises(InputError) as error:
        load_catalogue(county.folder)
    assert error.value.field == field
    assert "第 3 个图层（STBHHX）" in (error.value.layer or "")
    assert mend in error.value.mend


def test_a_missing_field_is_named(county):
    del county.entry("ecological_redline")["date"]
    county.save()
    with pytest.raises(InputError, match="STBHHX") as error:
        load_catalogue(county.folder)
    assert error.value.field == "date"
    assert error.value.mend == "补上字段 date"


@pytest.mark.parametrize("text", ["", "[]", "just words", "layers: 3"])
def test_a_file_that_is_no_catalogue_is_refused(county, text):
    (county.folder / "layers.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError):
        load_catalogue(county.folder)


def test_duplicate_names_and_roles_are_refused(county):
    county.layers.append({**county.entry("ecological_redline"), "name": "STBHHX2"})
    county.save()
    with pytest.raises(InputError, match="应只有一个"):
        layer_by_role(load_catalogue(county.folder), "ecological_redline")
    county.layers[-1]["name"] = "STBHHX"
    county.save()
    with pytest.raises(InputError, match="重复"):
        load_catalogue(county.folder)


def test_a_window_holds_the_features_near_it(fixed_county):
    features = read_window(land_use(fixed_county), fixed_county.folder, box(210, 210, 290, 290))
    assert len(features) == 1
    assert features.codes.tolist() == ["0101"]
    assert shapely.equals(features.geometries[0], box(200, 200, 300, 300))


def test_chunks_and_one_read_give_the_same_features(fixed_county):
    spec, window = land_use(fixed_county), box(0, 0, 1000, 1000)
    parts = list(read_windows(spec, fixed_county.folder, window, chunk=7))
    assert max(len(part) for part in parts) <= 7
    together = np.sort(np.concatenate([part.fids for part in parts]))
    assert (
        together.tolist() == np.sort(read_window(spec, fixed_county.folder, window).fids).tolist()
    )
    assert len(together) == 100


def test_a_long_project_reads_only_what_lies_along_it(fixed_county):
    road = shapely.LineString([(X + 5, Y + 5), (X + 995, Y + 995)]).buffer(2)
    assert len(search_boxes(road)) > 8
    features = read_window(land_use(fixed_county), fixed_county.folder, road)
    assert len(features) < 60
    tree = read_window(land_use(fixed_county), fixed_county.folder, box(0, 0, 1000, 1000))
    touched = set(tree.fids[shapely.intersects(tree.geometries, road)].tolist())
    assert touched <= set(features.fids.tolist())
    assert len(set(features.fids.tolist())) == len(features)


def test_scattered_parts_have_boxes_of_their_own():
    parts = shapely.union_all([box(0, 0, 10, 10), box(900, 900, 910, 910)])
    assert sorted(search_boxes(parts)) == [
        (X, Y, X + 10, Y + 10),
        (X + 900, Y + 900, X + 910, Y + 910),
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"path": "nothing.gpkg"}, "文件不存在"),
        ({"path": "layers.yaml"}, "不是 GeoPackage"),
        ({"layer": "DLTB2020"}, "没有名为 DLTB2020 的要素表；文件内有：DLTB"),
        ({"code_field": "DLDM"}, "没有字段 DLDM"),
        ({"epsg": 4526}, "坐标系是 EPSG:4547，目录写的是 EPSG:4526"),
    ],
)
def test_a_layer_that_does_not_fit_the_catalogue_is_refused(county, change, message):
    county.entry("land_use").update(change)
    county.save()
    with pytest.raises(InputError, match=message) as error:
        open_layer(land_use(county), county.folder)
    assert error.value.mend


def test_a_file_that_is_no_geopackage_is_refused(county):
    (county.folder / "DLTB.gpkg").write_bytes(b"not a database" * 100)
    with pytest.raises(InputError, match="不是可用的 GeoPackage"):
        open_layer(land_use(county), county.folder)


def test_a_layer_without_spatial_index_is_refused_with_the_command(county):
    with sqlite3.connect(county.folder / "DLTB.gpkg") as connection:
        connection.execute("DROP TABLE rtree_DLTB_geom")
    connection.close()
    with pytest.raises(InputError, match="没有空间索引") as error:
        open_layer(land_use(county), county.folder)
    assert "SPATIAL_INDEX=YES" in error.value.mend


def test_a_broken_geometry_names_its_feature(county):
    with sqlite3.connect(county.folder / "DLTB.gpkg") as connection:
        for trigger in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            connection.execute(f'DROP TRIGGER "{trigger[0]}"')
        connection.execute("UPDATE DLTB SET geom = substr(geom, 1, 60) WHERE fid = 42")
    connection.close()
    with pytest.raises(InputError, match="fid=42"):
        read_window(land_use(county), county.folder, box(0, 0, 1000, 1000))


def test_a_file_that_changed_is_opened_again(county):
    spec = land_use(county)
    assert len(read_window(spec, county.folder, box(0, 0, 1000, 1000))) == 100
    county.land_use([box(0, 0, 1000, 1000)], ["0101"])
    assert len(read_window(spec, county.folder, box(0, 0, 1000, 1000))) == 1


def test_a_connection_is_kept_in_its_thread(fixed_county):
    spec = land_use(fixed_county)
    first = open_layer(spec, fixed_county.folder)
    assert open_layer(spec, fixed_county.folder) is first
    other = []

    def read() -> None:
        other.append(len(read_window(spec, fixed_county.folder, box(0, 0, 1000, 1000))))
        geopackage.close_tables()

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    assert other == [100]


def test_three_dimensional_geometry_is_read_flat(county):
    county.land_use([shapely.force_3d(box(0, 0, 1000, 1000), 12.0)], ["0101"])
    features = read_window(land_use(county), county.folder, box(0, 0, 10, 10))
    assert not shapely.has_z(features.geometries).any()


def test_codes_are_stripped_and_nulls_are_empty(county):
    county.land_use([box(0, 0, 500, 1000), box(500, 0, 1000, 1000)], [" 0101 ", None])
    features = read_window(land_use(county), county.folder, box(0, 0, 1000, 1000))
    assert sorted(features.codes.tolist()) == ["", "0101"]
