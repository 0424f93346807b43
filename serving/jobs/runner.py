"""Runs the jobs of a data folder in one of the processes that share it.

A lock on a file says which; another process takes over when the lock is free. DBOS gives each job
that was under way back to the line when it starts. It connects to nothing but its database.
"""

import asyncio
import fcntl
import logging
import os
import secrets
import time
from pathlib import Path

from cspon.errors import SetupError
from serving.jobs.store import QUEUE, VERSION, Store

log = logging.getLogger("cspon.serving")

POLL_S = 0.5
"""Seconds between two looks into the line."""
CLAIM_S = 10.0
"""Seconds that a job may be claimed without having begun."""


class Runner:
    """What runs jobs; at most one in a process.

    Args:
        store: The queue.
        folder: Where the lock lies.
        at_once: Jobs that run at once.
    """

    def __init__(self, store: Store, folder: Path, *, at_once: int) -> None:
        self._store, self._folder, self._at_once = store, folder, at_once
        self._lock = -1
        self._lost: dict[str, float] = {}
        self.running = False

    def start(self, work: object, loop: asyncio.AbstractEventLoop) -> bool:
        """Run jobs from now on, unless another process does; blocks.

        Raises:
            SetupError: the queue cannot be opened.
        """
        if self.running:
            return True
        if not self._locked():
            return False
        from dbos import DBOS, DBOSPortableJSONSerializer

        from serving.jobs import workflow

        if workflow.bound.work is not None:
            raise SetupError("同一进程内只能有一个服务运行任务", mend="另开一个进程")
        self._store.open()
        workflow.bound.work, workflow.bound.loop = work, loop  # type: ignore[assignment]
        try:
            DBOS(
                config={
                    "name": "cspon",
                    "system_database_url": self._store.url,
                    "application_version": VERSION,
                    "executor_id": self._executor(),
                    "serializer": DBOSPortableJSONSerializer(),
                    "log_level": "ERROR",
                    "enable_otlp": False,
                    "run_migrations": False,
                }
            )
            DBOS.launch()
            DBOS.register_queue(
                QUEUE, worker_concurrency=self._at_once, polling_interval_sec=POLL_S
            )
        except Exception as error:
            self.stop()
            raise SetupError("任务不能运行", mend="查看服务日志") from error
        self.running = True
        log.info("jobs run here", extra={"facts": {"at_once": self._at_once}})
        return True

    def put_back_lost(self) -> None:
        """Put jobs that this process claims but does not run back in the line; blocks.

        Raises:
            SetupError: the queue is away.
        """
        from serving.jobs import workflow

        now = time.monotonic()
        claimed = {w.workflow_id for w in self._store.active() if w.status == "PENDING"}
        lost = claimed - workflow.bound.active
        self._lost = {number: self._lost.get(number, now) for number in lost}
        for number, since in list(self._lost.items()):
            if now - since >= CLAIM_S:
                self._store.put_back(number)
                del self._lost[number]

    def stop(self) -> None:
        """Stop: jobs that run go on when a process starts again; blocks."""
        if self._lock < 0:
            return
        from dbos import DBOS

        from serving.jobs import workflow

        DBOS.destroy()
        workflow.bound.work = workflow.bound.loop = None
        workflow.bound.active.clear()
        self.running = False
        os.close(self._lock)
        self._lock = -1

    def _locked(self) -> bool:
        """Take the lock; the system gives it back when the process ends, however it ends."""
        if self._lock >= 0:
            return True
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(self._folder / "runner.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._lock = handle
        return True

    def _executor(self) -> str:
        """Return the name under which this folder's jobs run, the same after a restart."""
        file = self._folder / "executor"
        if not file.exists():
            file.write_text(f"cspon-{secrets.token_hex(8)}", encoding="utf-8")
        return file.read_text(encoding="utf-8")
