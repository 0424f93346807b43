from pathlib import Path

import pytest

from cspon.errors import RetryTool
from tools.catalogue import load_tools


def test_the_compliance_tool_has_its_schema_from_its_signature():
    tool = load_tools()["check_compliance"]
    schema = tool.arguments.model_json_schema()
    assert schema["required"] == ["boundary", "layers"]
    assert schema["additionalProperties"] is False
    assert tool.title == "控制线合规性检查"
    assert "permanent_basic_farmland" in tool.needs
    assert tool.description.startswith("Check a construction project's boundary")


def test_wrong_arguments_can_be_mended_by_the_caller():
    tool = load_tools()["check_compliance"]
    with pytest.raises(RetryTool, match="boundary"):
        tool.run(layers=Path())
    with pytest.raises(RetryTool, match="colour"):
        tool.run(boundary=Path("a"), layers=Path(), colour="red")
