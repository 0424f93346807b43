"""The tool as agents and the gateway see it."""

import pytest

from cspon.errors import InputError
from serving.tool_entries import entry_of
from tools.catalogue import load_tools
from tools.dual_evaluation.config import DualConfig, parse_config, read_config


def test_it_is_in_the_catalogue_and_callable_over_http():
    entry = entry_of("dual_evaluation")
    assert entry.available
    assert set(entry.parameters["properties"]) == {
        "parts", "scheme", "config", "place", "factors", "scenarios", "sensitivity",
    }  # fmt: skip


def test_one_call_evaluates_and_explains(steady_county):
    result = load_tools()["dual_evaluation"].run(
        layers=steady_county.folder, parts=("urban",), place="东镇"
    )
    part = result.data["parts"][0]
    assert part["status"] == "不完整" and "水资源" in part["missing"]
    assert sum(part["areas_ha"].values()) + part["unknown_ha"] == pytest.approx(100)
    assert "东镇" in result.data["explanations"][0]["text"]
    assert result.provenance.inputs["DEM"].startswith("sha256:")
    assert result.synthetic
    assert any("核定" in text for text in result.warnings)


def test_an_inline_configuration_may_not_leave_the_layers(steady_county):
    config = DualConfig.model_validate(
        {"inputs": {"soil_silt": {"kind": "raster", "file": "/etc/hostname"}}}
    )
    with pytest.raises(InputError, match="图层目录之内"):
        load_tools()["dual_evaluation"].run(layers=steady_county.folder, config=config)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"inputs": {"slop": {"kind": "raster", "file": "a.tif"}}}, "没有名为 slop 的因子"),
        ({"absent": {"coast": "x"}}, "没有名为 coast"),
        ({"inputs": {"slope": {"kind": "constant", "value": 1, "why": "x"}}, "absent": {"slope": "x"}}, "又声明为没有"),
        ({"inputs": {"slope": {"kind": "constant", "value": 1}}}, "配置有误"),
        ({"sheme": "2020"}, "配置有误"),
        ({"parts": ["sea"]}, "配置有误"),
    ],
)  # fmt: skip
def test_a_wrong_configuration_is_named(raw, words):
    with pytest.raises(InputError, match=words):
        parse_config(raw)


def test_a_broken_file_is_named_with_its_line(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("scheme: '2020'\n  parts: [\n", "utf-8")
    with pytest.raises(InputError, match="第 2 行"):
        read_config(file)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError):
        read_config(file)


def test_carrying_scale_alone_evaluates_what_it_needs(steady_county):
    result = load_tools()["dual_evaluation"].run(layers=steady_county.folder, parts=("carrying",))
    assert result.data["parts"] == []
    assert all(row["land_ha"] is not None for row in result.data["carrying"])
    assert "承载规模" in result.data["headline"]
