"""Files on their way into the base as a durable job: one step reads each file, the last takes them in.

What a file gave is kept on disk, so a step that ended is not repeated; the base changes in the last step,
as a whole or not at all. Who handed the files in must still have the right to at each step.
"""

import asyncio
import hashlib
import json
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cspon.errors import CsponError, SetupError
from cspon.schemas.knowledge import Document
from knowledge_base.ingest.read_ahead import read_ahead
from serving.access.caller import Caller, current
from serving.jobs.attempts import Attempts
from serving.jobs.schema import MOST_ATTEMPTS, Kept, Taken, fingerprint
from serving.jobs.steps import StoreAway, caller_of_job, write_whole
from serving.kb_access import require_editor, require_reach
from serving.kb_ingest import Batch, Stopped
from serving.kb_taking import taking_in, when_ended
from serving.principal import require_scope
from serving.problems import ApiError, as_api_error, log_unexpected
from serving.request_id import running
from serving.services import Services

REPORT = "report.json"
RECEIVED = "received-"
"""Begins the name of a folder of files that are no job's yet."""


def titles(order: Taken) -> tuple[str, ...]:
    """Return the titles of the steps."""
    return (*(f"读取 {Path(name).name}" for name in order.files), "写入知识库")


def kept(caller: Caller, order: Taken, request_id: str) -> Kept:
    """Return what the queue keeps of files whose way in was checked.

    Args:
        caller: Who hands them in.
        order: The files, and for whom they are.
        request_id: Of the request.
    """
    first = Path(order.files[0]).name
    more = f"等 {len(order.files)} 个文件" if len(order.files) > 1 else ""
    return Kept(
        kind="ingest", title=f"入库：{first}{more}", titles=titles(order), ingest=order,
        key=caller.key_id, case_number=caller.case_number, request_id=request_id,
        fingerprint=fingerprint(["ingest", order.model_dump(mode="json")]), nonce=secrets.token_hex(8),
    )  # fmt: skip


def hashes_of(folder: Path, paths: list[Path]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of files below a folder, and their hashes."""
    names = tuple(str(path.relative_to(folder)) for path in paths)
    marks = []
    for path in paths:
        with path.open("rb") as file:
            marks.append(hashlib.file_digest(file, "sha256").hexdigest())
    return names, tuple(marks)


def files_of(folder: Path, job: Kept) -> Path:
    """Return where the files of a job lie: they live as long as the job."""
    return folder / f"files-{job.nonce}"


def take_over(received: Path, folder: Path, job: Kept) -> None:
    """Move received files into the folder of their job.

    Raises:
        SetupError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        received.replace(files_of(folder, job))
    except OSError as error:
        raise SetupError("数据目录写不了，请求未受理", mend="检查磁盘空间") from error


async def run_part(
    services: Services, number: str, job: Kept, index: int, folder: Path
) -> dict[str, Any]:
    """Read one file, or take all of them in.

    Returns:
        `{"secrecy": …}` of the files, or `{"error": …}`.

    Raises:
        StoreAway: nothing was done; the step has to run again.
    """
    assert job.ingest is not None
    try:
        caller = caller_of_job(services, job)
        require_scope(caller, "kb.write")
        require_editor(caller.principal)
        require_reach(caller.principal, Document(id="", title="", **_restriction(job.ingest)))
    except ApiError as error:
        return {"error": error.body}
    except SetupError as error:
        raise StoreAway(str(error)) from error
    current.set(caller)
    running.set(number)
    attempts = Attempts(folder, index)
    try:
        if await asyncio.to_thread(attempts.begin) > MOST_ATTEMPTS:
            why = "这一步连续使服务中止，不再重试；请检查文件是否损坏"
            return {"error": ApiError(500, why, code="step_given_up").body}
        async with services.ingests.turn:
            if index < len(job.ingest.files):
                await _stoppable(lambda tell: _read(services, job, index, folder, tell))
            else:
                await _take_in(services, caller, number, job, folder)
    except SetupError as error:  # another process writes, or the disk is full: later
        await asyncio.to_thread(attempts.take_back)
        raise StoreAway(str(error)) from error
    except CsponError as error:
        return {"error": as_api_error(error).body}
    except Exception as error:  # noqa: BLE001 - a bug is the step's own outcome
        log_unexpected(error)
        return {"error": as_api_error(error).body}
    return {"secrecy": job.ingest.secrecy.value}


def _read(
    services: Services, job: Kept, index: int, folder: Path, tell: Callable[[str], None]
) -> None:
    assert job.ingest is not None
    path = files_of(folder, job) / job.ingest.files[index]
    read_ahead(
        services.settings.kb_dir, [path], progress=tell, ocr=job.ingest.ocr,
        **_restriction(job.ingest),
    )  # fmt: skip


async def _take_in(
    services: Services, caller: Caller, number: str, job: Kept, folder: Path
) -> None:
    order, embedder = job.ingest, services.embedder
    assert order is not None
    if (folder / REPORT).exists():
        return  # the process ended before the step counted as done
    if embedder is None:
        raise ApiError(503, services.missing.get("store", "向量模型不可用"), code="not_ready")
    place = files_of(folder, job)
    paths = [place / name for name in order.files]
    batch = Batch(number, caller.principal.user, place, paths, datetime.now(UTC), total=len(paths))
    work = taking_in(
        services, embedder, caller.principal, job.request_id, order.ocr, _restriction(order)
    )
    batch.started = time.monotonic()
    batch.report = await _stoppable(lambda tell: work(paths, tell))
    batch.state, batch.step, batch.done = "done", "完成", len(paths)
    batch.seconds, batch.finished_at = time.monotonic() - batch.started, datetime.now(UTC)
    said = batch.shown()
    await asyncio.to_thread(when_ended(services, caller.principal, job.request_id), said)
    content = json.dumps(said.model_dump(mode="json"), ensure_ascii=False).encode()
    await asyncio.to_thread(write_whole, folder / REPORT, content)
    await asyncio.to_thread(shutil.rmtree, place, True)


async def _stoppable(work: Callable[[Callable[[str], None]], Any]) -> Any:
    """Run work in a thread; where it is cancelled, it stops at its next line of progress."""
    stop = threading.Event()

    def tell(_text: str) -> None:
        if stop.is_set():
            raise Stopped

    task = asyncio.ensure_future(asyncio.to_thread(work, tell))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait({task})
        error = task.exception()
        if isinstance(error, Exception) and not isinstance(error, Stopped):
            log_unexpected(error)
        raise


def report_of(folder: Path) -> dict[str, Any] | None:
    """Return the report of a job that has ended; None where there is none."""
    file = folder / REPORT
    if not file.is_file():
        return None
    report: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return report


def _restriction(order: Taken) -> dict[str, Any]:
    return {"secrecy": order.secrecy, "department": order.department, "roles": order.roles}
