"""The jobs of a gateway: submit, look, cancel, fetch; and the work that the queue asks for.

A job is its caller's alone: to others it does not exist. What it may see and use is decided anew at
each step, as the caller's key stands then.
"""

import asyncio
import hashlib
import json
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from cspon.errors import SetupError
from serving.access.caller import Caller
from serving.jobs import steps
from serving.jobs.results import result_of
from serving.jobs.schema import MOST_BYTES, PREFIX, Job, JobOrder, Kept, fingerprint
from serving.jobs.store import Store, TooMany
from serving.jobs.view import kept, shown, state_of
from serving.jobs.watch import Watch
from serving.jobs.work import JobWork
from serving.principal import require_clearance_of
from serving.problems import ApiError
from serving.services import Services

NUMBER = re.compile(rf"{PREFIX}[0-9a-f]{{32}}")
MOST_UNDER_WAY = 200
"""Jobs of one caller that wait or run."""


class Jobs:
    """The jobs of a gateway.

    Args:
        services: The gateway's parts.
        store: The queue.
        folder: Of results; a folder a job.
        work: What runs the steps.
        at_once: Jobs that run at once.
    """

    def __init__(
        self, services: Services, store: Store, folder: Path, work: JobWork, *, at_once: int
    ) -> None:
        self._services, self._store, self._folder = services, store, folder
        self._watch = Watch(services, store, folder, work, at_once=at_once)

    async def start(self) -> None:
        """Go on with the jobs that were under way, now and whenever nobody else does."""
        self._watch.start()

    async def close(self) -> None:
        """Stop; jobs that run go on from their last finished step when a gateway starts again."""
        await self._watch.close()
        await asyncio.to_thread(self._store.close)

    async def submit(
        self, caller: Caller, order: JobOrder, *, request_id: str, again: str | None
    ) -> tuple[Job, bool]:
        """Take a job.

        Args:
            caller: Who sends it.
            order: What shall be done.
            request_id: Of the request.
            again: The `Idempotency-Key`: what is sent twice with it is done once.

        Returns:
            The job, and whether this request made it.

        Raises:
            CsponError: what a direct call with these arguments would answer.
            ApiError: 409, the same key with another order; 429, too many jobs under way.
            SetupError: the store or the audit is away; nothing was taken.
        """
        calls = order.calls()
        if len(order.model_dump_json()) > MOST_BYTES:
            raise ApiError(
                413,
                f"任务的参数合计超过 {MOST_BYTES >> 20} MB，较大的边界请先上传到 /v1/files",
                code="too_large",
            )
        job = Kept(
            title=order.title,
            steps=calls,
            key=caller.key_id,
            case_number=caller.case_number,
            request_id=request_id,
            fingerprint=fingerprint(["job", order.model_dump(mode="json")]),
            nonce=secrets.token_hex(8),
        )
        number = self.number(caller, again)
        if again and (known := await self._known(number, job)):
            return known, False
        titles = [
            await asyncio.to_thread(steps.check, self._services, caller, step) for step in calls
        ]
        title = job.title or (titles[0] if len(titles) == 1 else f"{titles[0]}等 {len(titles)} 步")
        named = job.model_copy(update={"title": title, "titles": tuple(titles)})
        return await self.put(caller, number, named)

    async def submit_files(
        self,
        caller: Caller,
        job: Kept,
        take: Callable[[Path, Kept], None],
        *,
        again: str | None,
    ) -> tuple[Job, bool]:
        """Take a job that works on files, whose order was checked; as `submit`.

        Args:
            caller: Who sends it.
            job: What shall be done.
            take: Puts the files into the folder of the job.
            again: The `Idempotency-Key`.
        """
        number = self.number(caller, again)
        if again and (known := await self._known(number, job)):
            return known, False
        await asyncio.to_thread(take, self._folder / number, job)
        return await self.put(caller, number, job)

    async def put(self, caller: Caller, number: str, job: Kept) -> tuple[Job, bool]:
        """Put a checked job in the line; as `submit`."""
        await asyncio.to_thread(
            self._services.audit.job, "submit", number, principal=caller.principal,
            request_id=job.request_id, tools=[s.tool for s in job.steps],
            order=f"sha256:{job.fingerprint}",
        )  # fmt: skip
        try:
            status = await asyncio.to_thread(
                self._store.submit, number, owner_of(caller), job, most=MOST_UNDER_WAY
            )
        except TooMany as error:
            raise ApiError(
                429,
                f"您已有 {error.held} 个任务未完成，请等待完成或取消后再提交",
                code="too_many_jobs",
                kind="rate_limit_error",
            ) from None
        await self._watch.run_here()
        stored = kept(status.input)
        return await self._told(status, again=job), stored.nonce == job.nonce

    async def get(self, caller: Caller, number: str, kind: str | None = None) -> Job:
        """Return a caller's job.

        Raises:
            ApiError: 404: no such job, expired, or another's: which one is not told.
            SetupError: the store is away.
        """
        if not NUMBER.fullmatch(number):
            raise not_found()
        status = await asyncio.to_thread(self._store.find, number)
        if status is None or status.authenticated_user != owner_of(caller):
            raise not_found()
        if kind is not None and kept(status.input).kind != kind:
            raise not_found()
        return await self._told(status)

    async def order_of(self, number: str) -> Kept:
        """Return what the queue keeps of a job that `get` returned."""
        status = await asyncio.to_thread(self._store.find, number)
        if status is None:
            raise not_found()
        return kept(status.input)

    async def of_caller(self, caller: Caller, limit: int) -> list[Job]:
        """Return a caller's jobs, the newest first."""
        found = await asyncio.to_thread(self._store.of_owner, owner_of(caller), limit)
        return [await self._told(status) for status in found]

    async def cancel(self, caller: Caller, number: str, *, request_id: str) -> Job:
        """Stop a job, or take it out of the line; one that has ended stays as it is.

        Raises:
            ApiError: 404, as `get`.
        """
        job = await self.get(caller, number)
        if job.ended:
            return job
        await asyncio.to_thread(
            self._services.audit.job, "cancel", number,
            principal=caller.principal, request_id=request_id,
        )  # fmt: skip
        await asyncio.to_thread(self._store.cancel, number)
        return await self.get(caller, number)

    async def result(self, caller: Caller, number: str) -> dict[str, Any]:
        """Return the result of one call, the list of those of several, or the report of an ingest.

        Raises:
            ApiError: 404, as `get`; 409, it has not ended; 403, above what the caller may see by
                now; or the error of the call.
        """
        job = await self.get(caller, number)
        if not job.ended:
            raise ApiError(409, f"任务尚未完成（{job.text}）", code="job_not_done")
        if job.output is not None:
            return {"object": "batch.result", **job.output}
        if job.state == "cancelled":
            raise ApiError(409, "任务已取消", code="job_cancelled")
        events = await asyncio.to_thread(self._store.progress, number)
        for event in events:
            if event.secrecy is not None:
                require_clearance_of(caller.principal, event.secrecy)
        return await asyncio.to_thread(result_of, self._folder / number, job)

    async def events(self, number: str, offset: int) -> list[Any]:
        """Return the events of a job from one on."""
        return list(await asyncio.to_thread(self._store.progress, number, offset))

    async def _told(self, status: Any, again: Kept | None = None) -> Job:
        job = kept(status.input)
        if again is not None and job.fingerprint != again.fingerprint:
            raise reused()
        events = await asyncio.to_thread(self._store.progress, status.workflow_id)
        position = None
        if state_of(status) == "queued":
            line = await asyncio.to_thread(self._store.waiting)
            numbers = [w.workflow_id for w in line]
            position = numbers.index(status.workflow_id) if status.workflow_id in numbers else None
        return shown(status, job, events, position)

    async def _known(self, number: str, job: Kept) -> Job | None:
        status = await asyncio.to_thread(self._store.find, number)
        return None if status is None else await self._told(status, again=job)

    def number(self, caller: Caller, again: str | None) -> str:
        """Return the id of a new job; the same for the same caller and `Idempotency-Key`."""
        if not again:
            return PREFIX + secrets.token_hex(16)
        said = json.dumps([owner_of(caller), again]).encode()
        return PREFIX + hashlib.sha256(said).hexdigest()[:32]


