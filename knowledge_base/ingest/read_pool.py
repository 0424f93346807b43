"""Files read side by side in processes of their own; what kills or hangs one costs its file alone."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from multiprocessing.connection import wait
from typing import IO, Any

from knowledge_base.ingest.read_worker import LENGTHS, read_job

INLINE_SUFFIXES = (".md", ".markdown", ".txt")
INLINE_BYTES = 2 * 2**20
"""A batch of plain texts up to this size is read here: a process takes longer to start."""
SECONDS = 600.0
SECONDS_PER_MB = 180.0
"""Time limit of a file; a scanned page takes some 13 s and rarely less than 0.1 MB."""
DYING_SECONDS = 5.0
_SINGLE = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)


@dataclass(frozen=True)
class Job:
    """A file to read, and how."""

    key: str
    path: str
    name: str
    size: int
    secrecy: str
    department: str | None
    roles: tuple[str, ...]
    ocr: bool


@dataclass(frozen=True)
class Reply:
    """What became of a job: the head and the packed passages, or a reason in the head."""

    job: Job
    head: dict[str, Any]
    passages: bytes


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def read_all(
    jobs: Sequence[Job], *, workers: int | None = None, seconds: float | None = None
) -> Iterator[Reply]:
    """Read files, the biggest first; yield the replies in the order in which they finish.

    Args:
        jobs: One for each file.
        workers: Processes; one per core by default, 0 reads in this process.
        seconds: Time limit of a file; by its size when None.
    """
    queue = deque(sorted(jobs, key=lambda job: -job.size))
    light = all(job.name.lower().endswith(INLINE_SUFFIXES) for job in queue)
    inline = workers is None and light and sum(job.size for job in queue) <= INLINE_BYTES
    if workers == 0 or inline:
        for job in queue:
            yield Reply(job, *read_job(asdict(job)))
        return
    count = min(workers or cores(), len(queue))
    pool = [_Worker() for _ in range(count)]
    try:
        for worker in pool:
            worker.start(queue.popleft(), seconds)
        while busy := [worker for worker in pool if worker.job is not None]:
            left = max(0.0, min(worker.deadline for worker in busy) - time.monotonic())
            ready = set(wait([worker.replies.fileno() for worker in busy], min(left, 5.0)))
            for worker in busy:
                late = time.monotonic() > worker.deadline
                replied = worker.replies.fileno() in ready
                if not replied and not late:
                    continue
                yield worker.finish() if replied else worker.give_up()
                if queue:
                    worker.start(queue.popleft(), seconds)
    finally:
        for worker in pool:
            worker.kill()


class _Worker:
    """A process that reads one file at a time; started at its first job, and again after a death."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self.job: Job | None = None
        self.deadline = 0.0

    @property
    def replies(self) -> IO[bytes]:
        """Where its replies come from."""
        assert self._process is not None
        assert self._process.stdout is not None
        return self._process.stdout

    def start(self, job: Job, seconds: float | None) -> None:
        """Give it a file."""
        if self._process is None or self._process.poll() is not None:
            self.kill()
            self._process = _launch()
        self.job = job
        limit = seconds if seconds is not None else SECONDS + SECONDS_PER_MB * job.size / 2**20
        self.deadline = time.monotonic() + limit
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it died: the reply will be its end
            self._process.stdin.write(json.dumps(asdict(job)).encode() + b"\n")
            self._process.stdin.flush()

    def finish(self) -> Reply:
        """Take its reply, or say how it died."""
        job, self.job = self.job, None
        assert job is not None
        lengths = self.replies.read(LENGTHS.size)
        if len(lengths) == LENGTHS.size:
            head_size, blob_size = LENGTHS.unpack(lengths)
            head, blob = self.replies.read(head_size), self.replies.read(blob_size)
            if len(head) == head_size and len(blob) == blob_size:
                return Reply(job, json.loads(head.decode("utf-8", "surrogatepass")), blob)
        assert self._process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(DYING_SECONDS)
        code = self.kill()
        why = f"信号 {-code}" if code < 0 else f"退出码 {code}"
        reason = f"读取该文件的进程意外终止（{why}，可能是内存不足或文件损坏）"
        return Reply(job, {"reason": reason, "mend": "拆分或另存为新文件后再入库"}, b"")

    def give_up(self) -> Reply:
        """Stop it: its file takes too long."""
        job, self.job = self.job, None
        assert job is not None
        self.kill()
        return Reply(job, {"reason": "读取超过时限，已放弃", "mend": "拆分文件后再入库"}, b"")

    def kill(self) -> int:
        """End the process and what it started; return its exit code."""
        process, self._process = self._process, None
        if process is None:
            return 0
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        return code


def _launch() -> subprocess.Popen[bytes]:
    environment = os.environ | dict.fromkeys(_SINGLE, "1")
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    return subprocess.Popen(
        [sys.executable, "-m", "knowledge_base.ingest.read_worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
    )
