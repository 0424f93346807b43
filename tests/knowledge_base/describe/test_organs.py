import pytest

from knowledge_base.describe.organs import only_organs, organs_in, prefectures, provinces, region_of


def test_the_tables_are_complete():
    assert len(provinces()) == 34
    assert len(prefectures()) == 333
    assert len({p.short for p in provinces()}) == 34
    assert prefectures()["宁波市"] == "浙江省"


@pytest.mark.parametrize(
    ("text", "name", "level"),
    [
        ("浙江省国土空间规划（2021—2035年）", "浙江省", "省"),
        ("北京市城乡规划条例", "北京市", "省"),
        ("浙江省宁波市国土空间总体规划", "宁波市", "市"),
        ("延边朝鲜族自治州国土空间总体规划", "延边朝鲜族自治州", "市"),
        ("慈溪市国土空间总体规划", "慈溪市", "县"),
        ("宁波市鄞州区人民政府关于城市更新的意见", "宁波市鄞州区", "县"),
        ("北京市朝阳区国土空间规划", "北京市朝阳区", "县"),
        ("某市国土空间总体规划", "某市", "市"),
        ("某县国土空间总体规划", "某县", "县"),
        ("鄞州区姜山镇国土空间总体规划", "鄞州区姜山镇", "乡"),
    ],
)
def test_regions_in_titles(text, name, level):
    region = region_of(text)
    assert (region.name, region.level) == (name, level)


@pytest.mark.parametrize(
    "text",
    [
        "城市绿化条例",
        "城镇开发边界管理办法",
        "城乡规划法",
        "城市、镇控制性详细规划编制审批办法",
        "自然资源部关于加强管理的通知",
        "区域协调发展规划",
        "市级国土空间总体规划编制指南",
        "江苏省宁波市国土空间规划",
        "",
    ],
)
def test_titles_without_a_region(text):
    assert region_of(text) is None


@pytest.mark.parametrize(
    ("line", "names"),
    [
        (
            "自然资源部 农业农村部　国家林业和草原局",
            ["自然资源部", "农业农村部", "国家林业和草原局"],
        ),
        ("中华人民共和国自然资源部", ["自然资源部"]),
        ("自 然 资 源 部", ["自然资源部"]),
        ("宁波市自然资源和规划局文件", ["宁波市自然资源和规划局"]),
        ("某县人民政府办公室", ["某县人民政府办公室"]),
        (
            "国家市场监督管理总局 国家标准化管理委员会 发布",
            ["国家市场监督管理总局", "国家标准化管理委员会"],
        ),
    ],
)
def test_lines_of_organs(line, names):
    assert [organ.name for organ in only_organs(line)] == names


@pytest.mark.parametrize(
    "line", ["自然资源部门应当加强管理", "各省自然资源厅：", "经国务院批准", "人民政府", ""]
)
def test_lines_that_hold_more(line):
    assert only_organs(line) == []


def test_a_date_before_a_name_is_no_part_of_it():
    line = "2021年5月28日浙江省第十三届人民代表大会常务委员会批准，宁波市人民代表大会常务委员会公布"
    assert [organ.name for organ in organs_in(line.replace("第十三届", ""))] == [
        "浙江省人民代表大会常务委员会",
        "宁波市人民代表大会常务委员会",
    ]
    assert organs_in("根据宁波市人民政府要求")[0].name == "宁波市人民政府"


def test_a_title_that_begins_with_what_it_is_about():
    for title in ("关于青禾县城镇开发边界局部优化的函", "关于同意青禾县国土空间总体规划的批复"):
        region = region_of(title)
        assert region is not None
        assert (region.name, region.level) == ("青禾县", "县")
