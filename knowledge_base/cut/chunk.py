"""Files to documents and passages: regulations by article, other texts by heading and window.

涉密 material is refused here, before anything of it is stored.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter

from cspon.errors import InputError
from cspon.schemas.base import Secrecy
from cspon.schemas.knowledge import Document, Passage
from knowledge_base.cut.instructions import screen
from knowledge_base.cut.layout import Layout, lay_out, pieces_of
from knowledge_base.cut.piece import Piece
from knowledge_base.cut.sections import OVERLAP, WINDOW
from knowledge_base.describe.classified import refuse_classified, suggested_secrecy
from knowledge_base.describe.metadata import Metadata, apply
from knowledge_base.laws import Law
from knowledge_base.parse.read import read_source
from knowledge_base.parse.source import SourceText
from knowledge_base.titles import title_key

__all__ = ["OVERLAP", "WINDOW", "read_document", "split"]

_PASSAGES = TypeAdapter(tuple[Passage, ...])
CUT = 3
"""Version of the cutting; a document that another one cut is cut anew when it is added again."""


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
    layout = lay_out(source, name)
    suggested = suggested_secrecy(source, name)
    raised = suggested.rank > secrecy.rank
    document = _document(source, layout, name).model_copy(
        update={
            "secrecy": suggested if raised else secrecy,
            "found_by": {"secrecy": "rules"} if raised else {},
            "department": department,
            "roles": tuple(roles),
            "content_hash": _content_hash(source, secrecy, department, roles, metadata),
        }
    )
    if metadata is not None:
        document = apply(document, metadata)
    pieces = pieces_of(source, layout, document.title)
    passages = _passages(source, document, pieces)
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


def _document(source: SourceText, layout: Layout, name: str) -> Document:
    front = layout.front
    edition = (
        front.version
        or hashlib.sha256(source.text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    )
    part = front.part if layout.articles and front.part else "f"
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


def _passages(
    source: SourceText, document: Document, pieces: Sequence[Piece]
) -> tuple[Passage, ...]:
    number = 0
    screened = screen(source.text)
    passages = []
    for piece in pieces:
        name = piece.name
        if not name:
            number += 1
            name = f"c{number:05d}"
        start, end = piece.span
        passages.append(
            {
                "id": f"{document.id}#{name}",
                "document_id": document.id,
                "title": document.title,
                "article": piece.article,
                "article_key": piece.key,
                "heading_path": piece.path,
                "text": piece.text,
                "kind": piece.kind,
                "page": source.page_at(start),
                "span": piece.span,
                "boxes": source.boxes_of(start, end) if source.lines else (),
                "html": piece.html,
                "confidence": _confidence(source, start, end),
                "flags": screened.marks("\n".join((*piece.path, piece.text))) if screened else (),
                "terms": piece.terms,
            }
        )
    return _PASSAGES.validate_python(passages)  # twice as fast as one by one


def _confidence(source: SourceText, start: int, end: int) -> float | None:
    """Return the mean recognition confidence of the pages that a span touches."""
    if not source.page_confidence:
        return None
    first, last = source.page_at(start) or 1, source.page_at(max(start, end - 1)) or 1
    known = [value for value in source.page_confidence[first - 1 : last] if value is not None]
    return sum(known) / len(known) if known else None
