"""Append-only lines in a chain: each carries the mark of the one before and a mark of its own.

A mark is an HMAC-SHA-256 over the line with the server's secret: who can write the file but does not
know the secret cannot change, insert, move or take away a line unseen. A second small file holds the
latest mark, so that lines missing at the end show, too; `cspon audit head` prints it for keeping
elsewhere, against those who can write both.

Several processes append to one file under its lock. A line is one `write`, so it survives `kill -9`;
what the system had not yet brought to disk when the power failed is lost, at most `SYNC_S` of it.
"""

import asyncio
import fcntl
import hashlib
import hmac
import json
import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson

from cspon.errors import SetupError

START: Final = "0" * 64
"""The mark before the first line."""
TAIL: Final = 65_536
SYNC_S: Final = 1.0
MONTHS = "%Y-%m"
FIRST: Final = b'{"seq":'
MARK: Final = b',"mac":"'


def mark_of(body: bytes, secret: bytes) -> str:
    """Return the mark of a line without its mark, 64 hex digits."""
    return hmac.digest(secret, body, "sha256").hex()


def archive_of(file: Path) -> Path:
    """Return the folder of the earlier months."""
    return file.with_suffix("")


def head_of(file: Path) -> Path:
    """Return the file with the latest mark."""
    return file.with_suffix(".head")


