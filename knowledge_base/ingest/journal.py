"""What files gave, on disk, before it is in the base: a killed build need not parse again.

One SQLite file under the base. A row is one reading: the document, and its passages compressed. The
key says file, name, reader, chunker and options, so a row is never stale.
"""

import hashlib
import json
import sqlite3
import time
import zlib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from pydantic import TypeAdapter

from cspon.errors import SetupError
from cspon.schemas.knowledge import Document, Passage
from knowledge_base import parse
from knowledge_base.cut import chunk

JOURNAL = "ingest.sqlite"
KEEP_DAYS = 30
"""Rows of builds that were never finished are kept this long."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS reading (key TEXT PRIMARY KEY, document TEXT NOT NULL,
 gaps TEXT NOT NULL, notices TEXT NOT NULL, count INTEGER NOT NULL, passages BLOB NOT NULL,
 at REAL NOT NULL)
"""
_PASSAGES = TypeAdapter(tuple[Passage, ...])


@lru_cache(maxsize=1)
def reading_recipe() -> str:
    """Return what decides what a file gives: the readers' code, and the version of the cutting."""
    digest = hashlib.blake2b(str(chunk.CUT).encode(), digest_size=12)
    for path in sorted(Path(next(iter(parse.__path__))).glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def pack(passages: tuple[Passage, ...]) -> bytes:
    """Return passages as compressed JSON."""
    return zlib.compress(_PASSAGES.dump_json(passages, exclude_defaults=True), 3)


@dataclass(frozen=True)
class Reading:
    """What one file gave; its passages stay in the journal until they are asked for."""

    journal: "Journal"
    key: str
    document: Document
    gaps: tuple[str, ...]
    notices: tuple[str, ...]
    count: int
    path: str = ""
    """Where the file is (`…/a.zip!/b.docx` for a member)."""
    reading: str = ""
    """Bytes, recipe and options that it was read with."""
    others: tuple[str, ...] = field(default=())
    """Other names under which the same bytes came."""

    @property
    def passages(self) -> tuple[Passage, ...]:
        """The passages, read from disk at each call, under the id that the document has now."""
        stored = self.journal.passages(self.key)
        if not stored or stored[0].document_id == self.document.id:
            return stored
        return tuple(
            p.model_copy(
                update={
                    "document_id": self.document.id,
                    "id": f"{self.document.id}#{p.id.partition('#')[2]}",
                }
            )
            for p in stored
        )


class Journal:
    """The readings that wait for their build. Used from one thread."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / JOURNAL
        folder.mkdir(parents=True, exist_ok=True)
        try:
            self._db = sqlite3.connect(self._path, timeout=30, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute("PRAGMA secure_delete=ON")
            self._db.execute(_SCHEMA)
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def put(
        self,
        key: str,
        document: Document,
        gaps: tuple[str, ...],
        notices: tuple[str, ...],
        count: int,
        passages: bytes,
    ) -> None:
        """Keep a reading."""
        row = (key, document.model_dump_json(), json.dumps(gaps), json.dumps(notices))
        try:
            self._db.execute(
                "INSERT OR REPLACE INTO reading VALUES (?,?,?,?,?,?,?)",
                (*row, count, passages, time.time()),
            )
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def get(self, key: str) -> Reading | None:
        """Return a reading that is kept."""
        try:
            row = self._db.execute(
                "SELECT document, gaps, notices, count FROM reading WHERE key = ?", (key,)
            ).fetchone()
        except sqlite3.Error as error:
            raise self._unusable(error) from error
        if row is None:
            return None
        return Reading(
            journal=self,
            key=key,
            document=Document.model_validate_json(row[0]),
            gaps=tuple(json.loads(row[1])),
            notices=tuple(json.loads(row[2])),
            count=row[3],
        )

    def passages(self, key: str) -> tuple[Passage, ...]:
        """Return the passages of a reading."""
        try:
            (packed,) = self._db.execute(
                "SELECT passages FROM reading WHERE key = ?", (key,)
            ).fetchone()
        except sqlite3.Error as error:
            raise self._unusable(error) from error
        return _PASSAGES.validate_json(zlib.decompress(packed))

    def forget(self, keys: list[str]) -> None:
        """Delete readings that are in the base now, and those of builds long given up."""
        try:
            self._db.executemany("DELETE FROM reading WHERE key = ?", [(key,) for key in keys])
            self._db.execute("DELETE FROM reading WHERE at < ?", (time.time() - KEEP_DAYS * 86400,))
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def close(self) -> None:
        """Close the file; an empty one is removed."""
        empty = self._db.execute("SELECT count(*) FROM reading").fetchone()[0] == 0
        self._db.close()
        if empty:
            remove_journal(self._path.parent)

    def _unusable(self, error: sqlite3.Error) -> SetupError:
        if "full" in str(error):
            return SetupError(f"磁盘空间不足，无法写入 {self._path}", mend="清理磁盘后重试")
        return SetupError(
            f"入库记录 {self._path} 无法使用：{error}",
            mend=f"删除该文件后重试（未完成的文件会重新读取）：rm {self._path}",
        )


def remove_journal(folder: Path) -> None:
    """Delete all readings."""
    for suffix in ("", "-wal", "-shm"):
        (folder / f"{JOURNAL}{suffix}").unlink(missing_ok=True)
