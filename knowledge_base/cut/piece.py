"""A piece of a text on its way to a passage: what it is and where it stands, nothing of its document."""

from typing import Literal, NamedTuple


class Piece(NamedTuple):
    """A passage without its document, page, boxes and flags."""

    text: str
    span: tuple[int, int]
    kind: Literal["article", "text", "table", "term"] = "text"
    name: str = ""
    """Suffix of the passage's id; empty for the next number."""
    path: tuple[str, ...] = ()
    article: str | None = None
    key: str | None = None
    html: str | None = None
    terms: tuple[str, ...] = ()
    """Terms that it defines."""
