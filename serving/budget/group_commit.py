"""Changes of one turn of the event loop in one transaction of SQLite.

A commit costs far more than the statements in it. Changes that are asked for in the same turn of the
loop are carried out one after the other in one `begin immediate` … `commit`, and each is told its result
when that is done: nobody goes on before their change is in the journal.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
Change = Callable[[sqlite3.Connection], T]
"""Carries out a change. What it raises is raised to who asked; it must have undone what it did."""


class GroupCommit:
    """The writer of one connection, for one event loop at a time.

    Args:
        db: In autocommit mode (`isolation_level=None`).
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._waiting: list[tuple[Change[Any], asyncio.Future[Any]]] = []

    async def do(self, change: Change[T]) -> T:
        """Carry out a change; it is committed on return.

        A change that was asked for is carried out even if who asked is cancelled meanwhile.

        Raises:
            sqlite3.Error: the store is away; nothing of the transaction holds.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._waiting.append((change, future))
        if len(self._waiting) == 1:
            loop.call_soon(self._flush)
        return await future

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
        ends: list[tuple[asyncio.Future[Any], Any, Exception | None]] = []
        try:
            self._db.execute("begin immediate")
            for change, future in waiting:
                try:
                    ends.append((future, change(self._db), None))
                except sqlite3.Error:
                    raise
                except Exception as error:  # noqa: BLE001 - raised to who asked
                    ends.append((future, None, error))
            self._db.execute("commit")
        except sqlite3.Error as error:
            self._rollback()
            ends = [(future, None, error) for _, future in waiting]
        for future, result, problem in ends:
            if future.done():
                continue
            if problem is None:
                future.set_result(result)
            else:
                future.set_exception(problem)

    def _rollback(self) -> None:
        try:
            if self._db.in_transaction:
                self._db.execute("rollback")
        except sqlite3.Error:
            return
