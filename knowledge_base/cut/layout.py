"""How a text is put together: header, running text, articles, attachments; and the pieces of each.

Three shapes: a regulation (its articles are the document's own), a notice that carries one in an
attachment (these articles are the document's own, too: they are what is cited), and running text
whose attachments may have articles of their own (附件2第一条).
"""

import re
from bisect import insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from knowledge_base.cut.appendix import Attachment, attachment_heads, find_attachments
from knowledge_base.cut.contents import find_contents
from knowledge_base.cut.piece import Piece
from knowledge_base.cut.sections import WINDOW, read_sections, section_pieces
from knowledge_base.cut.structure import (
    Article,
    Spans,
    heading_of,
    is_mark,
    lines_between,
    read_articles,
    read_regulation,
)
from knowledge_base.cut.tables import table_pieces, table_regions
from knowledge_base.cut.terms import defined_terms
from knowledge_base.describe.front import Front, read_front
from knowledge_base.parse.source import SourceText
from knowledge_base.titles import title_key

OPENING, CLOSING = 3000, 2500
"""Characters from which metadata of a text without articles is read."""
_FIRST_ARTICLE = re.compile(
    r"^[ \t　#*]*第[ 　]*[0-9一二三四五六七八九十百千〇零]+[ 　]*条(?=[ \t　:：\n])", re.MULTILINE
)
_WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".csv", ".et")
_CARRIES = re.compile(r"(?:印发|发布|公布|颁布|转发).*(?:通知|公告|通告|决定|令)")
"""Title of a text that brings another one."""
_SENTENCE = re.compile(r"[。；：，]|.{40}")
"""What is no mere rest of a heading."""
_FRONT_MARK = re.compile(
    r"[(（][^（()）。]{2,20}[)）]$|附[ 　]?件[ 　]?[0-9一二三四五六七八九十]{0,2}[:：]?$"
)
"""（征求意见稿） under a title, 附件 above it: no passages of their own."""


@dataclass(frozen=True)
class Layout:
    """The parts of a text."""

    front: Front
    body_end: int
    """Where the running text or the articles end and the attachments begin."""
    articles: tuple[Article, ...] = ()
    """Those that are the document's own."""
    above: tuple[str, ...] = ()
    """Headings above all of these articles: the part of a law, or the attachment that holds them."""
    carrier: Attachment | None = None
    """The attachment that holds them."""
    attachments: tuple[Attachment, ...] = ()
    """The others."""
    contents: Spans = ()
    """Tables of contents."""


@dataclass
class _Gathered:
    """Pieces in the making, and under which headings each place stands."""

    source: SourceText
    regions: Spans
    """Tables with their captions."""
    contents: Spans
    skip: Spans = ()
    pieces: list[Piece] = field(default_factory=list)
    outline: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)

    def place(self, offset: int, path: tuple[str, ...]) -> None:
        """Note under which headings the text stands from an offset on; tables alone ask for it."""
        if self.regions:
            insort(self.outline, (offset, path))

    def running(
        self, start: int, end: int, above: tuple[str, ...] = (), name: str = "", unless: str = ""
    ) -> None:
        """Add the pieces of running text.

        Args:
            start: Where it begins.
            end: Where it ends.
            above: Headings above it.
            name: Beginning of the ids; empty for the document's own numbers.
            unless: A title; a piece that only repeats it is left out.
        """
        sections = read_sections(self.source.text, start, end, self.skip)
        left_out = sorted((*self.regions, *self.contents))
        for section in sections:
            self.place(section.start, (*above, *section.path))
        found = list(section_pieces(self.source.text, sections, left_out))
        kept = [piece for piece in found if not (unless and _repeats(piece.text, unless))]
        for count, piece in enumerate(kept or found, 1):
            named = f"{name}.{count:05d}" if name else ""
            self.pieces.append(piece._replace(name=named, path=(*above, *piece.path)))


def _skip(source: SourceText, contents: Spans) -> Spans:
    return tuple(sorted((*(table.span for table in source.tables), *contents)))


