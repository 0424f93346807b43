"""A batch: a file of requests, one a line, each answered as if its caller had sent it.

A line is `{"custom_id": …, "method": "POST", "url": …, "body": {…}}`, as OpenAI's batches have it. The
answers are appended to a file as they come, so a line that was answered is not sent again after a
crash. A line that meets a limit of use waits; one whose engine is away is tried again.
"""

import asyncio
import json
import random
import secrets
import shutil
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from cspon.errors import InputError, SetupError
from cspon.schemas.base import Secrecy
from serving.access.caller import Caller, current
from serving.access.scopes import rule_for
from serving.jobs.attempts import Attempts
from serving.jobs.inside import post
from serving.jobs.schema import MOST_ATTEMPTS, Batch, Kept, fingerprint
from serving.jobs.steps import StoreAway, caller_of_job
from serving.principal import require_scope
from serving.problems import ApiError
from serving.services import Services
from serving.tool_results import results_of

ENDPOINTS = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/rerank")
TOOLS = "/v1/tools/"
MOST_LINES = 10_000
LINES_A_STEP = 50
AT_ONCE = 4
"""Lines of one batch that are under way at once."""
TRIES = 3
PAUSE_S = 2.0
LONGEST_WAIT_S = 300.0
AWAY = (429, 502, 503, 504)


def check_endpoint(caller: Caller, endpoint: str) -> None:
    """See that a batch may go to an endpoint.

    Raises:
        ApiError: 400, none that takes batches; 403, the key does not open it.
    """
    tool = endpoint.removeprefix(TOOLS) if endpoint.startswith(TOOLS) else ""
    if endpoint not in ENDPOINTS and not tool.replace("_", "").isalnum():
        raise ApiError(
            400,
            f"批量请求不支持 {endpoint[:80]}；可用：{'、'.join(ENDPOINTS)}、{TOOLS}工具名",
            param="endpoint",
            code="invalid_value",
        )
    rule = rule_for("POST", endpoint)
    scope = rule.scope if rule is not None else None
    require_scope(caller, scope or "")


def check_lines(file: Path, endpoint: str, name: str) -> int:
    """See that every line is a request for the endpoint; returns how many there are.

    Raises:
        InputError: names the line and the mend.
    """
    known: set[str] = set()
    with file.open("rb") as lines:
        for row, line in enumerate(lines, 1):
            if row > MOST_LINES:
                raise InputError(f"超过 {MOST_LINES:,} 行", file=name, mend="分成几个文件提交")
            wrong = _wrong(line, endpoint, known)
            if wrong:
                raise InputError(
                    wrong, file=name, row=row,
                    mend=f'每行为 {{"custom_id": "…", "method": "POST", "url": "{endpoint}", "body": {{…}}}}',
                )  # fmt: skip
    if not known:
        raise InputError("文件是空的", file=name, mend="每行写一个请求")
    return len(known)


def _wrong(line: bytes, endpoint: str, known: set[str]) -> str:
    try:
        said = json.loads(line)
    except ValueError:
        return "不是有效的 JSON"
    if not isinstance(said, dict) or not isinstance(said.get("body"), dict):
        return "缺少 body"
    number = said.get("custom_id")
    if not isinstance(number, str) or not 0 < len(number) <= 200:
        return "custom_id 应为 1 至 200 个字符"
    if number in known:
        return f"custom_id 重复：{number}"
    known.add(number)
    if said.get("method") != "POST" or said.get("url") != endpoint:
        return f"method 应为 POST，url 应与 endpoint（{endpoint}）相同"
    return "批量请求不能用流式（stream）" if said["body"].get("stream") else ""


def titles(lines: int) -> tuple[str, ...]:
    """Return the titles of the steps of a batch."""
    starts = range(0, lines, LINES_A_STEP)
    return tuple(f"第 {s + 1}–{min(s + LINES_A_STEP, lines)} 条" for s in starts)


def kept(caller: Caller, order: Batch, name: str, request_id: str) -> Kept:
    """Return what the queue keeps of a batch whose lines were checked.

    Args:
        caller: Who sends it.
        order: What shall be done.
        name: Of the file.
        request_id: Of the request.
    """
    return Kept(
        kind="batch", title=f"批量请求 {name}（{order.lines} 条）", titles=titles(order.lines), batch=order,
        key=caller.key_id, case_number=caller.case_number, request_id=request_id,
        fingerprint=fingerprint(["batch", order.model_dump(mode="json")]), nonce=secrets.token_hex(8),
    )  # fmt: skip


def input_of(folder: Path, job: Kept) -> Path:
    """Return the copy of a batch's requests that lives as long as the job."""
    return folder / f"input-{job.nonce}.jsonl"


def take_copy(sent: Path, folder: Path, job: Kept) -> None:
    """Copy the requests, so that they live as long as the job.

    Raises:
        SetupError: the disk is full.
    """
    target = input_of(folder, job)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copyfile(sent, target)
    except OSError as error:
        target.unlink(missing_ok=True)
        raise SetupError("数据目录写不了，请求未受理", mend="检查磁盘空间") from error