class Chain:
    """The writer of an audit file.

    Args:
        file: The lines of this month; earlier months are moved to a folder beside it.
        secret: Returns the server's secret; asked at the first line.
        now: UTC time.
    """

    def __init__(
        self,
        file: Path,
        secret: Callable[[], bytes],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._file, self._now = file, now
        self._secret_of, self._secret = secret, b""
        self._lock = threading.Lock()
        self._handle, self._head = -1, -1
        self._inode, self._size = 0, -1
        self._sequence, self._mark, self._month = 0, START, ""
        self._synced = 0.0
        self._name = str(file)
        self._gathered: list[tuple[str, dict[str, Any], asyncio.Future[None]]] = []

    def append(self, kind: str, facts: dict[str, Any]) -> None:
        """Write one line.

        Raises:
            SetupError: it cannot be written whole; then nothing of it is.
        """
        self._append_all([(kind, facts)])

    def soon(self, kind: str, facts: dict[str, Any]) -> "asyncio.Future[None]":
        """Write a line together with the others of this turn of the event loop.

        Returns:
            Done when the line is written; raises as `append` does.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._gathered.append((kind, facts, future))
        if len(self._gathered) == 1:
            loop.call_soon(self._write_gathered)
        return future

    def _write_gathered(self) -> None:
        gathered, self._gathered = self._gathered, []
        problem: Exception | None = None
        try:
            self._append_all([(kind, facts) for kind, facts, _ in gathered])
        except Exception as error:  # noqa: BLE001 - raised to everyone who waits
            problem = error
        for _, _, future in gathered:
            if future.done():
                continue
            if problem is None:
                future.set_result(None)
            else:
                future.set_exception(problem)
                future.exception()  # lines of one turn share their fate: one of the waiters is enough

    def _append_all(self, lines: list[tuple[str, dict[str, Any]]]) -> None:
        """Write lines one after the other, all of them or none."""
        try:
            with self._lock:
                if self._handle < 0:
                    self._open()
                fcntl.flock(self._handle, fcntl.LOCK_EX)
                while not self._is_current():  # another process began a new month meanwhile
                    self._open()
                    fcntl.flock(self._handle, fcntl.LOCK_EX)
                try:
                    self._append(lines)
                finally:
                    fcntl.flock(self._handle, fcntl.LOCK_UN)
        except OSError as error:
            raise SetupError(
                f"审计记录无法写入（{error.strerror}），结果未发出",
                mend="检查数据目录的磁盘空间与写权限",
            ) from error

    def close(self) -> None:
        """Bring the last lines to disk and close."""
        with self._lock:
            if self._handle >= 0:
                os.fsync(self._handle)
                os.close(self._handle)
                os.close(self._head)
                self._handle = self._head = -1

    def _open(self) -> None:
        """Open the file; again where another process began a new month."""
        if self._handle >= 0:
            if self._is_current():
                return
            os.close(self._handle)
            os.close(self._head)
            self._handle = -1
        if not self._secret:
            self._secret = hmac.digest(self._secret_of(), b"audit", "sha256")
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._put_aside()
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
        self._handle = os.open(self._file, flags, 0o600)
        self._head = os.open(head_of(self._file), os.O_RDWR | os.O_CREAT, 0o600)
        self._inode, self._size = os.fstat(self._handle).st_ino, -1

    def _put_aside(self) -> None:
        """Keep a file from before there was a chain beside the earlier months: it cannot be checked."""
        try:
            with self._file.open("rb") as lines:
                start = lines.read(len(FIRST))
        except FileNotFoundError:
            return
        if start and start != FIRST:
            archive_of(self._file).mkdir(mode=0o700, exist_ok=True)
            self._file.replace(archive_of(self._file) / "before-the-chain.log")

    def _is_current(self) -> bool:
        try:
            return os.stat(self._name).st_ino == self._inode  # noqa: PTH116 - half of `Path.stat`
        except FileNotFoundError:
            return False

    def _append(self, lines: list[tuple[str, dict[str, Any]]]) -> None:
        size = os.fstat(self._handle).st_size
        if size != self._size:
            self._size = size
            torn = self._look_back(size)
            if torn:
                self._write(b"\n")
                lines = [("audit.resumed", {"torn": hashlib.sha256(torn).hexdigest()}), *lines]
        now = self._now().isoformat(timespec="milliseconds")
        if self._month and now[:7] > self._month:
            self._turn_over()
        self._lines(now, lines)
        if (clock := time.monotonic()) - self._synced > SYNC_S:
            self._synced = clock
            threading.Thread(target=_sync, args=(os.dup(self._handle),), daemon=True).start()

    def _lines(self, now: str, lines: list[tuple[str, dict[str, Any]]]) -> None:
        sequence, mark, written = self._sequence, self._mark, []
        for kind, facts in lines:
            sequence += 1
            said = {"seq": sequence, "time": now, "kind": kind, **facts, "prev": mark}
            body = orjson.dumps(said, default=str)
            mark = mark_of(body, self._secret)
            written.append(b'%s%s%s"}\n' % (body[:-1], MARK, mark.encode()))
        self._write(b"".join(written))
        self._sequence, self._mark, self._month = sequence, mark, now[:7]
        os.pwrite(self._head, b"%-96s\n" % f"{sequence} {mark}".encode(), 0)

    def _write(self, line: bytes) -> None:
        written = os.write(self._handle, line)
        if written != len(line):
            os.ftruncate(self._handle, self._size)
            raise OSError(28, "磁盘已满")
        self._size += written

    def _look_back(self, size: int) -> bytes:
        """Find the last whole line; return what lies after it."""
        whole, torn = last_lines(self._handle, size)
        if whole is None:
            self._sequence, self._mark, self._month = self._before()
            return torn
        said = json.loads(whole)
        self._sequence, self._mark = said["seq"], said["mac"]
        self._month = str(said["time"])[:7]
        return torn

    def _before(self) -> tuple[int, str, str]:
        """Return sequence, mark and month of the last line of the earlier months."""
        months = sorted(archive_of(self._file).glob("*.jsonl"))
        if not months:
            return 0, START, ""
        with months[-1].open("rb") as earlier:
            whole, _ = last_lines(earlier.fileno(), months[-1].stat().st_size)
        said = json.loads(whole or b"{}")
        return said.get("seq", 0), said.get("mac", START), ""

    def _turn_over(self) -> None:
        """Move the lines of an earlier month away and begin a new file.

        Where the clock was ahead for a while, the lines of a month may have been moved already: the
        lines written since stay here until a later month has begun, so that none is written over and
        the files stay in the order of the chain.
        """
        folder = archive_of(self._file)
        folder.mkdir(mode=0o700, exist_ok=True)
        if any(part.stem >= self._month for part in folder.glob("*.jsonl")):
            return
        self._file.replace(folder / f"{self._month}.jsonl")
        sequence, mark = self._sequence, self._mark
        old = self._handle
        self._handle = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        os.close(old)
        self._inode, self._size = os.fstat(self._handle).st_ino, 0
        self._sequence, self._mark, self._month = sequence, mark, ""


def last_lines(handle: int, size: int) -> tuple[bytes | None, bytes]:
    """Return the last whole line and what follows it; the line grows the window where it is long."""
    window = TAIL
    while True:
        start = max(0, size - window)
        block = os.pread(handle, size - start, start)
        lines, torn = block.rpartition(b"\n")[0], block.rpartition(b"\n")[2]
        for line in reversed(lines.split(b"\n")[0 if start == 0 else 1 :]):
            if line.startswith(b'{"seq":') and line.endswith(b'"}'):
                return line, torn
        if start == 0:
            return None, torn
        window *= 4


def _sync(handle: int) -> None:
    try:
        os.fdatasync(handle)
    finally:
        os.close(handle)
