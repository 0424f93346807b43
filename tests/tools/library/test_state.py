import json
import threading

import pytest

from cspon.errors import InputError, SetupError
from tools.library.place import placed
from tools.library.state import disabled, history, require_enabled, switch


def test_nothing_is_disabled_where_nobody_said_a_place():
    with placed(None):
        assert disabled("rule") == {}
        with pytest.raises(SetupError, match="存放位置"):
            switch("rule", "grassland", on=False, by="张工", reason="试")


def test_switching_leaves_a_line_of_who_when_and_why(at):
    switch("rule", "grassland", on=False, by="张工", reason=" 省厅新规 ")
    assert disabled("rule") == {"grassland": "省厅新规"}
    assert disabled("indicator") == {}
    switch("rule", "grassland", on=True, by="李工", reason="复核后恢复")
    assert disabled("rule") == {}
    lines = [json.loads(x) for x in (at.state / "history.jsonl").read_text().splitlines()]
    assert [(x["by"], x["action"], x["reason"]) for x in lines] == [
        ("张工", "停用", "省厅新规"),
        ("李工", "启用", "复核后恢复"),
    ]
    assert len(history("rule", "grassland")) == 2
    assert history("model") == []


def test_a_reason_is_needed(at):
    with pytest.raises(InputError, match="原因"):
        switch("rule", "grassland", on=False, by="张工", reason="  ")
    assert not (at.state / "history.jsonl").exists()


def test_two_writers_at_once_lose_nothing(at):
    def work(number):
        switch("rule", f"rule_{number}", on=False, by="x", reason="y")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(disabled("rule")) == 20
    assert len(history()) == 20


def test_a_broken_state_file_says_how_to_mend_it(at):
    at.state.mkdir()
    (at.state / "state.json").write_text("{")
    with pytest.raises(SetupError, match=r"history\.jsonl"):
        disabled("rule")


def test_what_is_switched_off_is_not_run(at):
    switch("operator", "buffer", on=False, by="x", reason="有误")
    with pytest.raises(InputError, match="已停用：有误"):
        require_enabled("operator", "buffer", "缓冲区")
    require_enabled("operator", "clip", "裁剪")
