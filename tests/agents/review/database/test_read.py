"""Plan databases of files: layers by name, figures by field, and what is said of the rest."""

import sqlite3

import pytest

from agents.review.case import Case
from agents.review.check import checks
from agents.review.database.measure import area_of, between, inside
from agents.review.database.plan import columns_of, kind_of
from agents.review.database.read import open_plan_database
from agents.review.read.text import read_text
from agents.review.run import review
from cspon.errors import InputError
from tools.geometry.crs import reproject

from .conftest import box, write


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("YJJBNTBHTB", "permanent_basic_farmland"), ("stbhhx", "ecological_redline"),
        ("CZKFBJ_2035", "urban_development_boundary"), ("永久基本农田", "permanent_basic_farmland"),
        ("990101CZKFBJ", "urban_development_boundary"), ("示例县生态保护红线", "ecological_redline"),
        ("重点建设项目", "projects"), ("乡镇行政区", "town"), ("XZQ", "county"), ("GHYT", "planned_land_use"),
    ],
)  # fmt: skip
def test_layers_are_known_by_name(name, role):
    known = kind_of(name)
    assert known is not None
    assert known[0].role == role


@pytest.mark.parametrize("name", ["永久基本农田储备区", "YJJBNTCBQ", "DLZXX", "城镇开发边界外"])
def test_other_layers_are_not(name):
    assert kind_of(name) is None


def test_fields_are_known_with_their_units():
    assert columns_of("projects", ("fid", "项目名称", "用地面积（公顷）", "XMLX")) == {
        "name": "项目名称", "area": "用地面积（公顷）", "kind": "XMLX",
    }  # fmt: skip


def test_a_folder_is_read_and_the_rest_is_told(tmp_path):
    folder = tmp_path / "database"
    write(
        folder / "lines.gpkg",
        {
            "YJJBNT": ([box(0, 0, 10, 10), box(10, 0, 20, 10)], {"XZQMC": ["甲镇", "乙镇"], "MJ": [100.0, 100.0]}),
            "DLZXX": ([box(0, 0, 1, 1)], {"MC": ["路"]}),
        },
    )  # fmt: skip
    (folder / "STBHHX.gpkg").write_bytes(b"no database")
    found = open_plan_database(folder)
    told = {left.what: left.why for left in found.notices}
    assert "打不开" in told["database/STBHHX.gpkg"]
    assert any("DLZXX" in left.why for left in found.notices)
    assert any(
        "生态保护红线" in left.why and "永久基本农田" not in left.why for left in found.notices
    )
    (whole,) = area_of(found, "permanent_basic_farmland")
    assert whole.ellipsoidal == pytest.approx(2e6, rel=1e-4)
    assert whole.stated == (2e6,)  # the field is in hectares, as its figures show
    layer = found.layer("permanent_basic_farmland")
    assert layer.place(1).file == "database/lines.gpkg"
    assert layer.place(1).feature.startswith("YJJBNT/2")


def test_degrees_are_measured_on_the_ellipsoid_too(tmp_path):
    shape = reproject(box(0, 0, 30, 20), 4547, 4490)
    path = write(tmp_path / "a.gpkg", {"STBHHX": ([shape], {"HXMC": ["甲"]})}, epsg=4490)
    found = open_plan_database(path)
    assert found.epsg == 4547
    assert area_of(found, "ecological_redline")[0].ellipsoidal == pytest.approx(6e6, rel=1e-4)


def test_a_town_has_its_part(tmp_path):
    path = write(
        tmp_path / "a.gpkg",
        {
            "XZQ_XZ": ([box(0, 0, 10, 10), box(10, 0, 20, 10)], {"XZQMC": ["甲镇", "乙镇"]}),
            "YJJBNT": ([box(5, 0, 12, 10)], {"JBNTTBBH": ["1"]}),
        },
    )
    found = open_plan_database(path)
    (part,) = area_of(found, "permanent_basic_farmland", town="乙镇")
    assert part.ellipsoidal == pytest.approx(2e5, rel=1e-4)


def test_slivers_are_no_overlap(tmp_path):
    path = write(
        tmp_path / "a.gpkg",
        {
            "YJJBNT": ([box(0, 0, 10, 10)], {"BZ": [""]}),
            "STBHHX": ([box(9.995, 0, 20, 10), box(0, 9, 1, 12)], {"HXMC": ["甲", "乙"]}),
        },
    )
    found = open_plan_database(path)
    one, other = found.layer("permanent_basic_farmland"), found.layer("ecological_redline")
    first, second = between(found, one, other)
    assert first.area_m2 == pytest.approx(1e4, rel=1e-3)  # the strip of 0.5 m is left out
    assert (first.patches, second.rows) == (1, (1,))
    assert inside(found, box(0, 0, 0.1, 0.1), one).patches == 0


def test_what_does_not_open_is_said_in_the_review(tmp_path):
    path = tmp_path / "a.gpkg"
    sqlite3.connect(path).execute("CREATE TABLE t (a)").connection.commit()
    case = Case(read_text("a.md", "# 规划"), database=open_plan_database(path))
    assert any(left.what == "a.gpkg" for left in review(case, only=[checks()["typo"]]).not_reviewed)
    without = review(Case(read_text("a.md", "# 规划")), only=[checks()["typo"]])
    assert [left.what for left in without.not_reviewed] == ["规划数据库"]


def test_no_such_database(tmp_path):
    with pytest.raises(InputError, match="找不到规划数据库"):
        open_plan_database(tmp_path / "no.gpkg")
