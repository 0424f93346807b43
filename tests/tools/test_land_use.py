import pytest

from cspon.errors import InputError
from cspon.schemas.spatial import LayerSpec
from tools.land_use import (
    classification,
    is_in_class,
    label_code,
    land_use_name,
)


def spec(scheme: str) -> LayerSpec:
    return LayerSpec(
        role="land_use",
        name="DLTB",
        title="地类图斑",
        path="DLTB.gpkg",
        code_field="DLBM",
        code_scheme=scheme,
        epsg=4547,
        date="2025-12-31",
        source="tests",
    )


def test_the_table_holds_every_level_with_its_parents():
    codes = classification().codes
    assert {len(c): sum(len(k) == len(c) for k in codes) for c in ("01", "0101", "060101")} == {
        2: 24,
        4: 111,
        6: 40,
    }
    assert all(code[:-2] in codes for code in codes if len(code) > 2)
    assert not classification().verified


@pytest.mark.corpus
def test_the_table_equals_its_source(shared):
    import json

    rows = json.loads((shared / "domain" / "ydyh_2023.json").read_text(encoding="utf-8"))["rows"]
    assert classification().codes == {row["code"]: row["name"] for row in rows}


def test_every_code_belongs_to_exactly_one_of_the_three_classes_or_the_sea():
    for code in (c for c in classification().codes if len(c) >= 4):
        found = [
            n for n in ("agricultural", "construction", "unused", "sea") if is_in_class(code, n)
        ]
        assert len(found) == 1, (code, found)


@pytest.mark.parametrize(
    ("code", "name", "expected"),
    [
        ("0101", "cultivated", True),
        ("0201", "cultivated", False),
        ("0403", "agricultural", False),
        ("0403", "unused", True),
        ("060101", "agricultural", True),
        ("070301", "construction", True),
        ("0507", "wetland", True),
    ],
)
def test_classes(code, name, expected):
    assert is_in_class(code, name) is expected


def test_names():
    assert land_use_name("0601") == "农村道路"
    assert land_use_name("0404") is None


def test_a_code_of_the_other_scheme_is_refused_with_field_and_mend():
    with pytest.raises(InputError) as error:
        label_code(spec("ydyh_2023"), "0404", "其他草地", fid=7)
    assert error.value.field == "DLBM"
    assert "图斑 7" in error.value.message
    assert "sandiao_2020" in error.value.mend


def test_an_empty_code_is_refused():
    with pytest.raises(InputError, match="没有地类编码"):
        label_code(spec("ydyh_2023"), "", "", fid=3)


def test_sandiao_codes_keep_their_own_names():
    assert label_code(spec("sandiao_2020"), "0601", "工业用地", fid=1).name == "工业用地"
    assert label_code(spec("sandiao_2020"), "0601", "", fid=1).name == "三调 0601"