async def run_chunk(
    services: Services, inside: ASGIApp, number: str, job: Kept, index: int, folder: Path
) -> dict[str, Any]:
    """Answer the lines of one step that have no answer yet.

    Returns:
        `{"counts": …}` of the whole batch up to here, or `{"error": …}`.

    Raises:
        StoreAway: an answer could not be written; the step has to run again.
    """
    assert job.batch is not None
    try:
        caller = caller_of_job(services, job)
        check_endpoint(caller, job.batch.endpoint)
    except ApiError as error:
        return {"error": error.body}
    except SetupError as error:
        raise StoreAway(str(error)) from error
    current.set(caller)
    try:
        if await asyncio.to_thread(Attempts(folder, index).begin) > MOST_ATTEMPTS:
            body = ApiError(500, "这些请求连续使服务中止，不再重试", code="step_given_up").body
            return {"error": body}
        lines = await asyncio.to_thread(_lines, input_of(folder, job), index)
        answered = await asyncio.to_thread(answers, folder / "answers.jsonl")
        left = [line for line in lines if line["custom_id"] not in answered]
        places = asyncio.Semaphore(AT_ONCE)

        async def one(line: dict[str, Any]) -> None:
            async with places:
                said = await _answer(inside, caller, number, line)
                text = json.dumps(said, ensure_ascii=False) + "\n"
                await asyncio.to_thread(_append, folder / "answers.jsonl", text.encode())

        async with asyncio.TaskGroup() as group:
            for line in left:
                group.create_task(one(line))
        found = await asyncio.to_thread(answers, folder / "answers.jsonl")
    except* OSError as errors:
        Attempts(folder, index).take_back()
        raise StoreAway(str(errors.exceptions[0])) from errors
    return {"counts": counts(found)}


async def _answer(
    inside: ASGIApp, caller: Caller, number: str, line: dict[str, Any]
) -> dict[str, Any]:
    """Return the line of the output for a line of the input."""
    tries = 0
    while True:
        status, headers, body = await post(inside, caller, number, line["url"], line["body"])
        code = (body.get("error") or {}).get("code") if isinstance(body, dict) else None
        wait = float(headers.get("retry-after", 0))
        if status == 429 and wait:
            await asyncio.sleep(min(wait, LONGEST_WAIT_S))  # a limit of use: there will be room
            continue
        tries += 1
        if status not in AWAY or code == "budget_exceeded" or tries >= TRIES:
            break
        apart = random.uniform(0.5, 1.5)  # noqa: S311 - or a line that kills its engine takes others along
        await asyncio.sleep(PAUSE_S * tries * apart)
    response = {"status_code": status, "request_id": headers.get("x-request-id", number)}
    return {
        "id": f"{number}-{line['custom_id']}",
        "custom_id": line["custom_id"],
        "response": {**response, "body": body},
        "error": None,
    }


def _lines(file: Path, index: int) -> list[dict[str, Any]]:
    start = index * LINES_A_STEP
    with file.open("rb") as lines:
        return [
            json.loads(line)
            for row, line in enumerate(lines)
            if start <= row < start + LINES_A_STEP
        ]


def _append(file: Path, line: bytes) -> None:
    with file.open("ab", buffering=0) as out:
        before = out.tell()
        if out.write(line) != len(line):
            out.truncate(before)
            raise OSError(28, "磁盘已满")


def answers(file: Path) -> dict[str, dict[str, Any]]:
    """Return the answers so far by `custom_id`; a line that a crash tore is left out."""
    found: dict[str, dict[str, Any]] = {}
    for line in file.read_bytes().splitlines() if file.exists() else ():
        try:
            said = json.loads(line)
        except ValueError:
            continue
        found[said["custom_id"]] = said
    return found


def counts(found: dict[str, dict[str, Any]]) -> dict[str, int]:
    """Count answers by success."""
    well = sum(said["response"]["status_code"] < 400 for said in found.values())
    return {"completed": well, "failed": len(found) - well}


def hand_over(services: Services, number: str, job: Kept, folder: Path) -> dict[str, Any]:
    """Make the files for download: answers in the order of the requests, and those that failed.

    Returns:
        `output_file_id` and `error_file_id`, each where it has lines.
    """
    try:
        caller = caller_of_job(services, job)
    except ApiError:
        return {}
    found = answers(folder / "answers.jsonl")
    parts: dict[str, list[str]] = {"output": [], "error": []}
    with input_of(folder, job).open("rb") as lines:
        for line in lines:
            said = found.get(json.loads(line)["custom_id"])
            if said is not None:
                well = said["response"]["status_code"] < 400
                parts["output" if well else "error"].append(json.dumps(said, ensure_ascii=False))
    made: dict[str, Any] = {}
    for part, texts in parts.items():
        if texts:
            draft = folder / f"{number}_{part}.jsonl"
            draft.write_text("\n".join(texts) + "\n", encoding="utf-8")
            level: Secrecy = caller.principal.clearance
            kept = results_of(services).keep(draft, job.title, caller.principal.user, level)
            made[f"{part}_file_id"] = kept.id
    return made
