"""A graph is checked before anything runs; every refusal names file and node."""

from pathlib import Path

import pytest

from cspon.errors import InputError
from tools.library.entry import Port
from tools.models.graph import check_graph, order
from tools.models.node import Node

FILE = Path("model.yaml")
INPUTS = {
    "land": Port(type="layer", title="用地", geometry="polygon"),
    "roads": Port(type="layer", title="道路", geometry="line"),
    "dem": Port(type="raster", title="高程"),
    "people": Port(type="number", title="人口", unit="万人"),
    "any": Port(type="number", title="数"),
    "weights": Port(type="number", title="权重", unit="1", many=True),
}
AREA = {"operator": "area", "inputs": {"layer": "$land"}}


def check(nodes, outputs=None):
    built = {name: Node.model_validate(node) for name, node in nodes.items()}
    return check_graph(built, INPUTS, outputs or {"out": f"{list(nodes)[-1]}.value"}, FILE)


def per_head(expression="convert(a / p, 'm²/人')", unit="m²/人", **more):
    inputs = {"a": "area.area", "p": "$people", **more}
    return {"area": AREA, "x": {"expression": expression, "unit": unit, "inputs": inputs}}


def test_a_good_graph_tells_the_units_of_its_outputs():
    assert check(per_head())["out"].unit == "m²/人"
    ports = check(
        {
            "r": {
                "operator": "ratio",
                "inputs": {"numerator": "1 ha", "denominator": "$people", "unit": "m²/人"},
            }
        },
        {"out": "r.ratio"},
    )
    assert ports["out"].unit == "m²/人"
    change = {"c": {"operator": "change", "inputs": {"before": "1 ha", "after": "2 km²"}}}
    assert check(change, {"out": "c.increase"})["out"].unit == "ha"


@pytest.mark.parametrize(
    ("nodes", "field", "words"),
    [
        ({"a": {"operator": "area", "inputs": {"layer": "b.result"}}}, "nodes.a", "不存在的节点 b"),
        (
            {
                "a": {"operator": "merge", "inputs": {"layer": "b.result"}},
                "b": {"operator": "merge", "inputs": {"layer": "a.result"}},
            },
            "nodes",
            "成环",
        ),
        ({"a": {"operator": "aera", "inputs": {}}}, "nodes.a", "没有“aera”"),
        ({"a": {"operator": "area", "inputs": {"layer": "$fields"}}}, "nodes.a.inputs.layer", r"没有输入 \$fields"),
        ({"a": {"operator": "area", "inputs": {"layer": "$roads"}}}, "nodes.a.inputs.layer", "需要面图层"),
        ({"a": {"operator": "area", "inputs": {"layer": "$dem"}}}, "nodes.a.inputs.layer", "是栅格"),
        ({"a": {"operator": "area", "inputs": {"layer": "$people"}}}, "nodes.a.inputs.layer", "是数值"),
        ({"a": {"operator": "area", "inputs": {}}}, "nodes.a.inputs", "缺少输入 layer"),
        ({"a": {"operator": "area", "inputs": {"layer": "$land", "x": 1}}}, "nodes.a.inputs.x", "没有输入 x"),
        ({"a": {**AREA, "unit": "ha"}}, "nodes.a.unit", "只有 expression"),
        ({"a": {"operator": "buffer", "inputs": {"layer": "$land", "distance": 20}}}, "nodes.a.inputs.distance", "缺少单位"),
        ({"a": {"operator": "buffer", "inputs": {"layer": "$land", "distance": "$people"}}}, "nodes.a.inputs.distance", "单位应为 m"),
        (per_head("a / p", unit="ha/人"), "nodes.x.unit", "公式的单位是 ha/万人"),
        (per_head("a + p"), "nodes.x", "相加：ha 与 万人"),
        (per_head(unit=None), "nodes.x.unit", "没有声明结果的单位"),
        (per_head(unit="furlong"), "nodes.x", "不认识的计量单位"),
        (per_head("a / q", unit="ha"), "nodes.x.inputs", "变量 q 没有接入"),
        (per_head("open(a)"), "nodes.x.expression", "没有函数 open"),
        (per_head(z="$any"), "nodes.x.inputs.z", "单位不确定"),
        (per_head(z="area.result"), "nodes.x.inputs.z", "没有输出 result"),
        ({"idle": AREA, **per_head()}, "nodes.idle", "没有用到"),
        ({"a": {"indicator": "none_such", "inputs": {}}}, "nodes.a", "指标库没有"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_node(nodes, field, words):
    with pytest.raises(InputError, match=words) as caught:
        check(nodes)
    assert caught.value.file == "model.yaml"
    assert caught.value.field.startswith(field)
    assert caught.value.mend


@pytest.mark.parametrize("output", ["area", "nowhere.value", "area.volume", "$land"])
def test_an_output_must_be_a_port_of_a_node(output):
    with pytest.raises(InputError, match=r"outputs\.out"):
        check({"area": AREA}, {"out": output} if output != "$land" else {"out": "land"})


@pytest.mark.parametrize("node", [{}, {"operator": "area", "expression": "1"}, {"code": "x"}])
def test_a_node_does_one_thing(node):
    with pytest.raises(ValueError, match=r"之一|code"):
        Node.model_validate(node)


def test_order_is_by_need():
    nodes = {
        "c": Node(expression="a", unit="1", inputs={"a": "b.value"}),
        "b": Node(expression="a", unit="1", inputs={"a": "a.value"}),
        "a": Node(expression="1", unit="1"),
    }
    assert order(nodes, FILE) == ["a", "b", "c"]
