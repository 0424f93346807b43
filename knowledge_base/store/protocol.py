"""The store contract: points with a dense and a sparse vector, and conditions that filter inside.

Every condition is evaluated by the engine within the query, never on its results: a reader without
permission gets the k best permitted passages, not what is left of the k best.
"""

import functools
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from cspon.schemas.knowledge import Passage
from knowledge_base.lexical import SparseTokens
from knowledge_base.titles import title_key
from llm.embeddings import Vectors

DENSE, SPARSE = "dense", "lexical"
"""Names of the vectors, and of the routes that use them."""

KEYWORDS = (
    "title_key",
    "article_key",
    "document_id",
    "department",
    "roles",
    "region",
    "level",
    "kind",
)
INTEGERS = ("from_day", "to_day", "secrecy", "ordinal")
"""Payload fields that are indexed."""

ALWAYS, NEVER = 0, date.max.toordinal()
_NAMESPACE = uuid.UUID("6f1c2a52-5d43-4d0e-9a53-0c1f0a6a6c1d")


@dataclass(frozen=True)
class Where:
    """A condition; None means any. All that are given must hold."""

    title_keys: tuple[str, ...] | None = None
    article_key: str | None = None
    document_ids: tuple[str, ...] | None = None
    kinds: tuple[str, ...] | None = None
    levels: tuple[str, ...] | None = None
    regions: tuple[str, ...] | None = None
    """Regions; "" is a text without one (national)."""
    on_date: date | None = None
    """Only versions whose window holds this day."""
    max_secrecy: int | None = None
    departments: tuple[str, ...] | None = None
    """Departments; "" is a text that belongs to none."""
    roles: tuple[str, ...] | None = None
    """Roles; "" is a text that is not reserved to any."""
    ordinals: tuple[int, int] | None = None
    """First and last place within the document."""


@dataclass(frozen=True)
class Point:
    """A passage with its vectors and the attributes of its document that conditions use."""

    passage: Passage
    dense: Vectors
    sparse: SparseTokens
    kind: str = "法律"
    level: str = "国家"
    region: str = ""

    @property
    def id(self) -> str:
        """The engine's id: a UUID made from the passage's."""
        return point_id(self.passage.id)

    @property
    def payload(self) -> dict[str, Any]:
        """The passage and its indexed fields."""
        p = self.passage
        return {
            "passage": p.model_dump(mode="json"),
            "title_key": title_key(p.title),
            "article_key": p.article_key or "",
            "document_id": p.document_id,
            "department": p.department or "",
            "roles": list(p.roles) or [""],
            "ordinal": -1 if p.ordinal is None else p.ordinal,
            "region": self.region,
            "level": self.level,
            "kind": self.kind,
            "from_day": p.effective_from.toordinal() if p.effective_from else ALWAYS,
            "to_day": p.effective_to.toordinal() if p.effective_to else NEVER,
            "secrecy": p.secrecy.rank,
        }


@dataclass(frozen=True)
class Found:
    """A point that a query found: engine id and the score of that query."""

    id: str
    score: float


class Store(Protocol):
    """A set of points. Reads are safe from several threads; writes come from one."""

    def upsert(self, points: Sequence[Point]) -> None:
        """Insert points, or replace those with the same passage id."""
        ...

    def delete_document(self, document_id: str) -> None:
        """Remove all points of a document; nothing happens when there are none."""
        ...

    def delete(self, ids: Sequence[str]) -> None:
        """Remove points by engine id; unknown ids are passed over."""
        ...

    def query_dense(self, vector: Vectors, k: int, where: Where) -> list[Found]:
        """Return the k nearest by cosine among the points that satisfy the condition."""
        ...

    def query_sparse(self, vector: SparseTokens, k: int, where: Where) -> list[Found]:
        """Return the k best by IDF-weighted dot product; points that share no token are left out."""
        ...

    def get(self, ids: Sequence[str]) -> list[Passage]:
        """Return the passages with these engine ids in the order asked; unknown ids are left out."""
        ...

    def scroll(self, where: Where) -> Iterator[Passage]:
        """Return all passages that satisfy the condition, in no particular order."""
        ...

    def count(self, where: Where | None = None) -> int:
        """Return how many points satisfy the condition."""
        ...

    def flush(self) -> None:
        """Make what was written durable."""
        ...

    def close(self) -> None:
        """Release files and connections; the store cannot be used afterwards."""
        ...


@functools.lru_cache(maxsize=16_384)
def point_id(passage_id: str) -> str:
    """Return the engine's id of a passage; a search asks for that of every candidate."""
    return str(uuid.uuid5(_NAMESPACE, passage_id))


def as_passage(payload: Any) -> Passage:
    """Read the passage back from a payload."""
    return Passage.model_validate(payload["passage"])
