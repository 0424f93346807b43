"""Changes of one turn of the event loop in one transaction of SQLite.

A commit costs far more than the statements in it. Changes that are asked for in the same turn of the
loop are carried out one after the other in one `begin immediate` … `commit`, and each is told its result
when that is done: nobody goes on before their change is in the journal.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from typing import Any, TypeVar

log = logging.getLogger("cspon.serving")

T = TypeVar("T")
Change = Callable[[sqlite3.Connection], T]
"""Carries out a change. What it raises is raised to who asked; it must have undone what it did."""
_Undo = Callable[[Any], Callable[[sqlite3.Connection], None]]
SOON_S = 0.002
"""Seconds within which what is owed is carried out, unless another change comes first."""
AGAIN_S = 1.0
"""Seconds until what is owed is tried again."""


class GroupCommit:
    """The writer of one connection, for one event loop at a time.

    Args:
        db: In autocommit mode (`isolation_level=None`).
        look: Raises where nothing may be written any more; asked before each transaction.
    """

    def __init__(self, db: sqlite3.Connection, look: Callable[[], None] = lambda: None) -> None:
        self._db, self._look = db, look
        self._waiting: list[tuple[Change[Any], asyncio.Future[Any], _Undo | None]] = []
        self._owed: list[Change[None]] = []
        self._paying: asyncio.TimerHandle | None = None

    @property
    def owed(self) -> int:
        """Changes that are not carried out yet."""
        return len(self._owed)

    async def do(self, change: Change[T], undo: Callable[[T], Change[None]] | None = None) -> T:
        """Carry out a change; it is committed on return.

        A change that was asked for is carried out even if who asked is cancelled meanwhile.

        Args:
            change: The change.
            undo: Makes of its result the change that takes it back, owed where who asked was cancelled.

        Raises:
            sqlite3.Error: the store is away; nothing of the transaction holds.
            Exception: what `look` raised, likewise.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._waiting.append((change, future, undo))
        if len(self._waiting) == 1:
            loop.call_soon(self._flush)
        try:
            return await future
        except asyncio.CancelledError:
            if undo and future.done() and not future.cancelled() and future.exception() is None:
                self.owe(undo(future.result()))  # committed, but nobody learns of it any more
            raise

    def owe(self, change: Change[None]) -> None:
        """Carry out a change with the next one, or soon; where the store is away, when it is back."""
        self._owed.append(change)
        if self._paying is None:
            loop = asyncio.get_running_loop()
            self._paying = loop.call_later(SOON_S, self._try_to_pay)

    def _try_to_pay(self) -> None:
        self._paying = None
        try:
            self.pay()
        except Exception as error:  # noqa: BLE001 - it stays owed
            log.error("not settled yet", extra={"facts": {"why": str(error), "n": len(self._owed)}})
            self._paying = asyncio.get_running_loop().call_later(AGAIN_S, self._try_to_pay)

    def pay(self) -> None:
        """Carry out what is owed now.

        Raises:
            sqlite3.Error: the store is away; it stays owed.
            Exception: what `look` raised, likewise.
        """
        if self._owed:
            self._look()
            self.now(self._carry_out_owed)
            self._owed = []

    def close(self) -> None:
        """Carry out what is owed for the last time.

        Raises:
            Exception: as for `pay`.
        """
        if self._paying is not None:
            self._paying.cancel()
            self._paying = None
        self.pay()

    def _carry_out_owed(self, db: sqlite3.Connection) -> None:
        for change in self._owed:
            change(db)

    def now(self, change: Change[T]) -> T:
        """Carry out a change at once, in a transaction of its own.

        Raises:
            sqlite3.Error: the store is away.
        """
        self._db.execute("begin immediate")
        try:
            result = change(self._db)
            self._db.execute("commit")
        except BaseException:
            self._rollback()
            raise
        return result

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        ends: list[tuple[asyncio.Future[Any], Any, Exception | None, _Undo | None]] = []
        try:
            self._look()
            self._db.execute("begin immediate")
            if self._owed:
                self._carry_out_owed(self._db)
            for change, future, undo in waiting:
                try:
                    ends.append((future, change(self._db), None, undo))
                except sqlite3.Error:
                    raise
                except Exception as error:  # noqa: BLE001 - raised to who asked
                    ends.append((future, None, error, undo))
            self._db.execute("commit")
            self._owed = []
        except Exception as error:  # noqa: BLE001 - raised to everyone who waits
            self._rollback()
            ends = [(future, None, error, None) for _, future, _ in waiting]
        for future, result, problem, undo in ends:
            if future.done():
                if undo is not None and problem is None:
                    self.owe(undo(result))
            elif problem is None:
                future.set_result(result)
            else:
                future.set_exception(problem)

    def _rollback(self) -> None:
        try:
            if self._db.in_transaction:
                self._db.execute("rollback")
        except sqlite3.Error:
            return
