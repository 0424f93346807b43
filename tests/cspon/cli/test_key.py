"""`cspon key` and `cspon usage`: from a key to a bill."""

import json

import pytest

from cspon.cli import main


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("CSPON_HOME", str(tmp_path))
    return tmp_path


def run(capsys, *words):
    code = main.run(list(words))
    return code, capsys.readouterr()


def test_a_key_is_made_shown_once_listed_rotated_and_ended(capsys):
    code, shown = run(capsys, "key", "create", "--user", "审批系统", "--scope", "tools")
    assert code == 0
    secret = shown.out.strip()
    assert secret.startswith("cspon-")
    assert "只显示这一次" in shown.err

    (key,) = json.loads(run(capsys, "key", "list", "--json")[1].out)
    assert (key["user"], key["scopes"], key["clearance"]) == ("审批系统", ["tools"], "公开")
    assert secret not in json.dumps(key)

    made = json.loads(run(capsys, "key", "rotate", key["id"], "--json")[1].out)
    assert (made["replaces"], made["scopes"]) == (key["id"], ["tools"])
    assert made["secret"] != secret

    assert run(capsys, "key", "revoke", key["prefix"])[0] == 0
    table = run(capsys, "key", "list")[1].out
    assert "密钥已停用" in table.replace("\n", "") or "停用" in table
    code, problem = run(capsys, "key", "revoke", "nothing")
    assert (code, "没有密钥" in problem.err) == (2, True)


def test_an_unknown_scope_is_named(capsys):
    code, problem = run(capsys, "key", "create", "--user", "甲", "--scope", "everything")
    assert code == 2
    assert "everything" in problem.err


def test_use_before_anything_was_used(capsys):
    code, said = run(capsys, "usage")
    assert (code, "还没有用量记录" in said.err) == (0, True)
