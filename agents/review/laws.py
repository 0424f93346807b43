"""The laws that a text may cite, as the knowledge base holds them, for who reviews."""

from datetime import date
from difflib import SequenceMatcher
from functools import cached_property
from typing import Protocol

from cspon.schemas.agent import Principal
from cspon.schemas.knowledge import Basis, Citation, Document
from knowledge_base.base import KnowledgeBase
from knowledge_base.titles import title_key

CLOSE = 0.76
"""Likeness of titles from which on one is taken for the other misspelt; the project's own choice."""


class Laws(Protocol):
    """What checks of citations ask."""

    def cite(self, basis: Basis, on_date: date) -> Citation:
        """Check a clause and its quote."""
        ...

    def versions(self, title: str, on_date: date) -> list[Document]:
        """Return the versions of a title, the one that counts first."""
        ...

    def nearest(self, title: str) -> str | None:
        """Return the title that is most like another, where it is very like."""
        ...


class HeldLaws:
    """The laws of a base, as far as somebody may read them."""

    def __init__(self, base: KnowledgeBase, principal: Principal) -> None:
        self._base, self._principal = base, principal

    def cite(self, basis: Basis, on_date: date) -> Citation:
        """Check a clause and its quote."""
        return self._base.cite(basis, on_date=on_date, principal=self._principal)

    def versions(self, title: str, on_date: date) -> list[Document]:
        """Return the versions of a title, the one that counts first."""
        found = self._base.versions(title, on_date=on_date, principal=self._principal)
        return [entry.document for entry in found]

    @cached_property
    def _titles(self) -> dict[str, str]:
        return {title_key(t): t for t in self._base.titles(principal=self._principal)}

    def nearest(self, title: str) -> str | None:
        """Return the title that is most like another, where it is very like."""
        return nearest(title, self._titles)


def _left_out(key: str, other: str) -> bool:
    """Say whether a title is another with up to three characters left out or put in, the end alike."""
    short, long = sorted((key, other), key=len)
    if not 3 <= len(short) < len(long) <= len(short) + 3 or short[-1] != long[-1]:
        return False
    rest = iter(long)
    return (short[0] == long[0] or long.endswith(short)) and all(char in rest for char in short)


def nearest(title: str, titles: dict[str, str]) -> str | None:
    """Return the title whose key is most like that of another; None where none is like enough.

    Args:
        title: As it was written.
        titles: Titles by key.
    """
    key = title_key(title)
    scored = [
        (SequenceMatcher(None, key, other).ratio(), full)
        for other, full in titles.items()
        if other != key
        and other[:2] == key[:2]
        and abs(len(other) - len(key)) <= max(2, len(key) // 4)
    ]
    scored += [(CLOSE, full) for other, full in titles.items() if _left_out(key, other)]
    best = max(scored, default=(0.0, ""))
    return best[1] if best[0] >= CLOSE else None
