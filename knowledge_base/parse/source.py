"""The text of a file with the pages that its characters come from."""

from bisect import bisect_right
from dataclasses import dataclass


@dataclass(frozen=True)
class SourceText:
    """Plain text; Markdown marks (#) stand for heading levels where the format knows them."""

    text: str
    page_starts: tuple[int, ...] = ()
    """Offset of each page's first character; empty when the format has no pages."""

    def page_at(self, offset: int) -> int | None:
        """Return the 1-based page of a character."""
        return bisect_right(self.page_starts, offset) or None if self.page_starts else None
