"""Transactions of a PostgreSQL service for the ledger, each in bounded time, and what is owed to it.

A transaction that was begun is carried out even if who asked for it is cancelled meanwhile.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from cspon.errors import SetupError

if TYPE_CHECKING:
    from psycopg_pool import AsyncConnectionPool

T = TypeVar("T")
Change = Callable[[Any], Awaitable[T]]
"""Carries out a change on a connection; what it raises takes it back."""
log = logging.getLogger("cspon.serving")

MOST_CONNECTIONS = 8
WAIT_S = 2.0
"""Seconds for a connection, and for a lock in the server."""
LONGEST_S = 8.0
"""Seconds for a transaction: a server that hangs is away."""
AGAIN_S = 1.0
"""Seconds until what is owed is tried again."""
MAKING = 7_291_404_115
"""Advisory lock under which the tables are made."""


class Transactions:
    """The connections to one service, opened when first needed.

    Args:
        service: Name of the libpq service.
        schema: Statements, separated by `;`, that make the tables where they are missing.
    """

    def __init__(self, service: str, schema: str) -> None:
        self._service, self._schema = service, schema
        self._pool: AsyncConnectionPool[Any] | None = None
        self._opening = asyncio.Lock()
        self._running: set[asyncio.Task[Any]] = set()
        self._owed: deque[Change[None]] = deque()
        self._paying: asyncio.Task[None] | None = None

    async def do(self, change: Change[T], undo: Callable[[T], Change[None]] | None = None) -> T:
        """Carry out a change; it is committed on return.

        Args:
            change: The change.
            undo: Makes of its result the change that takes it back where who asked was cancelled.

        Raises:
            SetupError: the server is away; nothing of the transaction is known to hold.
        """
        task = self._begin(change)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(lambda done: self._left(done, undo))
            raise

    def soon(self, change: Change[None]) -> None:
        """Begin a change that nobody waits for; where the server is away, it is done when it is back."""
        task = self._begin(change)
        task.add_done_callback(lambda done: self._failed(done, change))

    @property
    def owed(self) -> int:
        """Changes that nobody waits for and that are not carried out yet."""
        return len(self._owed) + len(self._running)

    async def caught_up(self) -> None:
        """Wait until what was begun has ended, well or not."""
        await asyncio.gather(*self._running, return_exceptions=True)

    async def aclose(self) -> None:
        """End what runs, try once more what is owed, and close the connections."""
        await self.caught_up()
        if self._paying is not None:
            self._paying.cancel()
            await asyncio.gather(self._paying, return_exceptions=True)
        try:
            await self._pay_now()
        except SetupError as error:  # it lapses later, and is charged in full
            log.error("not settled", extra={"facts": {"why": error.message}})
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    def _begin(self, change: Change[T]) -> "asyncio.Task[T]":
        task = asyncio.ensure_future(self._transact(change))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    def _failed(self, done: "asyncio.Task[None]", change: Change[None]) -> None:
        """Try again later what the server did not take."""
        if not done.cancelled() and isinstance(error := done.exception(), SetupError):
            log.error("not settled yet", extra={"facts": {"why": error.message}})
            self._owe(change)

    def _owe(self, change: Change[None]) -> None:
        self._owed.append(change)
        if self._paying is None or self._paying.done():
            self._paying = asyncio.ensure_future(self._pay())

    def _left(self, done: "asyncio.Task[T]", undo: Callable[[T], Change[None]] | None) -> None:
        """Take back what was committed for somebody who no longer learns of it."""
        if not done.cancelled() and done.exception() is None and undo is not None:
            self.soon(undo(done.result()))

    async def _pay(self) -> None:
        while self._owed:
            try:
                await self._pay_now()
            except SetupError:
                await asyncio.sleep(AGAIN_S)

    async def _pay_now(self) -> None:
        while self._owed:
            await self._transact(self._owed[0])
            self._owed.popleft()

    async def _transact(self, change: Change[T]) -> T:
        import psycopg
        from psycopg_pool import PoolTimeout

        try:
            async with asyncio.timeout(LONGEST_S):
                pool = await self._open()
                async with pool.connection(timeout=WAIT_S) as db, db.transaction():
                    return await change(db)
        except (psycopg.Error, PoolTimeout, OSError) as error:  # TimeoutError is an OSError
            raise SetupError(
                f"限额账本（PostgreSQL 服务 {self._service}）无法读写：{_short(error)}，请求未发出",
                mend="核对数据库服务和 pg_service.conf；恢复前不会放行任何请求",
            ) from None

    async def _open(self) -> "AsyncConnectionPool[Any]":
        async with self._opening:
            if self._pool is None:
                self._pool = await self._connect()
            return self._pool

    async def _connect(self) -> "AsyncConnectionPool[Any]":
        from psycopg_pool import AsyncConnectionPool

        bounds = f"-c lock_timeout={WAIT_S:.0f}s -c statement_timeout={LONGEST_S:.0f}s"
        pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
            f"service={self._service} connect_timeout=2 application_name=cspon-ledger "
            f"options='{bounds}'",
            min_size=1, max_size=MOST_CONNECTIONS, open=False, timeout=WAIT_S,
        )  # fmt: skip
        try:
            await pool.open(wait=True, timeout=WAIT_S)
            async with pool.connection() as db:
                await db.execute("select pg_advisory_xact_lock(%s)", (MAKING,))
                for statement in filter(str.strip, self._schema.split(";")):
                    await db.execute(statement)
        except BaseException:
            await pool.close()
            raise
        return pool


def _short(error: BaseException) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
