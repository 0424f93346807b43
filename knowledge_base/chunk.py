"""Files to documents and passages: regulations by article, other texts by heading and window.

涉密 material is refused here, before anything of it is stored.
"""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from cspon.errors import InputError
from cspon.schemas.base import Secrecy
from cspon.schemas.knowledge import Document, Passage
from knowledge_base.laws import Law
from knowledge_base.parse.read import read_source
from knowledge_base.parse.source import SourceText
from knowledge_base.structure import Front, Regulation, read_front, read_regulation
from knowledge_base.titles import title_key

WINDOW = 480
"""Characters of a passage of running text; the embedder reads about 512 tokens."""
OVERLAP = 80
HEADER_LINES = 40
MAX_HEADING = 90
_CONTENTS_LINE = re.compile(
    r"(?:\.{4,}|…{2,}|\t|[ 　]{3,})\s*[0-9ⅠⅡⅢⅣⅤIVX]+\s*$|^[^。；]{1,60}\t[0-9IVX]*\s*$"
)

_CLASSIFIED = re.compile(
    r"^[\s#*　]*(?:密\s*级\s*[:：]?\s*)?(?P<mark>绝\s*密|机\s*密|秘\s*密)\s*(?:[★☆].{0,12})?\s*$"
)
_STARRED = re.compile(r"(?P<mark>绝\s*密|机\s*密|秘\s*密)\s*[★☆]")
_HEADING = re.compile(
    r"^\s*(?:(?P<hashes>#{1,6})\s+(?P<marked>\S.*)"
    r"|(?P<chinese>[一二三四五六七八九十]{1,3})、(?P<first>[^。；]{1,40})"
    r"|(?P<decimal>\d{1,2}(?:\.\d{1,2}){0,3})[\s　]+(?P<numbered>[^\d\s][^。；]{0,40})"
    r"|(?P<chapter>第[一二三四五六七八九十百]{1,4}[编章节])[\s　]*(?P<named>[^。；]{0,40}))\s*$"
)
_SENTENCE_END = re.compile(r"[。；！？\n]")


