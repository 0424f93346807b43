"""The journal of the ledger is carried into its file beside the event loop, not on it.

A checkpoint writes thousands of pages and waits for the disk twice: some 30 ms in which no request would
move. Here a thread carries the bulk; what was written meanwhile, a few pages, is carried on the loop
between two transactions, so that the journal begins anew and does not grow.
"""

import logging
import sqlite3
import threading
from pathlib import Path
from typing import Final

log = logging.getLogger("cspon.serving")

EVERY: Final = 1000
"""Transactions from one checkpoint to the next; five or six pages each."""
BACKSTOP_PAGES: Final = 40_000
"""Pages at which SQLite makes a checkpoint of its own; the thread is late then, or fails."""


class Checkpoints:
    """The checkpoints of one file; `turn` is called by one thread only.

    Args:
        file: The file.
        db: The connection that writes.
    """

    def __init__(self, file: Path, db: sqlite3.Connection) -> None:
        self._file, self._db, self._count = file, db, 0
        self._bulk: threading.Thread | None = None
        db.execute(f"pragma wal_autocheckpoint={BACKSTOP_PAGES}")

    def turn(self) -> None:
        """Begin a checkpoint where one is due, or end the one whose bulk is done.

        Called before each transaction. Raises nothing: without a checkpoint the journal merely grows.
        """
        self._count += 1
        if self._count < EVERY:
            return
        if self._bulk is None:
            self._bulk = threading.Thread(target=self._carry, name="ledger-journal", daemon=True)
            self._bulk.start()
        elif not self._bulk.is_alive():
            self._bulk, self._count = None, 0
            _checkpoint(self._db)

    def close(self) -> None:
        """Wait for the thread."""
        if self._bulk is not None:
            self._bulk.join()

    def _carry(self) -> None:
        try:
            db = sqlite3.connect(f"{self._file.resolve().as_uri()}?mode=rw", uri=True)
        except sqlite3.Error as error:
            log.warning("ledger journal not carried over", extra={"facts": {"why": str(error)}})
            return
        _checkpoint(db)
        db.close()


def _checkpoint(db: sqlite3.Connection) -> None:
    """Carry over what no reader holds, waiting for nobody."""
    try:
        db.execute("pragma wal_checkpoint(passive)").fetchall()
    except sqlite3.Error as error:
        log.warning("ledger journal not carried over", extra={"facts": {"why": str(error)}})
