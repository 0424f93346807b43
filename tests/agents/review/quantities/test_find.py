"""Numbers of planning sentences: worded in many ways, and what looks like one and is none."""

from fractions import Fraction

import pytest

from agents.review.quantities.find import find_values
from agents.review.quantities.units import unit_of

MU = Fraction(10_000, 15)


def told(text):
    return [(v.words, v.low, v.high, v.measure, v.bound, v.change) for v in find_values(text)]


@pytest.mark.parametrize(
    ("text", "low", "high", "measure", "bound", "change"),
    [
        ("耕地保有量不低于12.5万亩", 125_000 * MU, 125_000 * MU, "平方米", ">=", ""),
        ("建设用地规模控制在1,234.56公顷以内", 12_345_600, 12_345_600, "平方米", "<=", ""),
        ("扩展倍数控制在基于2020年城镇建设用地规模的１．３倍以内", Fraction(13, 10), Fraction(13, 10), "倍", "<=", ""),
        ("城镇化率达到68%左右", Fraction(68, 100), Fraction(68, 100), "比", "=", ""),
        ("人口规模45～48万人", 450_000, 480_000, "人", "=", ""),
        ("人口规模45万—48万人", 450_000, 480_000, "人", "=", ""),
        ("占比百分之三十五", Fraction(35, 100), Fraction(35, 100), "比", "=", ""),
        ("三分之二以上村民", Fraction(2, 3), Fraction(2, 3), "比", ">=", ""),
        ("较2020年增加3.2公顷", 32_000, 32_000, "平方米", "=", "+"),
        ("较现状下降2.5个百分点", Fraction(5, 2), Fraction(5, 2), "百分点", "=", "-"),
        ("提高到85%", Fraction(85, 100), Fraction(85, 100), "比", "=", ""),
        ("生态保护红线面积不突破三百一十五平方千米", 315_000_000, 315_000_000, "平方米", "<=", ""),
        ("道路网密度不小于8.0公里/平方公里", Fraction(8, 1000), Fraction(8, 1000), "米/平方米", ">=", ""),
        ("人均公园绿地面积12平方米/人", 12, 12, "平方米/人", "=", ""),
        ("用水总量控制在1.2亿立方米以内", 120_000_000, 120_000_000, "立方米", "<=", ""),
        ("布局30余处公园", 30, 30, "处", "=", ""),
        ("新建110千伏变电站", 110, 110, "千伏", "=", ""),
        ("容积率为1.5—2.0", Fraction(3, 2), 2, "", "=", ""),
        ("净减少-5.2公顷", -52_000, -52_000, "平方米", "=", "-"),
        ("投资3.6亿元", 360_000_000, 360_000_000, "元", "=", ""),
        ("配比为1:1.5", Fraction(2, 3), Fraction(2, 3), "比值", "=", ""),
    ],
)  # fmt: skip
def test_one_number(text, low, high, measure, bound, change):
    values = find_values(text)
    assert [(v.low, v.high, v.measure, v.bound, v.change) for v in values] == [
        (low, high, measure, bound, change)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "依据《中华人民共和国土地管理法》第三十三条", "自然资发〔2023〕234号", "国务院令第743号", "GB/T 39972—2021",
        "见表3-1和附图12", "统筹划定三条控制线", "至2035年", "规划期限为2021—2035年", "（三）优化布局",
        "沿G15和S201布局", "“十四五”期间", "一般性要求", "构建“一核两轴”格局", "落实三区三线", "国土空间规划“一张图”",
        "第三次全国国土调查",
    ],
)  # fmt: skip
def test_what_is_no_quantity(text):
    assert told(text) == []


def test_two_numbers_of_one_sentence():
    found = find_values("水田12.50公顷（187.5亩）、旱地30公顷")
    assert [v.low for v in found] == [125_000, 125_000, 300_000]
    assert found[0].step == 100
    assert found[0].words == "12.50公顷"


def test_units():
    assert unit_of("万亩") == (10_000 * MU, "平方米")
    assert unit_of("人/平方公里") == (Fraction(1, 1_000_000), "人/平方米")
    assert unit_of("万元/亩")[1] == "元/平方米"
    assert unit_of("布局") is None
