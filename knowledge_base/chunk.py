"""Files to documents and passages: regulations by article, other texts by heading and window.

涉密 material is refused here, before anything of it is stored.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from cspon.errors import InputError
from cspon.schemas.base import Secrecy
from cspon.schemas.knowledge import Document, Passage
from knowledge_base.appendix import Attachment, find_attachments
from knowledge_base.classified import refuse_classified, suggested_secrecy
from knowledge_base.front import Front, read_front
from knowledge_base.instructions import screen
from knowledge_base.laws import Law
from knowledge_base.metadata import Metadata, apply
from knowledge_base.parse.read import read_source
from knowledge_base.parse.source import SourceText
from knowledge_base.piece import Piece
from knowledge_base.sections import OVERLAP, WINDOW, read_sections, section_pieces, windows
from knowledge_base.structure import Article, Regulation, read_articles, read_regulation
from knowledge_base.tables import table_pieces, table_regions
from knowledge_base.terms import defined_terms
from knowledge_base.titles import title_key

__all__ = ["OVERLAP", "WINDOW", "read_document", "split"]

CUT = 2
"""Version of the cutting; a document that another one cut is cut anew when it is added again."""
OPENING, CLOSING = 3000, 2500
"""Characters from which metadata of a text without articles is read."""
_FIRST_ARTICLE = re.compile(
    r"^[ \t　#*]*第[ 　]*[0-9一二三四五六七八九十百千〇零]+[ 　]*条(?=[ \t　])", re.M
)

_FRONT_MARK = re.compile(
    r"[（(][^（()）。]{2,20}[)）]$|附[ 　]?件[ 　]?[0-9一二三四五六七八九十]{0,2}[:：]?$"
)
"""（征求意见稿） under a title, 附件 above it: no passages of their own."""


def read_document(
    path: Path,
    *,
    secrecy: Secrecy = Secrecy.PUBLIC,
    department: str | None = None,
    roles: Sequence[str] = (),
    name: str | None = None,
    ocr: bool = True,
    metadata: Metadata | None = None,
) -> Law:
    """Read a file as one document with its passages.

    Args:
        path: A file that `parse.read` reads.
        secrecy: Level of the document; the file's own mark can raise it.
        department: Department that may read it; None for all.
        roles: Roles that may read it; empty for all.
        name: Name to go by, e.g. `a.zip!/b.docx`; the file's own by default.
        ocr: Whether pages without text are recognised.
        metadata: What a person says of it; it wins over what is found.

    Raises:
        InputError: unreadable, empty, 涉密, or wrong metadata.
        SetupError: the reader's package is not installed.
    """
    source = read_source(path, ocr=ocr)
    try:
        return split(
            source,
            name or path.name,
            secrecy=secrecy,
            department=department,
            roles=roles,
            metadata=metadata,
        )
    except InputError as error:
        if error.file in (None, name, path.name):
            raise InputError(
                error.message, file=path, row=error.row, field=error.field, mend=error.mend
            ) from error
        raise


def split(
    source: SourceText,
    name: str,
    *,
    secrecy: Secrecy = Secrecy.PUBLIC,
    department: str | None = None,
    roles: Sequence[str] = (),
    metadata: Metadata | None = None,
) -> Law:
    """Make a document with its passages from what a reader gave. Time grows with the text's length.

    Args:
        source: Text, tables and places.
        name: File name; its stem helps to find title and version.
        secrecy: Level of the document; the file's own mark can raise it.
        department: Department that may read it; None for all.
        roles: Roles that may read it; empty for all.
        metadata: What a person says of it; it wins over what is found.

    Raises:
        InputError: 涉密, nothing to read, or wrong metadata.
    """
    refuse_classified(source, name)
    stem = PurePosixPath(name.replace("\\", "/")).stem
    spans = tuple(table.span for table in source.tables)
    first = _FIRST_ARTICLE.search(source.text)
    attachments = find_attachments(source.text, first.end() if first else 0, spans)
    end = attachments[0].start if attachments else len(source.text)
    regulation = read_regulation(source.text, stem, end, spans)
    if regulation is None and first:
        attachments = find_attachments(source.text, 0, spans)
        end = attachments[0].start if attachments else len(source.text)
    front = (
        regulation.front
        if regulation
        else read_front(
            source.text[: min(OPENING, end)],
            stem,
            (source.text[max(0, end - CLOSING) : end],),
            is_regulation=False,
            properties=source.properties.get("title", ""),
        )
    )
    document = _document(source, front, name, regulation is not None)
    document = document.model_copy(
        update={
            "secrecy": max(secrecy, suggested_secrecy(source, name), key=lambda level: level.rank),
            "department": department,
            "roles": tuple(roles),
            "content_hash": _content_hash(source, secrecy, department, roles, metadata),
        }
    )
    if metadata is not None:
        document = apply(document, metadata)
    pieces = _pieces(source, document, regulation, attachments, end)
    passages = tuple(_passages(source, document, pieces))
    if not passages:
        raise InputError("没有可入库的文字", file=name, mend="检查文件内容")
    return Law(document=document, passages=passages)


def _content_hash(
    source: SourceText,
    secrecy: Secrecy,
    department: str | None,
    roles: Sequence[str],
    metadata: Metadata | None,
) -> str:
    said = metadata.model_dump_json(exclude_none=True) if metadata else ""
    told = "\0".join((str(CUT), secrecy, department or "", ",".join(roles), said))
    digest = hashlib.sha256(source.text.encode("utf-8", "surrogatepass"))
    digest.update(f"\0{told}".encode())
    return digest.hexdigest()


def _document(source: SourceText, front: Front, name: str, is_regulation: bool) -> Document:
    edition = (
        front.version
        or hashlib.sha256(source.text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    )
    part = front.part if is_regulation and front.part else "f"
    return Document(
        id=f"{title_key(front.title)}@{edition}~{part}".replace("#", ""),
        title=front.title,
        kind=front.kind,
        level=front.level,
        issuer=front.issuer,
        number=front.number,
        version=front.version,
        published=front.published,
        effective_from=front.effective_from,
        effective_to=front.effective_to,
        expires_on=front.effective_to,
        recorded_status=front.recorded_status,
        superseded_by=front.superseded_by,
        region=front.region,
        supersedes=front.supersedes,
        source=name,
        note=front.note,
    )


def _pieces(
    source: SourceText,
    document: Document,
    regulation: Regulation | None,
    attachments: Sequence[Attachment],
    end: int,
) -> list[Piece]:
    """Return the pieces of a text in the order in which they stand in it."""
    regions = table_regions(source)
    spans = tuple(table.span for table in source.tables)
    pieces: list[Piece] = []
    outline: list[tuple[int, tuple[str, ...]]] = []
    if regulation is None:
        sections = read_sections(source.text, 0, end, spans)
        pieces.extend(
            piece
            for piece in section_pieces(source.text, sections, regions)
            if not _is_front_mark(piece.text, document.title)
        )
        outline.extend((section.start, section.path) for section in sections)
    else:
        above = (regulation.front.part,) if regulation.front.part else ()
        if preamble := regulation.front.preamble:
            pieces.append(Piece(preamble, (0, regulation.articles[0].span[0]), name="序言"))
        for article in regulation.articles:
            path = (*above, *article.heading_path)
            pieces.append(_article_piece(article, path))
            outline.append((article.span[0], (*path, article.label)))
    for number, attachment in enumerate(attachments, 1):
        pieces.extend(_attached(source, attachment, number, outline, regions))
    pieces.extend(table_pieces(source, regions, outline))
    pieces.sort(key=lambda piece: piece.span)
    return pieces


def _is_front_mark(text: str, title: str) -> bool:
    """Return whether a piece is the title again, or a mark above or below it."""
    if len(text) > 2 * len(title) + 40:
        return False
    return title_key(text.lstrip("# ")) == title_key(title) or _FRONT_MARK.match(text) is not None


def _article_piece(article: Article, path: tuple[str, ...]) -> Piece:
    return Piece(
        article.text,
        article.span,
        "article",
        article.key,
        path,
        article.label,
        article.key,
        terms=defined_terms(article.text),
    )


def _attached(
    source: SourceText,
    attachment: Attachment,
    number: int,
    outline: list[tuple[int, tuple[str, ...]]],
    regions: Sequence[tuple[int, int]],
) -> Iterator[Piece]:
    """Yield the pieces of an attachment; its articles are named 附件1第一条 and have no key."""
    spans = tuple(table.span for table in source.tables)
    name = f"{attachment.label}~{number}"
    articles = read_articles(source.text, attachment.body, attachment.end, spans)
    if len(articles) < 2:
        sections = read_sections(source.text, attachment.body, attachment.end, spans)
        for section in sections:
            outline.append((section.start, (attachment.name, *section.path)))
        outline.append((attachment.start, (attachment.name,)))
        outline.sort()
        for count, piece in enumerate(section_pieces(source.text, sections, regions), 1):
            yield Piece(
                piece.text,
                piece.span,
                piece.kind,
                f"{name}.{count:05d}",
                (attachment.name, *piece.path),
                piece.article,
                terms=piece.terms,
            )
        return
    for count, (start, stop) in enumerate(
        windows(source.text, attachment.body, articles[0].span[0]), 1
    ):
        if words := source.text[start:stop].strip():
            yield Piece(words, (start, stop), "text", f"{name}.0{count}", (attachment.name,))
    for article in articles:
        path = (attachment.name, *article.heading_path)
        outline.append((article.span[0], (*path, article.label)))
        yield Piece(
            article.text,
            article.span,
            "article",
            f"{name}.{article.key}",
            path,
            f"{attachment.label}{article.label}",
            terms=defined_terms(article.text),
        )


def _passages(source: SourceText, document: Document, pieces: Sequence[Piece]) -> Iterator[Passage]:
    number = 0
    screened = screen(source.text)
    for piece in pieces:
        name = piece.name
        if not name:
            number += 1
            name = f"c{number:05d}"
        start, end = piece.span
        yield Passage(
            id=f"{document.id}#{name}",
            document_id=document.id,
            title=document.title,
            article=piece.article,
            article_key=piece.key,
            heading_path=piece.path,
            text=piece.text,
            kind=piece.kind,
            page=source.page_at(start),
            span=piece.span,
            boxes=source.boxes_of(start, end) if source.lines else (),
            html=piece.html,
            confidence=_confidence(source, start, end),
            flags=screened.marks("\n".join((*piece.path, piece.text))),
            terms=piece.terms,
        )


def _confidence(source: SourceText, start: int, end: int) -> float | None:
    """Return the mean recognition confidence of the pages that a span touches."""
    if not source.page_confidence:
        return None
    first, last = source.page_at(start) or 1, source.page_at(max(start, end - 1)) or 1
    known = [value for value in source.page_confidence[first - 1 : last] if value is not None]
    return sum(known) / len(known) if known else None
