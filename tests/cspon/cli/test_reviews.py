"""`cspon reviews` from handing in to the second round."""

import re

import pytest

from cspon.cli.main import run

TEXT = "# 第一章 总则\n到2035年，全县耕地保有量约8333公顷。\n由县国土资源局负责实施。\n"


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CSPON_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CSPON_USER", "张三")

    def call(*arguments, code=0):
        assert run(["reviews", *map(str, arguments)]) == code
        told = capsys.readouterr()
        return told.out if code == 0 else told.err

    return call


def test_from_handing_in_to_the_second_round(tmp_path, command, monkeypatch):
    text = tmp_path / "文本.md"
    text.write_text(TEXT, encoding="utf-8")
    first = command("begin", text).strip()
    assert re.fullmatch("rev-[0-9a-f]{16}", first)
    assert first in command("list")
    shown = command("show", first)
    identity = re.search(r"^(\w{16}) .*国土资源局", shown, re.M)[1]
    assert "理由" in command("decide", first, identity, "驳回", code=2)
    assert "采纳、修改、驳回" in command("decide", first, identity, "同意", code=2)
    command("decide", first, identity, "驳回", "--reason", "引用旧档案")
    assert "不采纳（引用旧档案）" in command("show", first)
    monkeypatch.setenv("CSPON_USER", "李四")
    assert first not in command("list")
    assert "没有审查" in command("show", first, code=2)
    monkeypatch.setenv("CSPON_USER", "张三")
    files = command("finish", first).split()
    assert [name.rpartition("/")[2] for name in files] == [
        "lessons.jsonl", "文本_审查.html", "文本_审查.json", "文本_审查意见表.docx", "文本_审查意见表.xlsx",
    ]  # fmt: skip
    command("resume", first)
    text.write_text(TEXT.replace("约", "不低于"), encoding="utf-8")
    second = command("begin", text, "--before", first).strip()
    told = command("rounds", second)
    assert "已改" in told
    assert "约8333公顷" in told
