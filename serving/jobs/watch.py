"""Keeps the jobs of a gateway going: runs them here unless another process does, and tidies up."""

import asyncio
import logging
import shutil
import time
from collections import Counter
from pathlib import Path

from cspon.errors import CsponError
from serving.jobs.ingest import RECEIVED
from serving.jobs.runner import Runner
from serving.jobs.schema import KEEP_S, PREFIX, Kept
from serving.jobs.store import Store
from serving.jobs.view import kept, state_of
from serving.jobs.work import JobWork
from serving.services import Services

log = logging.getLogger("cspon.serving")

WATCH_S = 5.0
TIDY_S = 600.0


class Watch:
    """The watch of one gateway.

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
        self._services, self._store, self._folder, self._work = services, store, folder, work
        self._runner = Runner(store, folder, at_once=at_once)
        self._task: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._tidied = 0.0
        self._depth = services.metrics.gauges.jobs

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._keep())

    async def close(self) -> None:
        """Stop; what is broken off is no attempt."""
        self._work.stopping = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        async with self._starting:
            await asyncio.to_thread(self._runner.stop)

    async def run_here(self) -> None:
        """Run jobs in this process unless another does."""
        if self._runner.running:
            return
        async with self._starting:
            if self._work.stopping:
                return
            loop = asyncio.get_running_loop()
            try:
                await asyncio.to_thread(self._runner.start, self._work, loop)
            except CsponError as error:  # the jobs wait; the watch tries again
                log.error("jobs cannot run", extra={"facts": {"why": str(error)}})

    async def _keep(self) -> None:
        while True:
            try:
                if await asyncio.to_thread(self._store.exists):
                    await self.run_here()
                    if self._runner.running:
                        await asyncio.to_thread(self._look_after)
            except Exception as error:  # noqa: BLE001 - looked at again in a moment
                log.error("watch of jobs", extra={"facts": {"why": str(error)}})
            await asyncio.sleep(WATCH_S)

    def _look_after(self) -> None:
        self._runner.put_back_lost()
        states = Counter(map(state_of, self._store.active()))
        for state in ("queued", "running"):
            self._depth.labels(state).set(states[state])
        if time.monotonic() - self._tidied < TIDY_S and self._tidied:
            return
        self._tidied = time.monotonic()
        for status in self._store.active(orders=True):
            self._keep_inputs(kept(status.input))
        for number in self._store.remove_expired():
            shutil.rmtree(self._folder / number, ignore_errors=True)
        before = time.time() - 2 * KEEP_S
        for folder in self._folder.glob(f"{RECEIVED}*"):  # its process ended before there was a job
            if folder.stat().st_mtime < before:
                shutil.rmtree(folder, ignore_errors=True)
        for folder in self._folder.glob(f"{PREFIX}*"):  # left by a job that was removed otherwise
            if folder.stat().st_mtime < before and self._store.find(folder.name) is None:
                shutil.rmtree(folder, ignore_errors=True)

    def _keep_inputs(self, job: Kept) -> None:
        """Let what was uploaded for a job live as long as the job."""
        for step in job.steps:
            for value in step.arguments.values():
                if isinstance(value, str):
                    self._services.uploads.keep(value)
                    self._services.data_files.keep(value)