def lay_out(source: SourceText, name: str) -> Layout:
    """Find the parts of a text.

    Args:
        source: The text.
        name: File name; a workbook's sheets are no titles, its name is.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    stem, is_workbook = path.stem, path.suffix.lower() in _WORKBOOKS
    text, contents = source.text, find_contents(source.text)
    skip = _skip(source, contents)
    first = _FIRST_ARTICLE.search(text)
    heads = attachment_heads(text)
    attachments = find_attachments(text, 0, skip, heads)
    carrier = next((a for a in attachments if first and a.start < first.start() < a.end), None)
    if first and carrier is None:
        own = find_attachments(text, first.end(), skip, heads)
        end = own[0].start if own else len(text)
        if regulation := read_regulation(text, stem, end, skip):
            above = (regulation.front.part,) if regulation.front.part else ()
            return Layout(regulation.front, end, regulation.articles, above, None, own, contents)
    end = attachments[0].start if attachments else len(text)
    carried = read_articles(text, carrier.body, carrier.end, skip) if carrier else ()
    front = read_front(
        text[: min(OPENING, end)],
        stem,
        (text[max(0, end - CLOSING) : end], *(article.text for article in carried[-3:])),
        is_regulation=False,
        properties=source.properties.get("title", ""),
        is_workbook=is_workbook,
    )
    if carrier is None or len(carried) < 2 or not _CARRIES.search(front.title):
        return Layout(front, end, attachments=attachments, contents=contents)
    others = tuple(a for a in attachments if a is not carrier)
    return Layout(front, end, carried, (carrier.name,), carrier, others, contents)


def pieces_of(source: SourceText, layout: Layout, title: str) -> list[Piece]:
    """Return the pieces of a text in the order in which they stand in it.

    Args:
        source: The text.
        layout: From `lay_out`.
        title: The document's title, which is no passage of its own.
    """
    gathered = _Gathered(
        source, table_regions(source), layout.contents, _skip(source, layout.contents)
    )
    if layout.carrier is not None:
        gathered.running(0, layout.body_end, unless=title)
        before = layout.articles[0].span[0]
        gathered.running(layout.carrier.body, before, layout.above, unless=layout.carrier.title)
    elif not layout.articles:
        gathered.running(0, layout.body_end, unless=title)
    elif len(layout.front.preamble) > 2 * WINDOW:
        gathered.running(0, layout.articles[0].span[0], unless=title)
    elif layout.front.preamble:
        span = (0, layout.articles[0].span[0])
        gathered.pieces.append(Piece(layout.front.preamble, span, name="序言"))
    if layout.articles:
        stop = layout.carrier.end if layout.carrier else layout.body_end
        _add_articles(gathered, layout.articles, stop, layout.above)
    for number, attachment in enumerate(layout.attachments, 1):
        _add_attachment(gathered, attachment, number)
    gathered.pieces.extend(table_pieces(source, gathered.regions, gathered.outline))
    return sorted(gathered.pieces, key=lambda piece: piece.span)


def _add_articles(
    gathered: _Gathered,
    articles: Sequence[Article],
    stop: int,
    above: tuple[str, ...],
    label: str = "",
    name: str = "",
) -> None:
    """Add articles; those of an attachment are labelled 附件1第一条 and have no key."""
    for article in articles:
        path = (*above, *article.heading_path)
        gathered.place(article.span[0], (*path, article.label))
        gathered.pieces.append(
            Piece(
                article.text,
                article.span,
                "article",
                f"{name}.{article.key}" if name else article.key,
                path,
                f"{label}{article.label}",
                None if label else article.key,
                terms=defined_terms(article.text),
            )
        )
    for number, (words, span) in enumerate(_between(gathered, articles, stop), 1):
        gathered.pieces.append(Piece(words, span, "text", f"{name or '条间'}.{number:03d}x", above))


def _between(
    gathered: _Gathered, articles: Sequence[Article], stop: int
) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield what stands behind articles and is neither heading nor table: words under a chapter."""
    text = gathered.source.text
    starts = [*(article.span[0] for article in articles[1:]), stop]
    for article, end in zip(articles, starts, strict=True):
        start = article.span[1]
        if end - start < 3 or not text[start:end].strip():
            continue
        words = [
            stripped
            for line, _ in lines_between(text, start, end, gathered.skip)
            if (stripped := line.strip()) and not heading_of(stripped) and not is_mark(stripped)
        ]
        if _SENTENCE.search("".join(words)):
            yield "\n".join(words), (start, end)


def _add_attachment(gathered: _Gathered, attachment: Attachment, number: int) -> None:
    gathered.place(attachment.start, (attachment.name,))
    name, above = f"{attachment.label}~{number}", (attachment.name,)
    articles = read_articles(gathered.source.text, attachment.body, attachment.end, gathered.skip)
    if len(articles) < 2:
        gathered.running(attachment.body, attachment.end, above, name, attachment.title)
        return
    before = articles[0].span[0]
    gathered.running(attachment.body, before, above, f"{name}.0", attachment.title)
    _add_articles(gathered, articles, attachment.end, above, attachment.label, name)


def _repeats(text: str, title: str) -> bool:
    """Return whether a piece is the title again, or a mark above or below it."""
    if len(text) > 2 * len(title) + 40:
        return False
    return title_key(text.lstrip("# ")) == title_key(title) or _FRONT_MARK.match(text) is not None
