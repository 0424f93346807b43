import pytest

from cspon.errors import InputError
from llm.prompts import fill_prompt, load_prompt


@pytest.fixture
def prompt(tmp_path):
    def write(text: str):
        file = tmp_path / f"{len(list(tmp_path.iterdir()))}.md"
        file.write_text(text, encoding="utf-8")
        return file

    return write


def test_load_strips_and_keeps_json_braces(prompt):
    assert (
        load_prompt(prompt('\n# 任务\n输出 {"a": {"b": 1}\n}\n\n'))
        == '# 任务\n输出 {"a": {"b": 1}\n}'
    )


def test_fill(prompt):
    file = prompt("问题：{{question}}\n事实：{{ facts }}\n再说一遍：{{question}}")
    filled = fill_prompt(file, question="选址？", facts="{{question}}")
    assert filled == "问题：选址？\n事实：{{question}}\n再说一遍：选址？"


def test_places_and_values_must_match_both_ways(prompt):
    file = prompt("问题：{{question}}")
    with pytest.raises(InputError, match="没有给值：question"):
        fill_prompt(file)
    with pytest.raises(InputError, match="没有占位符：facts"):
        fill_prompt(file, question="?", facts="x")


@pytest.mark.parametrize("text", ["一\n二 {{Question}}", "一\n二 {{a-b}}", "{{ok}}\n{{"])
def test_a_faulty_place_is_found_with_its_line(prompt, text):
    with pytest.raises(InputError, match="第 2 行"):
        load_prompt(prompt(text))


def test_missing_and_empty_files(prompt, tmp_path):
    with pytest.raises(InputError, match="无法读取"):
        load_prompt(tmp_path / "none.md")
    with pytest.raises(InputError, match="空的"):
        load_prompt(prompt("\n"))