def refuse_classified(text: str, path: Path) -> None:
    """Stop at a 涉密 marking: alone on a line of the header, or with its star anywhere.

    Raises:
        InputError: marked; the message does not repeat the text.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    for number, line in enumerate(lines):
        match = _CLASSIFIED.match(line) if number < HEADER_LINES else None
        match = match or (_STARRED.search(line) if len(line.strip()) <= 30 else None)
        if match:
            mark = re.sub(r"\s+", "", match["mark"])
            raise InputError(
                f"文件带有密级标志“{mark}”，涉密材料不得进入本系统",
                file=path,
                mend="按保密规定处理该文件；确系误标的，由定密责任人更正后再入库",
            )


def read_document(
    path: Path, *, secrecy: Secrecy = Secrecy.PUBLIC, department: str | None = None
) -> Law:
    """Read a file as one document with its passages.

    Args:
        path: .md, .txt, .docx, or .pdf with text.
        secrecy: Level of the document.
        department: Department that may read it; None for all.

    Raises:
        InputError: unreadable, empty or 涉密.
        SetupError: the reader's package is not installed.
    """
    source = read_source(path)
    refuse_classified(source.text, path)
    regulation = read_regulation(source.text, path.stem)
    front = regulation.front if regulation else read_front(source.text[:2000], path.stem)
    content_hash = hashlib.sha256(
        f"{source.text}\0{secrecy}\0{department or ''}".encode()
    ).hexdigest()
    edition = front.version or content_hash[:8]
    part = front.part if regulation and front.part else "f"
    document_id = f"{title_key(front.title)}@{edition}~{part}"
    document = Document(
        id=document_id.replace("#", ""),
        title=front.title,
        kind=front.kind,
        level=front.level,
        issuer=front.issuer,
        number=front.number,
        version=front.version,
        published=None,
        effective_from=front.effective_from if regulation else None,
        region=front.region,
        secrecy=secrecy,
        department=department,
        source=path.name,
        content_hash=content_hash,
        note=front.note if regulation or front.version is None else "",
    )
    if regulation:
        passages = list(_article_passages(document, front, regulation, source))
    else:
        passages = list(_windows(document, source))
    if not passages:
        raise InputError("没有可入库的文字", file=path, mend="检查文件内容")
    return Law(document=document, passages=tuple(passages))


def _article_passages(
    document: Document, front: Front, regulation: Regulation, source: SourceText
) -> Iterator[Passage]:
    above = (front.part,) if front.part else ()
    if front.preamble:
        yield _passage(document, "序言", front.preamble, page=source.page_at(0))
    for article in regulation.articles:
        yield Passage(
            id=f"{document.id}#{article.key}",
            document_id=document.id,
            title=document.title,
            article=article.label,
            article_key=article.key,
            kind="article",
            heading_path=(*above, *article.heading_path),
            text=article.text,
            page=source.page_at(article.span[0]),
            span=article.span,
        )


def _passage(
    document: Document,
    name: str,
    text: str,
    *,
    path: tuple[str, ...] = (),
    page: int | None = None,
    span: tuple[int, int] | None = None,
) -> Passage:
    return Passage(
        id=f"{document.id}#{name}",
        document_id=document.id,
        title=document.title,
        heading_path=path,
        text=text,
        page=page,
        span=span,
    )


def _windows(document: Document, source: SourceText) -> Iterator[Passage]:
    """Yield passages of at most `WINDOW` characters within one heading, cut at sentence ends."""
    number = 0
    for path, start, end in _sections(source.text):
        if _is_contents(source.text[start:end]):
            continue
        position = start
        while position < end:
            stop = _cut(source.text, position, end)
            text = source.text[position:stop].strip()
            if text and title_key(text.lstrip("# ")) != title_key(document.title):
                number += 1
                yield _passage(
                    document,
                    f"c{number:05d}",
                    text,
                    path=path,
                    page=source.page_at(position),
                    span=(position, stop),
                )
            if stop >= end:
                break
            position = _overlap_start(source.text, position, stop)


def _cut(text: str, start: int, end: int) -> int:
    """Return where the window from `start` ends: the last sentence end in it, else its size."""
    if end - start <= WINDOW:
        return end
    ends = [m.end() for m in _SENTENCE_END.finditer(text, start + WINDOW // 2, start + WINDOW)]
    return ends[-1] if ends else start + WINDOW


def _overlap_start(text: str, start: int, stop: int) -> int:
    """Return where the next window begins: a sentence start within the overlap."""
    earliest = max(start + 1, stop - OVERLAP)
    match = _SENTENCE_END.search(text, earliest, stop - 1)
    return match.end() if match else stop


def _sections(text: str) -> Iterator[tuple[tuple[str, ...], int, int]]:
    """Yield (heading path, start, end) of the runs of text between headings."""
    path: dict[int, str] = {}
    begun, offset = 0, 0
    for raw in text.split("\n"):
        if (match := _heading(raw)) and len(raw.strip()) <= MAX_HEADING:
            if text[begun:offset].strip():
                yield tuple(path[k] for k in sorted(path)), begun, offset
            level = _level(match)
            path = {k: v for k, v in path.items() if k < level} | {
                level: raw.strip().lstrip("# ").strip("*")
            }
            begun = offset + len(raw) + 1
        offset += len(raw) + 1
    if text[begun:].strip():
        yield tuple(path[k] for k in sorted(path)), begun, len(text)


def _is_contents(text: str) -> bool:
    """Return whether a run of text is a table of contents: most lines end in a page number."""
    lines = [line for line in text.splitlines() if line.strip()]
    marked = sum(1 for line in lines if _CONTENTS_LINE.search(line))
    return marked >= 3 and 2 * marked >= len(lines)


def _heading(line: str) -> re.Match[str] | None:
    return None if _CONTENTS_LINE.search(line) else _HEADING.match(line)


def _level(match: re.Match[str]) -> int:
    if match["hashes"]:
        return len(match["hashes"])
    if match["chapter"]:
        return 7 + "编章节".index(match["chapter"][-1])
    if match["chinese"]:
        return 11
    return 12 + match["decimal"].count(".")
