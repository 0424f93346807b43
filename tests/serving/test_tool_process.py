"""Tools in a process of their own: the same result, the same errors, and an end."""

import asyncio
import os
import time

import pytest

from cspon.errors import InputError, SetupError, ToolFailed
from serving import tool_process
from serving.problems import ApiError
from serving.request_id import running
from serving.tool_process import as_error, run_tool_process, tell
from tools.catalogue import load_tools


def without_time(result):
    said = result.model_dump(mode="json")
    del said["provenance"]["elapsed_ms"]
    return said


def test_the_result_is_that_of_the_function(county):
    arguments = {"before": county.folder, "after": county.folder, "role": "land_use"}
    here = load_tools()["compare_plan_versions"].run(**arguments)
    there = asyncio.run(run_tool_process("compare_plan_versions", arguments))
    assert without_time(there) == without_time(here)


def test_errors_come_over_with_their_place():
    told = InputError("坏了", file="a.gpkg", layer="DLTB", row=3, field="MJ", mend="改")
    again = as_error(tell(told))
    assert type(again) is InputError
    assert (str(again), again.layer, again.row, again.field) == (str(told), "DLTB", 3, "MJ")
    assert str(as_error(tell(SetupError("缺", mend="装")))) == str(SetupError("缺", mend="装"))
    assert isinstance(as_error(tell(ToolFailed("x"))), ToolFailed)


def test_a_missing_database_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="找不到"):
        asyncio.run(run_tool_process("check_plan_database", {"database": tmp_path / "无.gpkg"}))


def test_a_process_that_breaks_down_is_told():
    with pytest.raises(ToolFailed, match="意外中止"):
        asyncio.run(run_tool_process("no_such_tool", {}))


def test_it_ends_with_its_time_and_with_its_caller(county, monkeypatch):
    started = []
    make = asyncio.create_subprocess_exec

    async def noted(*args, **more):
        started.append(await make(*args, **more))
        return started[-1]

    monkeypatch.setattr(tool_process.asyncio, "create_subprocess_exec", noted)
    arguments = {"before": county.folder, "after": county.folder}
    with pytest.raises(ApiError) as error:
        asyncio.run(run_tool_process("compare_plan_versions", arguments, most_s=0.2))
    assert error.value.status == 504

    async def leave():
        task = asyncio.create_task(run_tool_process("compare_plan_versions", arguments))
        while len(started) < 2:
            await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    began = time.perf_counter()
    asyncio.run(leave())
    assert time.perf_counter() - began < 5
    for process in started:
        with pytest.raises(ProcessLookupError):
            os.kill(process.pid, 0)


def test_what_a_process_said_is_logged_under_the_id_of_its_request(tmp_path, caplog, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\nprint('for', os.environ.get('CSPON_REQUEST_ID'), file=sys.stderr)\n"
        "if os.environ.get('BREAK'): os._exit(9)\n"
    )
    arguments = {"database": tmp_path / "无.gpkg"}

    async def run():
        running.set("req-of-a-caller")
        await run_tool_process("check_plan_database", arguments)

    with caplog.at_level("INFO", "cspon.serving"), pytest.raises(InputError, match="找不到"):
        asyncio.run(run())
    assert "for req-of-a-caller" in caplog.records[-1].facts["said"]
    monkeypatch.setenv("BREAK", "1")
    with pytest.raises(ToolFailed, match="意外中止"):
        asyncio.run(run())
    assert caplog.records[-1].levelname == "ERROR"
    assert caplog.records[-1].facts["code"] == 9
