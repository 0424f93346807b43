import numpy as np
import pytest

from cspon.errors import InputError
from tools.library.coerce import coerce, read_layer_file
from tools.library.entry import Port
from tools.library.units import Quantity

HA = Port(type="number", title="规模", unit="ha", minimum=0)
SQUARE = (
    "POLYGON ((500000 3300000, 500100 3300000, 500100 3300100, 500000 3300100, 500000 3300000))"
)


@pytest.mark.parametrize(
    "given",
    ["20 ha", "20公顷", {"value": 20, "unit": "ha"}, "300 亩", "0.2 km²", Quantity.of(20, "ha")],
)
def test_a_number_comes_in_any_unit_of_its_kind(given):
    assert coerce("x", HA, given).value == pytest.approx(20)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (20, "缺少单位（应为 ha）"),
        ("20", "缺少单位"),
        ("20 人", "不是同一种量"),
        ("4,000 ha", "千分位"),
        ("1e9 ha", "千分位|不认识"),
        ("many ha", "需要数值"),
        ("nan ha", "需要数值"),
        ({"value": True, "unit": "ha"}, "需要数值"),
        (True, "需要数值"),
        ("-1 ha", "小于下限"),
        ([1], "需要数值"),
    ],
)
def test_what_is_no_such_number(given, words):
    with pytest.raises(InputError, match=words) as caught:
        coerce("x", HA, given)
    assert caught.value.field == "x"


def test_a_number_without_unit_needs_none():
    assert coerce("w", Port(type="number", title="权重", unit="1"), 0.5).value == 0.5


def test_codes_must_be_quoted():
    port = Port(type="text", title="编码", many=True)
    assert coerce("codes", port, ["01"]) == ("01",)
    with pytest.raises(InputError, match="加引号"):
        coerce("codes", port, [1])


def test_choices():
    port = Port(type="text", title="方式", choices=("within", "nearest"))
    with pytest.raises(InputError, match="within、nearest"):
        coerce("method", port, "near")


def test_a_layer_of_the_wrong_geometry():
    port = Port(type="layer", title="道路", geometry="line")
    with pytest.raises(InputError, match="需要线图层，给的是面图层"):
        coerce("roads", port, {"epsg": 4547, "features": [{"wkt": SQUARE}]})


@pytest.mark.parametrize(
    "given",
    [3, {}, {"epsg": 4547, "features": [{"wkt": "POLYGON (("}]}, {"epsg": 4547, "features": [{}]}],
)
def test_what_is_no_layer(given):
    with pytest.raises(InputError, match="wkt"):
        coerce("x", Port(type="layer", title="图层"), given)


def test_a_raster_with_no_data():
    port = Port(type="raster", title="高程")
    raster = coerce("dem", port, {"epsg": 4547, "origin": [0, 10], "cell": 5, "rows": [[1, None]]})
    assert np.isnan(raster.array()[0, 1])
    with pytest.raises(InputError, match="rows"):
        coerce("dem", port, {"rows": [[1], [1, 2]]})


def test_a_vector_file_with_its_code_field(county):
    layer = read_layer_file(f"{county.folder / 'DLTB.gpkg'}::DLBM")
    assert len(layer) == 100
    assert set(layer.fields["code"]) == {"0101", "0103", "0301", "0701", "100101"}
    with pytest.raises(InputError, match="没有字段 X"):
        read_layer_file(f"{county.folder / 'DLTB.gpkg'}::X")
    with pytest.raises(InputError, match="打不开"):
        read_layer_file("none.gpkg")
