"""A step of a job: one tool call in a process of its own, for the caller whose job it is.

The same checks, records and files as a direct call. A step whose process broke down begins again, a
few times; one that meets a limit waits until there is room.
"""

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from anyio import to_thread

from cspon.errors import CsponError, SetupError
from cspon.schemas.spatial import ToolResult
from serving.access.caller import LOCAL, LOCAL_KEY, Caller, current
from serving.budget.ledger import BudgetExceeded
from serving.budget.meter import ONE
from serving.budget.metered import matter_of, who_of
from serving.guards.calls import CallGuard
from serving.jobs.attempts import Attempts
from serving.jobs.schema import MOST_ATTEMPTS, Kept, StepOrder
from serving.principal import require_clearance, require_tool
from serving.problems import ApiError, as_api_error, log_unexpected
from serving.request_id import running
from serving.services import Services, threads
from serving.tool_calls import Call, prepare
from serving.tool_process import ProcessBroke, run_tool_process
from serving.tool_results import keep_files

log = logging.getLogger("cspon.serving")

MOST_S = 6 * 3600.0
"""Seconds that one step may take; longer than a direct call may."""
LONGEST_WAIT_S = 300.0
"""Seconds after which a step that waits for its budget asks again."""


class StoreAway(Exception):
    """The ledger, the audit or the disk cannot take a record: the step is run again later."""


def caller_of_job(services: Services, job: Kept) -> Caller:
    """Return the caller for whom a job runs, as their key stands now.

    Raises:
        ApiError: 403, the key ended meanwhile.
        SetupError: the keys cannot be read.
    """
    if job.key == LOCAL_KEY:
        if services.settings.auth == "local":
            return Caller(LOCAL.principal, None, job.case_number)
        why = "服务已改为一律需要密钥"
    else:
        key = services.keys.by_id(job.key)
        why = "密钥不存在" if key is None else key.refusal(datetime.now(UTC))
        if key is not None and not why:
            return Caller(key.principal, key, job.case_number)
    raise ApiError(403, f"提交任务的身份已失效：{why}", code="key_ended", kind="permission_error")


def check(services: Services, caller: Caller, step: StepOrder) -> str:
    """Check a step as a direct call would be; returns the title of its tool.

    Raises:
        CsponError: what a direct call would answer.
    """
    require_tool(caller, step.tool)
    with ExitStack() as stack:
        call = prepare(services, caller.principal, step.tool, step.arguments, stack, step.files)
        call.tool.check(**call.arguments)
    return call.tool.title


async def run_step(
    services: Services, number: str, job: Kept, index: int, folder: Path
) -> dict[str, Any]:
    """Run a step; what goes wrong with the call itself is its outcome.

    Args:
        services: The gateway's parts.
        number: Of the job.
        job: The job.
        index: Of the step.
        folder: Where the job's results are kept.

    Returns:
        `{"secrecy": …}` of the result in `<index>.json`, or `{"error": …}`.

    Raises:
        StoreAway: nothing was recorded; the step has to run again.
    """
    step, attempts = job.steps[index], Attempts(folder, index)
    try:
        caller = caller_of_job(services, job)
    except ApiError as error:
        return {"error": error.body}
    except SetupError as error:
        raise StoreAway(str(error)) from error
    current.set(caller)
    running.set(number)
    try:
        async with _counted(services, caller):
            return await _attempts(
                services, caller, number, step, attempts, folder / f"{index}.json"
            )
    except StoreAway:
        raise
    except CsponError as error:
        return {"error": as_api_error(error).body}
    except Exception as error:  # noqa: BLE001 - a bug of a tool is its own step's outcome
        log_unexpected(error)
        return {"error": as_api_error(error).body}


async def _attempts(
    services: Services, caller: Caller, number: str, step: StepOrder, attempts: Attempts, file: Path
) -> dict[str, Any]:
    """Run a step until its process does not break down, a few times at most."""
    while True:
        try:
            if await asyncio.to_thread(attempts.begin) > MOST_ATTEMPTS:
                return {"error": given_up(step)}
            return await _attempt(services, caller, number, step, file)
        except ProcessBroke as error:
            log.warning("step broke down", extra={"facts": {"job": number, "why": str(error)}})
        except (OSError, StoreAway) as error:
            await asyncio.to_thread(attempts.take_back)
            raise StoreAway(str(error)) from error


def given_up(step: StepOrder) -> dict[str, Any]:
    """Say that a step was given up."""
    return ApiError(
        500,
        f"工具 {step.tool} 的进程连续 {MOST_ATTEMPTS} 次意外中止，不再重试；"
        "请检查文件是否损坏、数据范围是否过大",
        code="step_given_up",
    ).body


@asynccontextmanager
async def _counted(services: Services, caller: Caller) -> AsyncIterator[None]:
    """Count the step as a request of its caller; wait where a limit leaves no room.

    Raises:
        BudgetExceeded: waiting does not help.
        StoreAway: the ledger is away.
    """
    while True:
        try:
            held = await services.ledger.reserve(
                who_of(caller), ONE, matter_of(caller, "/v1/jobs", running.get()), ttl_s=MOST_S
            )
            break
        except BudgetExceeded as error:
            if error.limit.of != "concurrency" and not error.headers:
                raise
            wait = float((error.headers or {}).get("retry-after", 1))
            await asyncio.sleep(min(max(wait, 1.0), LONGEST_WAIT_S))
        except SetupError as error:
            raise StoreAway(str(error)) from error
    try:
        yield
    finally:
        await services.ledger.settle(held, ONE)


async def _attempt(
    services: Services, caller: Caller, number: str, step: StepOrder, reply_file: Path
) -> dict[str, Any]:
    principal = caller.principal
    require_tool(caller, step.tool)
    with ExitStack() as stack:
        call = await to_thread.run_sync(
            prepare, services, principal, step.tool, step.arguments, stack, step.files,
            limiter=threads,
        )  # fmt: skip
        guard = CallGuard(services.guards, principal, number)
        await guard.take_in(step.arguments)
        found = await run_tool_process(call.tool.name, call.arguments, most_s=MOST_S)
        result = call.without_folders(found)
        require_clearance(principal, result)
        try:
            result = await guard.give_out(result)
            await asyncio.to_thread(
                services.audit.tool, result, principal=principal, request_id=number
            )
        except SetupError as error:
            raise StoreAway(str(error)) from error
        await to_thread.run_sync(
            partial(_keep, services, call, result, step, principal.user, reply_file),
            limiter=threads,
        )
    return {"secrecy": result.secrecy.value}


def _keep(
    services: Services, call: Call, result: ToolResult, step: StepOrder, owner: str, file: Path
) -> None:
    """Write the reply of a step; it is on disk before the step counts as done."""
    reply = result.model_dump(mode="json")
    if step.files:
        kept, notices = keep_files(
            services, result,
            title=call.tool.title, boundary=call.boundary, made=call.made, owner=owner,
        )  # fmt: skip
        reply |= {"files": kept, "warnings": [*reply["warnings"], *notices]}
    write_whole(file, json.dumps(reply, ensure_ascii=False).encode())


def write_whole(file: Path, content: bytes) -> None:
    """Write a file so that it is there whole, or not at all.

    Raises:
        OSError: the disk is full.
    """
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = file.with_suffix(".draft")
    with draft.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(file)
