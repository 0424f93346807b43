"""Batches of uploaded files on their way into the base: one at a time, in a thread, whoever waits.

A batch belongs to the gateway, not to the request that brought it: a client that leaves stops
nothing. The base itself is always whole, because a change is published only when complete; a batch
that was under way when the gateway stopped has to be sent again.
"""

import asyncio
import re
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from anyio import CapacityLimiter, to_thread

from cspon.errors import CsponError, InputError, SetupError
from knowledge_base.ingest.build_report import BuildReport, Failure
from serving.kb_schema import Ingest, IngestFailure, IngestStanding
from serving.problems import ApiError, log_unexpected, public

MAX_WAITING = 3
"""Batches that may wait for their turn."""

KEPT = 50
"""Ended batches whose report can still be asked for."""

_COUNT = re.compile(r"(\d+)\s*/\s*(\d+)")
_RATE = re.compile(r"\d[\d.]*\s*[^\s，。/]{1,4}/秒|约剩\s*\d+\s*秒")

Tell = Callable[[str], None]
Work = Callable[[Sequence[Path], Tell], BuildReport]
"""Takes files in; `Tell` raises `Stopped` when the batch shall end."""


class Stopped(Exception):
    """The batch was cancelled between two steps."""


@dataclass
class Batch:
    """A batch under way; written by its thread, read by requests."""

    id: str
    user: str
    folder: Path
    paths: list[Path]
    created_at: datetime
    state: IngestStanding = "queued"
    step: str = "等待前一批完成"
    done: int = 0
    total: int = 0
    rate: str = ""
    started: float = 0.0
    finished_at: datetime | None = None
    seconds: float = 0.0
    report: BuildReport | None = None
    error: str = ""
    mend: str = ""
    stop: threading.Event = field(default_factory=threading.Event)

    def tell(self, text: str) -> None:
        """Take a line of progress.

        Raises:
            Stopped: the batch was cancelled.
        """
        if self.stop.is_set():
            raise Stopped
        if count := _COUNT.search(text):
            self.done, self.total = int(count[1]), int(count[2])
        self.rate = "，".join(_RATE.findall(text))
        self.step = self.plain(text)

    def shown(self) -> Ingest:
        """Return what a caller may see."""
        report = self.report
        return Ingest(
            id=self.id,
            state=self.state,
            files=tuple(path.name for path in self.paths),
            step=self.step,
            done=self.done,
            total=self.total,
            rate=self.rate,
            created_at=self.created_at,
            finished_at=self.finished_at,
            seconds=round(self.seconds or (time.monotonic() - self.started), 1)
            if self.started
            else 0.0,
            added=report.added if report else (),
            changed=report.changed if report else (),
            unchanged=report.unchanged if report else (),
            passages=report.read_passages if report else 0,
            failures=tuple(map(self._failure, report.failures)) if report else (),
            notices=tuple(self.plain(notice) for notice in report.notices) if report else (),
            error=self.error,
            mend=self.mend,
        )

    def _failure(self, failure: Failure) -> IngestFailure:
        return IngestFailure(
            file=self.plain(failure.path),
            message=self.plain(failure.reason or failure.message),
            mend=self.plain(failure.mend),
        )

    def plain(self, text: str) -> str:
        """Take this machine's folders out of a text."""
        return public(re.sub(rf"{re.escape(str(self.folder))}/(?:\d+/)?", "", text))


class Ingests:
    """The batches of this gateway.

    Args:
        folder: Where uploads wait; emptied at start, for what is there was left by a stop.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._batches: dict[str, Batch] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = CapacityLimiter(1)
        self.turn = asyncio.Lock()
        """Held by whoever changes the base."""

    @property
    def busy(self) -> bool:
        """A change is under way."""
        return self.turn.locked()

    def new_folder(self) -> Path:
        """Make a folder for the files of one batch; its name is the batch's id.

        Raises:
            ApiError: 409, too many batches wait already.
        """
        if sum(not b.shown().ended for b in self._batches.values()) > MAX_WAITING:
            raise ApiError(
                409, f"已有 {MAX_WAITING} 批在排队，请等前面的批次完成后再上传", code="queue_full"
            )
        if not self._batches:
            shutil.rmtree(self._folder, ignore_errors=True)
        folder = self._folder / f"ingest-{secrets.token_hex(16)}"
        folder.mkdir(parents=True, mode=0o700)
        return folder

    def start(
        self,
        folder: Path,
        paths: Sequence[Path],
        *,
        user: str,
        work: Work,
        ended: Callable[[Ingest], None],
    ) -> Ingest:
        """Queue a batch; returns at once.

        Args:
            folder: From `new_folder`; removed when the batch has ended.
            paths: Its files.
            user: Who may ask for it.
            work: Takes the files in.
            ended: Told the end, e.g. to put it on record.
        """
        batch = Batch(folder.name, user, folder, list(paths), datetime.now(UTC), total=len(paths))
        self._batches[batch.id] = batch
        task = asyncio.create_task(self._run(batch, work, ended))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return batch.shown()

    def get(self, number: str, *, user: str) -> Ingest:
        """Return a batch of this user.

        Raises:
            ApiError: 404, no such batch, or another user's.
        """
        return self._batch(number, user).shown()

    def of_user(self, user: str) -> list[Ingest]:
        """Return the user's batches, the newest first."""
        return [b.shown() for b in reversed(self._batches.values()) if b.user == user]

    def cancel(self, number: str, *, user: str) -> Ingest:
        """Ask a batch to end; the base stays as it was.

        Raises:
            ApiError: 404, no such batch, or another user's.
        """
        batch = self._batch(number, user)
        batch.stop.set()
        return batch.shown()

    async def close(self) -> None:
        """Ask every batch to end, and wait until none writes any more."""
        for batch in self._batches.values():
            batch.stop.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _batch(self, number: str, user: str) -> Batch:
        batch = self._batches.get(number)
        if batch is None or batch.user != user:
            raise ApiError(404, "没有这个批次，可能已过期", code="ingest_not_found")
        return batch

    async def _run(self, batch: Batch, work: Work, ended: Callable[[Ingest], None]) -> None:
        async with self.turn:
            batch.state, batch.started = "running", time.monotonic()

            def take_in() -> BuildReport:
                batch.tell("开始")
                return work(batch.paths, batch.tell)

            try:
                batch.report = await to_thread.run_sync(take_in, limiter=self._thread)
                batch.state, batch.step = "done", "完成"
            except Stopped:
                batch.state, batch.step = "cancelled", "已取消，知识库未改变"
            except Exception as error:  # noqa: BLE001 - told to who asks; a bug is logged
                log_unexpected(error)
                batch.state, batch.step = "failed", "未能入库，知识库未改变"
                batch.error, batch.mend = batch_error(error, batch)
            finally:
                batch.seconds = time.monotonic() - batch.started
                batch.finished_at = datetime.now(UTC)
                await asyncio.to_thread(shutil.rmtree, batch.folder, True)
        await asyncio.to_thread(ended, batch.shown())
        self._forget()

    def _forget(self) -> None:
        over = [b.id for b in self._batches.values() if b.shown().ended][:-KEPT]
        for number in over:
            del self._batches[number]


def batch_error(error: Exception, batch: Batch) -> tuple[str, str]:
    """Say an error of a whole batch and its mend, without folders."""
    if isinstance(error, InputError | SetupError):
        return batch.plain(error.message), error.mend
    if isinstance(error, CsponError):
        return batch.plain(str(error)), ""
    return "服务内部错误", f"请把批次编号 {batch.id} 告知管理员"