def open_jobs(services: Services, inside: ASGIApp) -> Jobs:
    """Return the jobs of a gateway; nothing is opened before there are any.

    Args:
        services: The gateway's parts.
        inside: The application behind the gate.
    """
    settings = services.settings
    store = Store(settings.jobs_db, _service(settings.jobs))
    work = JobWork(services, settings.jobs_dir, inside)
    return Jobs(services, store, settings.jobs_dir, work, at_once=settings.jobs_at_once)


def _service(name: str) -> str | None:
    if name == "sqlite":
        return None
    kind, _, service = name.partition(":")
    if kind != "postgres" or not service:
        raise SetupError(
            f"不认识的任务库 {name!r}",
            mend="CSPON_JOBS 写 sqlite 或 postgres:服务名（服务名见 pg_service.conf）",
        )
    return service


def owner_of(caller: Caller) -> str:
    """Return whose a job is: of a person at this machine, or of a user of a unit."""
    kind = "local" if caller.key is None else "key"
    return json.dumps([kind, caller.tenant, caller.principal.user], ensure_ascii=False)


def not_found() -> ApiError:
    """Say that there is no such job, whatever the reason."""
    return ApiError(404, "没有这个任务，可能已过期", code="job_not_found", param="job_id")


def reused() -> ApiError:
    """Say that an `Idempotency-Key` came with another order."""
    return ApiError(
        409,
        "这个 Idempotency-Key 已用于另一份内容不同的请求，请换一个",
        code="idempotency_key_reused",
        param="Idempotency-Key",
    )
