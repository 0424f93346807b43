"""What callers are told of tools: in Chinese, every argument, and none that the server decides."""

import re

import pytest

from serving.tool_entries import DECIDED_HERE, all_entries, registered
from tools.described import _read, described

HAN = re.compile("[一-鿿]")
ENTRIES = {entry.name: entry for entry in all_entries().data}


@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_a_tool_says_in_chinese_what_it_decides_and_what_its_arguments_mean(name):
    entry = ENTRIES[name]
    assert len(HAN.findall(entry.description)) > 20
    assert "Args:" not in entry.description
    for key, parameter in entry.parameters["properties"].items():
        assert HAN.search(parameter.get("description", "")), key
    assert not set(DECIDED_HERE) & set(entry.parameters["properties"])


def test_no_word_is_for_a_tool_or_an_argument_that_is_not_there():
    tools = registered()
    assert set(_read().tools) == set(tools)
    everything = set()
    for name, tool in tools.items():
        arguments = set(tool.arguments.model_fields)
        everything |= arguments
        assert set(_read().tools[name].arguments) <= arguments - set(DECIDED_HERE), name
    assert set(_read().common) <= everything - set(DECIDED_HERE)
    assert described("no_such_tool") is None
