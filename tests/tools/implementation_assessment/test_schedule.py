import pytest

from cspon.errors import InputError
from tools.implementation_assessment.book import load_book
from tools.implementation_assessment.schedule import judge_project, read_policies, read_projects

HEAD = "项目名称,项目类型,用地规模（公顷）,计划开工年,计划完成年,状态,责任单位\n"
BOOK = load_book()


@pytest.mark.parametrize(
    ("state", "begin", "end", "judgement"),
    [
        ("已完成", 2020, 2030, "已完成"),
        ("已取消", 2020, 2022, "已取消"),
        ("在建", 2022, 2025, "逾期未完成"),
        ("未开工", 2022, 2025, "逾期未完成"),
        ("未开工", 2025, 2026, "未按期开工"),
        ("未开工", 2026, 2027, "未到开工期"),
        ("在建", 2024, 2026, "按期推进"),
    ],
)
def test_where_a_project_stands_at_the_end_of_2025(state, begin, end, judgement):
    assert judge_project(state, begin, end, 2025, BOOK) == judgement


def test_rows_are_read(tmp_path):
    file = tmp_path / "p.csv"
    file.write_text(
        "\ufeff" + HEAD + "医院,公共服务,6.5,2022年,2025,已完成,卫健局\n", encoding="utf-8"
    )
    (one,) = read_projects(file, BOOK, 2025)
    assert (one.name, one.area_ha, one.begin, one.judgement) == ("医院", 6.5, 2022, "已完成")


@pytest.mark.parametrize(
    ("rows", "row", "field"),
    [
        ("甲,产业,-1,2022,2025,在建,乙\n", 2, "用地规模（公顷）"),
        ("甲,产业,inf,2022,2025,在建,乙\n", 2, "用地规模（公顷）"),
        ("甲,产业,1,22,2025,在建,乙\n", 2, "计划开工年"),
        ("甲,产业,1,2026,2025,在建,乙\n", 2, "计划完成年"),
        ("甲,产业,1,2022,2025,建设中,乙\n", 2, "状态"),
        (",产业,1,2022,2025,在建,乙\n", 2, "项目名称"),
        ("甲,产业,1,2022,2025,在建,乙\n甲,产业,1,2022,2025,在建,乙\n", 3, "项目名称"),
        ("甲\n", 2, "计划开工年"),
    ],
)
def test_a_wrong_row_is_named(tmp_path, rows, row, field):
    file = tmp_path / "p.csv"
    file.write_text(HEAD + rows, encoding="utf-8")
    with pytest.raises(InputError) as error:
        read_projects(file, BOOK, 2025)
    assert (error.value.row, error.value.field) == (row, field)
    assert error.value.mend


def test_wrong_files_are_told(tmp_path):
    with pytest.raises(InputError, match="打不开"):
        read_policies(tmp_path / "none.csv", BOOK, 2025)
    gbk = tmp_path / "gbk.csv"
    gbk.write_bytes("政策措施,责任单位\n".encode("gbk"))
    with pytest.raises(InputError, match="UTF-8") as error:
        read_policies(gbk, BOOK, 2025)
    assert "CSV UTF-8" in error.value.mend
    sheet = tmp_path / "projects.csv"
    sheet.write_bytes(b"PK\x03\x04\x00\x00")
    with pytest.raises(InputError, match="不是文本文件"):
        read_projects(sheet, BOOK, 2025)
    tabs = tmp_path / "tabs.csv"
    tabs.write_text(HEAD.replace(",", "\t"), encoding="utf-8")
    with pytest.raises(InputError, match="缺少列") as error:
        read_projects(tabs, BOOK, 2025)
    assert (error.value.row, error.value.field) == (1, "项目名称")
    short = tmp_path / "short.csv"
    short.write_text("政策措施,状态\n", encoding="utf-8")
    with pytest.raises(InputError, match="缺少列 责任单位、完成期限"):
        read_policies(short, BOOK, 2025)


def test_measures_are_judged(tmp_path):
    file = tmp_path / "m.csv"
    file.write_text(
        "政策措施,责任单位,完成期限,状态\n甲,一局,2025,推进中\n乙,二局,2024,已出台\n丙,三局,2026,未启动\n",
        encoding="utf-8",
    )
    found = read_policies(file, BOOK, 2025)
    assert [m.judgement for m in found] == ["逾期未出台", "已出台", "按期推进"]


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("甲,一局,25,推进中", "完成期限"),
        ("甲,一局,2025,在办", "状态"),
        (",一局,2025,推进中", "政策措施"),
    ],
)
def test_a_wrong_measure_is_named(tmp_path, row, field):
    file = tmp_path / "m.csv"
    file.write_text(f"政策措施,责任单位,完成期限,状态\n乙,二局,2026,未启动\n{row}\n", "utf-8")
    with pytest.raises(InputError) as error:
        read_policies(file, BOOK, 2025)
    assert (error.value.file, error.value.row, error.value.field) == (str(file), 3, field)
    assert error.value.mend


def test_a_town_that_is_not_there_is_named(tmp_path):
    file = tmp_path / "p.csv"
    file.write_text(
        HEAD.strip()
        + ",所在乡镇\n甲,产业,1,2022,2025,在建,乙,东镇\n丙,产业,1,2022,2025,在建,乙,东乡\n",
        encoding="utf-8",
    )
    with pytest.raises(InputError, match="东乡") as error:
        read_projects(file, BOOK, 2025, ("东镇", "西镇"))
    assert (error.value.row, error.value.field) == (3, "所在乡镇")
    assert "西镇" in error.value.mend
    assert [p.town for p in read_projects(file, BOOK, 2025)] == ["东镇", "东乡"]
