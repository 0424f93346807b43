"""Connections to PostGIS by the name of a libpq service: addresses and passwords stay in libpq's files.

A catalogue names the service alone; host, database and user stand in `pg_service.conf`, the password in
`.pgpass` (https://www.postgresql.org/docs/current/libpq-pgservice.html). Every transaction is read-only.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cspon.errors import CsponError, InputError, SetupError, missing_extra

PREFIX = "postgis:"
STATEMENT_S = 120
CONNECT_S = 10
_MOST_IDLE = 4
_idle: dict[str, list[Any]] = {}
_lock = threading.Lock()
_local = threading.local()


def in_postgis(path: str) -> bool:
    """Say whether the path of a catalogue entry names a PostGIS service."""
    return path.startswith(PREFIX)


def service_of(path: str) -> str:
    """Return the service that a path names."""
    return path.removeprefix(PREFIX)


@contextmanager
def one_state() -> Iterator[None]:
    """Let all reads of this thread see one state of each database; it may be nested.

    The first read of a database opens the transaction, the outermost `one_state` ends it. Without any
    database it costs nothing. Other threads and processes read states of their own.
    """
    if getattr(_local, "held", None) is not None:
        yield
        return
    held: dict[str, Any] = {}
    _local.held = held
    try:
        yield
    finally:
        _local.held = None
        for path in list(held):
            _end(path, held.pop(path))


@contextmanager
def transaction(path: str) -> Iterator[Any]:
    """Yield a connection in one read-only snapshot of the database; idle ones are used again.

    Inside of `one_state` it is the snapshot of all its reads. After an error it is given up.

    Raises:
        SetupError: psycopg is not installed, the service is unknown, or the server does not answer.
        InputError: no right to read, or a statement that took too long.
    """
    psycopg = _driver()
    shared: dict[str, Any] | None = getattr(_local, "held", None)
    held = {} if shared is None else shared
    try:
        if path not in held:
            held[path] = _begun(path)
        yield held[path][0]
    except psycopg.Error as error:
        if path in held:
            _end(path, held.pop(path))
        raise _told(path, error) from None
    finally:
        if shared is None and path in held:
            _end(path, held.pop(path))


def _begun(path: str) -> tuple[Any, Any]:
    """Open a transaction; idle connections that have died are passed over."""
    psycopg = _driver()
    while True:
        idle, connection = _taken(path)
        block = connection.transaction()
        try:
            block.__enter__()
        except psycopg.OperationalError:
            connection.close()
            if not idle:
                raise
        else:
            return connection, block


def _end(path: str, held: tuple[Any, Any]) -> None:
    connection, block = held
    try:
        block.__exit__(None, None, None)
    except _driver().Error:
        connection.close()
    _given_back(path, connection)


def close_connections() -> None:
    """Close all idle connections."""
    with _lock:
        waiting = [c for group in _idle.values() for c in group]
        _idle.clear()
    for connection in waiting:
        connection.close()


def _driver() -> Any:
    try:
        import psycopg
    except ImportError:
        raise missing_extra("psycopg", "postgis") from None
    return psycopg


def _taken(path: str) -> tuple[bool, Any]:
    """Return whether the connection was idle, and the connection."""
    with _lock:
        waiting = _idle.get(path, [])
        while waiting:
            connection = waiting.pop()
            if not connection.closed:
                return True, connection
    psycopg = _driver()
    try:
        connection = psycopg.connect(
            service=service_of(path),
            connect_timeout=CONNECT_S,
            application_name="cspon",
            options=f"-c statement_timeout={STATEMENT_S}s",
        )
    except psycopg.Error as error:
        raise _told(path, error) from None
    connection.autocommit = True
    connection.read_only = True
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    return False, connection


def _given_back(path: str, connection: Any) -> None:
    with _lock:
        waiting = _idle.setdefault(path, [])
        if not connection.closed and not connection.broken and len(waiting) < _MOST_IDLE:
            waiting.append(connection)
            return
    connection.close()


def _told(path: str, error: Any) -> CsponError:
    """Turn what the driver says into a message; the server's own words come last."""
    words = " ".join(str(error).split())[:200]
    state = getattr(error, "sqlstate", None) or ""
    if state == "42501":
        return InputError(
            f"没有读取权限（{words}）", file=path, mend="请数据库管理员授予该表的 SELECT 权限"
        )
    if state == "57014":
        return InputError(
            f"查询超过 {STATEMENT_S} 秒，已中止", file=path, mend="核对空间索引，缩小范围后重试"
        )
    if "definition of service" in words or "service file" in words:
        return SetupError(
            f"没有名为 {service_of(path)} 的数据库服务（{words}）",
            mend="在 ~/.pg_service.conf（或 PGSERVICEFILE 指定的文件）中写上该服务",
        )
    return SetupError(
        f"数据库 {service_of(path)} 连接或查询失败（{words}）",
        mend="核对服务是否启动、pg_service.conf 与 .pgpass",
    )
