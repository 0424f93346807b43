"""What quantities say: of what, where and when."""

import pytest

from agents.review.document import Anchor, Block
from agents.review.quantities.statements import quantities_of


def told(text):
    block = Block(0, text, "paragraph", Anchor())
    return [(q.value.words, q.subject, q.scope, q.year or q.when) for q in quantities_of(block)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("到2035年，全县耕地保有量不低于12.5万亩。", [("12.5万亩", "耕地保有量", "县域", 2035)]),
        ("规划期末永久基本农田保护面积不低于8066.67公顷", [("8066.67公顷", "永久基本农田保护面积", "", "target")]),
        (
            "2020年县域常住人口32.6万人，城镇化率51.2%；到2035年常住人口达到35万人，城镇化率达到65%。",
            [
                ("32.6万人", "常住人口规模", "县域", 2020), ("51.2%", "常住人口城镇化率", "县域", 2020),
                ("35万人", "常住人口规模", "", 2035), ("65%", "常住人口城镇化率", "", 2035),
            ],
        ),
        (
            "2035年耕地面积较2020年增加120公顷",
            [("120公顷", "耕地面积", "", 2035)],
        ),
        ("其中水田12公顷、旱地30公顷", [("12公顷", "水田", "", ""), ("30公顷", "旱地", "", "")]),
        ("规划新建变电站3座", [("3座", "变电站", "", "")]),
        ("规划布局5处社区公园。", [("5处", "社区公园", "", "")]),
        ("中心城区人均公园绿地面积达到12平方米", [("12平方米", "人均公园绿地面积", "中心城区", "")]),
        (
            "青河镇永久基本农田1200公顷，占县域的15%",
            [("1200公顷", "永久基本农田保护面积", "青河镇", ""), ("15%", "永久基本农田保护面积", "县域", "")],
        ),
    ],
)  # fmt: skip
def test_of_what_where_and_when(text, expected):
    assert told(text) == expected
