"""Where keys are kept: SQLite, shared by the server and the command line.

The server keeps a copy in memory and asks SQLite's `data_version` whether another process changed the
file, so that a key is refused within `LOOK_EVERY_S` after it was revoked.
"""

import hmac
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cspon.errors import InputError, SetupError
from serving.access.keys import Key, NewKey, id_of, new_id, new_secret, secret_hash
from serving.access.session import SIGNED_IN

LOOK_EVERY_S = 0.05
KEPT_SECRETS = 10_000
"""Secrets that were found right and need not be hashed again, in memory alone."""

_SCHEMA = """
create table if not exists keys (
  id text primary key, hash blob not null, key text not null, created_at text not null
) strict
"""


class KeyStore:
    """The keys of one server.

    Args:
        file: The SQLite file; made with mode 0600.
        server_secret: Keyed into every hash.

    Raises:
        SetupError: the file cannot be opened.
    """

    def __init__(self, file: Path, server_secret: bytes) -> None:
        self._file, self._secret = file, server_secret
        self._lock = threading.Lock()
        self._version = -1
        self._known: dict[str, tuple[bytes, Key]] = {}
        self._right: dict[str, Key] = {}
        self._looked = float("-inf")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(mode=0o600)
            self._db = sqlite3.connect(
                file, isolation_level=None, check_same_thread=False, timeout=5
            )
            self._db.execute("pragma journal_mode=wal")
            self._db.execute(_SCHEMA)
            self._inode = file.stat().st_ino
        except (OSError, sqlite3.Error) as error:
            raise _away(file, error) from None

    def create(self, key: Key) -> NewKey:
        """Keep a new key; its id is given here.

        Raises:
            SetupError: the store is away.
        """
        made = key.model_copy(update={"id": new_id()})
        secret = new_secret(made.id)
        with self._transaction() as db:
            self._insert(db, made, secret_hash(secret, self._secret))
        return NewKey(key=made, secret=secret)

    def rotate(self, key_id: str, *, expires_at: datetime, overlap: timedelta) -> NewKey:
        """Make a key that may do the same; the old one ends after `overlap`.

        Raises:
            InputError: no such key, or it is revoked already.
            SetupError: the store is away.
        """
        now = datetime.now(UTC)
        with self._transaction() as db:
            old = self._one(db, key_id)
            if old.revoked_at is not None:
                raise InputError(f"密钥 {old.prefix} 已停用", mend="用 cspon key create 新建")
            if old.id.startswith(SIGNED_IN):
                raise InputError(f"{old.prefix} 是统一身份认证登录的人，没有密钥可更换")
            made = old.model_copy(
                update={
                    "id": new_id(),
                    "created_at": now,
                    "expires_at": expires_at,
                    "replaces": old.id,
                }
            )
            secret = new_secret(made.id)
            self._insert(db, made, secret_hash(secret, self._secret))
            ends = min(old.expires_at, now + overlap)
            self._update(db, old.model_copy(update={"expires_at": ends}))
        return NewKey(key=made, secret=secret)

    def revoke(self, key_id: str) -> Key:
        """End a key now; ending it again changes nothing.

        Raises:
            InputError: no such key.
            SetupError: the store is away.
        """
        with self._transaction() as db:
            old = self._one(db, key_id)
            if old.revoked_at is not None:
                return old
            ended = old.model_copy(update={"revoked_at": datetime.now(UTC)})
            self._update(db, ended)
        return ended

    def sign_in(self, key: Key) -> Key:
        """Keep the key of a person who was signed in elsewhere; only a session opens it.

        A revoked one stays as it is. One that has ended begins anew: sessions from before are over.

        Returns:
            The key as it is kept.

        Raises:
            SetupError: the store is away.
        """
        with self._transaction() as db:
            row = db.execute("select key from keys where id = ?", (key.id,)).fetchone()
            if row is None:
                self._insert(db, key, b"")
                return key
            old = Key.model_validate_json(row[0])
            if old.revoked_at is not None:
                return old
            if old.expires_at > key.created_at:
                key = key.model_copy(update={"created_at": old.created_at})
            self._update(db, key)
        return key

    def sign_out(self, key_id: str) -> None:
        """End all sessions of a person who was signed in elsewhere.

        Raises:
            InputError: no such key.
            SetupError: the store is away.
        """
        with self._transaction() as db:
            old = self._one(db, key_id)
            self._update(db, old.model_copy(update={"expires_at": datetime.now(UTC)}))

    def restore(self, key_id: str) -> Key:
        """Let a person sign in again whose sign-in was revoked.

        Raises:
            InputError: no such key, or one with a secret: that one stays revoked.
            SetupError: the store is away.
        """
        with self._transaction() as db:
            old = self._one(db, key_id)
            if not old.id.startswith(SIGNED_IN):
                raise InputError("停用的密钥不能恢复", mend="用 cspon key create 新建")
            ended = {"revoked_at": None, "expires_at": datetime.now(UTC)}
            back = old.model_copy(update=ended)
            self._update(db, back)
        return back

    def all(self) -> list[Key]:
        """Return every key, the ended ones too, oldest first.

        Raises:
            SetupError: the store is away.
        """
        with self._reading() as db:
            rows = db.execute("select key from keys order by created_at, id").fetchall()
        return [Key.model_validate_json(row[0]) for row in rows]

    def of_secret(self, secret: str) -> Key | None:
        """Return the key of a secret, expired or not; None where there is none.

        Raises:
            SetupError: the store is away: nobody is let in.
        """
        known = self._current()
        if (right := self._right.get(secret)) is not None:
            return right
        key_id = id_of(secret)
        found = known.get(key_id) if key_id else None
        if found is None:
            return None
        kept, key = found
        if not hmac.compare_digest(kept, secret_hash(secret, self._secret)):
            return None
        if len(self._right) >= KEPT_SECRETS:
            self._right.clear()
        self._right[secret] = key
        return key

    def by_id(self, key_id: str) -> Key | None:
        """Return a key by its id; None where there is none.

        Raises:
            SetupError: the store is away.
        """
        found = self._current().get(key_id)
        return found[1] if found else None

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _current(self) -> dict[str, tuple[bytes, Key]]:
        if (now := time.monotonic()) - self._looked < LOOK_EVERY_S and self._version >= 0:
            return self._known
        with self._reading() as db:
            self._look_at_file()
            version = db.execute("pragma data_version").fetchone()[0]
            if version != self._version:
                rows = db.execute("select id, hash, key from keys").fetchall()
                self._known = {
                    row[0]: (bytes(row[1]), Key.model_validate_json(row[2])) for row in rows
                }
                self._version = version
                self._right.clear()
            self._looked = now
            return self._known

    def _look_at_file(self) -> None:
        """Trust no copy of a file that is gone: keys revoked in the one in its place would go on.

        Raises:
            SetupError: it was moved, removed or replaced.
        """
        try:
            same = self._file.stat().st_ino == self._inode
        except OSError as error:
            raise _away(self._file, error) from None
        if not same:
            raise _away(self._file, OSError("文件在运行中被换掉，须重启服务"))

    @staticmethod
    def _insert(db: sqlite3.Connection, key: Key, kept: bytes) -> None:
        row = (key.id, kept, key.model_dump_json(), key.created_at.isoformat())
        db.execute("insert into keys values (?, ?, ?, ?)", row)

    @staticmethod
    def _update(db: sqlite3.Connection, key: Key) -> None:
        db.execute("update keys set key = ? where id = ?", (key.model_dump_json(), key.id))

    @staticmethod
    def _one(db: sqlite3.Connection, key_id: str) -> Key:
        wanted = id_of(key_id) or key_id.removeprefix("cspon-").removesuffix("-…")
        row: Any = db.execute("select key from keys where id = ?", (wanted,)).fetchone()
        if row is None:
            raise InputError(f"没有密钥 {wanted}", mend="用 cspon key list 查看")
        return Key.model_validate_json(row[0])

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._db
            except sqlite3.Error as error:
                raise _away(self._file, error) from None

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """One change; this process forgets its copy, others see the new `data_version`."""
        with self._reading() as db:
            db.execute("begin immediate")
            try:
                yield db
            except BaseException:
                db.execute("rollback")
                raise
            db.execute("commit")
            self._version = -1


def _away(file: Path, error: Exception) -> SetupError:
    return SetupError(
        f"密钥库 {file.name} 无法读写（{error}），不接受任何密钥",
        mend="核对数据目录的写权限和磁盘空间；文件损坏的，从备份恢复",
    )
