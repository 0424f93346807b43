import contextlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from cspon.errors import InputError
from tools.library.reading import MAX_BYTES, digest, read_entry, read_yaml


class Said(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: str
    number: int


def write(tmp_path, text, name="one.yaml"):
    file = tmp_path / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def test_an_entry(tmp_path):
    assert read_entry(write(tmp_path, "id: one\nnumber: 3\n"), Said).number == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id: one\n", "number：缺少必填字段"),
        ("id: one\nnumber: 1\ncolour: red\n", "colour：不认识的字段"),
        ("id: 1\nnumber: 1\n", "加引号"),
        ("id: one\nnumber: x\n", "应为整数"),
        ("id: two\nnumber: 1\n", "文件名 one"),
        ("id: one\nnumber: [1\n", "第 3 行：YAML 语法错误"),
        ("- 1\n", "字段: 值"),
        ("id: &a one\nnumber: *a\n", "别名"),
        ("id: one\nnumber: !!python/object/apply:os.system ['id']\n", "YAML"),
        (b"id: \xff\xfe\n", "UTF-8"),
        ("x: " + "[" * 30 + "]" * 30, "嵌套"),
        ("x: " + "a" * MAX_BYTES, "KB"),
    ],
)
def test_every_mistake_names_its_place(tmp_path, text, words):
    with pytest.raises(InputError, match=words) as caught:
        read_entry(write(tmp_path, text), Said)
    assert caught.value.file
    assert caught.value.mend


def test_aliases_that_would_explode_are_refused(tmp_path):
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"
    with pytest.raises(InputError, match=r"第 2 行.*别名"):
        read_yaml(write(tmp_path, bomb))


def test_line_ends_do_not_change_the_digest(tmp_path):
    one, two = write(tmp_path, "a: 1\nb: 2\n"), write(tmp_path, "a: 1\r\nb: 2\r\n", "two.yaml")
    assert digest(one) == digest(two)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=80) | st.text(alphabet="id: one\nnumber&*![]{}-'\"#|>%", max_size=80))
def test_any_text_is_an_entry_or_an_input_error(tmp_path, text):
    with contextlib.suppress(InputError):
        read_entry(write(tmp_path, text.encode("utf-8", "surrogatepass")), Said)
