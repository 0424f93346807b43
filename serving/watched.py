"""A file of settings that is read again when it changes; a mistake changes nothing."""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from cspon.errors import CsponError

log = logging.getLogger("cspon.serving")

LOOK_EVERY_S = 1.0

T = TypeVar("T")


class Watched(Generic[T]):
    """What a file says now.

    A broken file stops the start. One that breaks later, or goes away, changes nothing: what was read
    last holds, and the log says why.

    Args:
        file: The file.
        read: Reads it; a missing file has a meaning of its own at the start.

    Raises:
        InputError: the file is not as it should be.
    """

    def __init__(self, file: Path, read: Callable[[Path], T]) -> None:
        self._file, self._read = file, read
        self._stamp, self._looked = self._stat(), time.monotonic()
        self._value = read(file)

    def __call__(self) -> T:
        """Return what holds now."""
        now = time.monotonic()
        if now - self._looked >= LOOK_EVERY_S:
            self._looked = now
            self._look()
        return self._value

    def _look(self) -> None:
        stamp = self._stat()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            if stamp is None:
                raise FileNotFoundError
            self._value = self._read(self._file)
        except (CsponError, OSError) as error:
            facts = {"file": self._file.name, "why": str(error) or "文件不见了"}
            log.error("settings not changed", extra={"facts": facts})

    def _stat(self) -> tuple[int, int] | None:
        try:
            status = self._file.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size
