"""The references of one generation, on disk: looked up from the citing and from the cited side.

One SQLite file in the generation's folder, written before the generation is published and never
changed afterwards. A base from before there was such a file is read once from the store instead.
"""

import shutil
import sqlite3
import threading
from collections.abc import Collection, Iterable, Sequence
from dataclasses import astuple, fields
from itertools import groupby
from pathlib import Path

from cspon.schemas.knowledge import Document, Passage
from knowledge_base.catalogue import Catalogue
from knowledge_base.citing.references import Reference, find_references
from knowledge_base.store.protocol import Store, Where

REFERENCES = "references.sqlite"
_COLUMNS = "source, document, target, name, article, part, relation, words, own"
_FIELDS = tuple(field.name for field in fields(Reference))
_SCHEMA = """
CREATE TABLE reference (source TEXT, document TEXT, target TEXT, name TEXT, article TEXT,
 part TEXT, relation TEXT, words TEXT, own INTEGER);
CREATE INDEX by_source ON reference (source);
CREATE INDEX by_document ON reference (document, relation);
CREATE INDEX by_target ON reference (target, article);
CREATE TABLE place (document TEXT, article TEXT, passage TEXT);
CREATE INDEX by_article ON place (document, article);
"""


def write_references(
    working: Path,
    earlier: Path | None,
    catalogue: Catalogue,
    changed: Iterable[tuple[Document, Sequence[Passage]]],
    dropped: Collection[str],
    store: Store,
) -> None:
    """Write the references of the generation in `working`.

    Args:
        working: Folder of the generation that is being made.
        earlier: Folder of the generation that it goes on from; None for a fresh one.
        catalogue: The documents of the new generation.
        changed: Documents that were indexed anew, with their passages.
        dropped: Ids of documents whose references of before no longer count.
        store: The new index; read only when `earlier` has no references file.
    """
    path = working / REFERENCES
    if earlier is not None and not path.exists() and (earlier / REFERENCES).is_file():
        shutil.copyfile(earlier / REFERENCES, path)
    if earlier is not None and not path.exists():
        changed, dropped = by_document(catalogue, store.scroll(Where())), ()
    fresh = not path.exists()
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA secure_delete = ON")
        if fresh:
            connection.executescript(_SCHEMA)
        for document_id in dropped:
            connection.execute("DELETE FROM reference WHERE document = ?", (document_id,))
            connection.execute("DELETE FROM place WHERE document = ?", (document_id,))
        _insert(connection, catalogue, changed)
        connection.commit()
    finally:
        connection.close()


def by_document(
    catalogue: Catalogue, passages: Iterable[Passage]
) -> list[tuple[Document, list[Passage]]]:
    """Group passages by their documents, in order."""
    ordered = sorted(passages, key=lambda p: (p.document_id, p.ordinal or 0))
    grouped = groupby(ordered, key=lambda p: p.document_id)
    return [
        (entry.document, list(group))
        for document_id, group in grouped
        if (entry := catalogue.entry(document_id)) is not None
    ]


def _insert(
    connection: sqlite3.Connection,
    catalogue: Catalogue,
    documents: Iterable[tuple[Document, Sequence[Passage]]],
) -> None:
    names = frozenset(catalogue.lexicon)
    for document, passages in documents:
        connection.executemany(
            f"INSERT INTO reference ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?)",
            [astuple(reference) for reference in find_references(document, passages, names)],
        )
        connection.executemany(
            "INSERT INTO place VALUES (?,?,?)",
            [(document.id, p.article_key, p.id) for p in passages if p.article_key],
        )


class ReferenceIndex:
    """The references of one opened generation. Thread-safe."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    @classmethod
    def open(cls, generation: Path, catalogue: Catalogue, store: Store) -> "ReferenceIndex":
        """Open the file of a generation; without one, read the store (a second for 10,000 passages)."""
        path = generation / REFERENCES
        if path.is_file():
            uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
            return cls(sqlite3.connect(uri, uri=True, check_same_thread=False))
        connection = sqlite3.connect(":memory:", check_same_thread=False)
        connection.executescript(_SCHEMA)
        _insert(connection, catalogue, by_document(catalogue, store.scroll(Where())))
        return cls(connection)

    def of_passage(self, passage_id: str) -> list[Reference]:
        """Return what a passage cites, in the order of its text."""
        return self._references("source = ?", (passage_id,))

    def grounds_of(self, document_ids: Sequence[str]) -> list[Reference]:
        """Return what documents say that they are made under or carry out."""
        marks = ",".join("?" * len(document_ids))
        return self._references(
            f"document IN ({marks}) AND relation IN ('依据', '实施')", tuple(document_ids)
        )

    def to(self, targets: Collection[str], article: str | None) -> list[Reference]:
        """Return what cites an article, or (None) a document as a whole.

        Args:
            targets: Keys under which the document is cited: its title's and its number's.
            article: Article key.
        """
        marks = ",".join("?" * len(targets))
        return self._references(
            f"target IN ({marks}) AND article IS ?", (*sorted(targets), article)
        )

    def passage_at(self, document_id: str, article: str) -> str | None:
        """Return the id of the passage that holds an article of a document."""
        with self._lock:
            row = self._connection.execute(
                "SELECT passage FROM place WHERE document = ? AND article = ?",
                (document_id, article),
            ).fetchone()
        return row[0] if row else None

    def count(self) -> int:
        """Return how many references there are."""
        with self._lock:
            return int(self._connection.execute("SELECT count(*) FROM reference").fetchone()[0])

    def close(self) -> None:
        """Release the file."""
        with self._lock:
            self._connection.close()

    def _references(self, condition: str, values: tuple[object, ...]) -> list[Reference]:
        query = f"SELECT {_COLUMNS} FROM reference WHERE {condition} ORDER BY rowid"
        with self._lock:
            rows = self._connection.execute(query, values).fetchall()
        return [Reference(**dict(zip(_FIELDS, row, strict=True))) for row in rows]
