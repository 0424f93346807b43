import numpy as np
import pyogrio
import pytest
import shapely

from tools.vector_output import write_vector


def array(*geometries):
    found = np.empty(len(geometries), dtype=object)
    found[:] = geometries
    return found


def write(file, geometries, columns, driver="GPKG", layer="a"):
    write_vector(file, geometries, columns, layer=layer, epsg=4547, driver=driver)


def test_values_keep_their_kind_and_empty_ones_stay_empty(tmp_path):
    file = tmp_path / "a.gpkg"
    columns = {"n": [1, None], "x": [1.5, None], "t": ["甲", None], "mixed": [1, "乙"]}
    write(file, array(shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)), columns)
    meta, _, _, values = pyogrio.raw.read(file)
    found = dict(zip(meta["fields"], (list(v) for v in values), strict=True))
    assert found["t"] == ["甲", None] and found["mixed"] == ["1", "乙"]
    assert found["n"][0] == 1 and np.isnan(found["n"][1]) and np.isnan(found["x"][1])


def test_mixed_single_and_multi_polygons_become_multi(tmp_path):
    file = tmp_path / "a.gpkg"
    multi = shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(2, 0, 3, 1)])
    write(file, array(shapely.box(5, 0, 6, 1), multi), {"n": [1, 2]})
    assert pyogrio.read_info(file)["geometry_type"] == "MultiPolygon"


def test_a_second_layer_leaves_the_first(tmp_path):
    file = tmp_path / "a.gpkg"
    for layer in ("a", "b"):
        write(file, array(shapely.Point(0, 0)), {"n": [1]}, layer=layer)
    assert {name for name, _ in pyogrio.list_layers(file)} == {"a", "b"}


@pytest.mark.parametrize(("driver", "suffix"), [("ESRI Shapefile", "shp"), ("GeoJSON", "geojson")])
def test_other_formats_carry_chinese_and_their_coordinate_system(tmp_path, driver, suffix):
    file = tmp_path / f"a.{suffix}"
    write(file, array(shapely.box(0, 0, 1, 1)), {"名": ["永久基本农田"]}, driver)
    meta, _, _, values = pyogrio.raw.read(file)
    assert values[0].tolist() == ["永久基本农田"] and "4547" in meta["crs"]


def test_a_folder_that_cannot_be_written_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match="写入失败"):
        write(tmp_path / "none" / "a.gpkg", array(shapely.Point(0, 0)), {"n": [1]})
