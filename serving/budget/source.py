"""The limits that hold now: read at start, read again when their file changes."""

import logging
import time
from pathlib import Path

from cspon.errors import CsponError
from serving.budget.limits import Budgets, read_budgets

log = logging.getLogger("cspon.serving")

LOOK_EVERY_S = 1.0


class BudgetFile:
    """Limits and prices of a file.

    A broken file stops the start. One that breaks later changes nothing: the limits read last stay, and
    the log says why.

    Raises:
        InputError: the file is not as it should be.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stamp, self._looked = self._stat(), time.monotonic()
        self._budgets = read_budgets(file)

    def __call__(self) -> Budgets:
        """Return the limits that hold now."""
        now = time.monotonic()
        if now - self._looked >= LOOK_EVERY_S:
            self._looked = now
            self._look()
        return self._budgets

    def _look(self) -> None:
        stamp = self._stat()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            if stamp is None:
                raise FileNotFoundError
            self._budgets = read_budgets(self._file)
        except (CsponError, OSError) as error:
            why = str(error) or "限额文件不见了"
            log.error("limits not changed", extra={"facts": {"why": why}})

    def _stat(self) -> tuple[int, int] | None:
        try:
            status = self._file.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size
