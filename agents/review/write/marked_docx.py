"""The submitted Word file with comments at the exact words, and tracked changes where a mend is certain.

Nothing else of the file is changed: parts that are not touched are copied as they are, and with all
changes rejected the text is the one that was submitted. Revisions that it had are kept.
"""

import copy
import io
import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from lxml import etree

from cspon.errors import InputError
from cspon.schemas.review import Finding
from knowledge_base.parse.docx_words import W, pieces_of

AUTHOR = "CSPON 审查智能体"
INITIALS = "CSPON"
COMMENTS = "word/comments.xml"
_COMMENTS_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.comments+xml"
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/comments"
_TYPES = "{http://schemas.openxmlformats.org/package/2006/content-types}"
_RELATIONS = "{http://schemas.openxmlformats.org/package/2006/relationships}"
_SPACE = "{http://www.w3.org/XML/1998/namespace}space"
_NS = W[1:-1]


def marked(data: bytes, findings: Sequence[Finding], *, at: datetime) -> bytes:
    """Return a Word file with its findings marked.

    Args:
        data: The file as it was submitted.
        findings: Those of this file; rejected ones are left out.
        at: Time of the comments.

    Raises:
        InputError: it is no Word file.
    """
    try:
        source = zipfile.ZipFile(io.BytesIO(data))
        names = source.namelist()
        document = next(n for n in names if n.lstrip("/") == "word/document.xml")
    except (zipfile.BadZipFile, StopIteration) as error:
        raise InputError("不是可读的 Word 文件（.docx）") from error
    root = _parse(source.read(document))
    held = _parse(source.read(COMMENTS)) if COMMENTS in names else None
    marks = _Marks(root, held, at)
    marks.put([f for f in findings if f.status != "rejected"])
    changed = {document: _bytes(root), COMMENTS: _bytes(marks.comments)}
    if held is None:
        changed["[Content_Types].xml"] = _typed(source.read("[Content_Types].xml"))
        relations = "word/_rels/document.xml.rels"
        changed[relations] = _related(source.read(relations) if relations in names else None)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for info in source.infolist():
            own = changed.pop(info.filename, b"")
            target.writestr(info, own or source.read(info.filename))
        for name, content in changed.items():
            target.writestr(
                zipfile.ZipInfo(name, at.timetuple()[:6]), content, zipfile.ZIP_DEFLATED
            )
    return out.getvalue()


class _Marks:
    def __init__(self, root: Any, held: Any | None, at: datetime) -> None:
        self.paragraphs = list(root.iter(f"{W}p"))
        self.comments = (
            held if held is not None else etree.Element(f"{W}comments", nsmap={"w": _NS})
        )
        numbers = [int(c.get(f"{W}id") or 0) for c in self.comments.iter(f"{W}comment")]
        self.next_comment = max(numbers, default=-1) + 1
        changes = [int(e.get(f"{W}id") or 0) for e in root.iter(f"{W}ins", f"{W}del")]
        self.next_change = max(changes, default=900_000) + 1
        self.date = at.replace(microsecond=0).isoformat()

    def put(self, findings: Sequence[Finding]) -> None:
        """Mark all findings: first the comments, which change no text, then the changes."""
        first = next((p for p in self.paragraphs if any(t for _, t in pieces_of(p))), None)
        for finding in findings:
            place = finding.place
            here = (
                place is not None
                and place.part == "document"
                and 0 <= place.paragraph < len(self.paragraphs)
            )
            paragraph = self.paragraphs[place.paragraph] if here and place else first
            if paragraph is None:
                continue
            runs = self._runs(paragraph, place.start, place.end) if here and place else []
            self._comment(paragraph, runs or self._all_runs(paragraph), finding)
        taken: dict[int, list[tuple[int, int]]] = {}
        for finding in sorted(findings, key=_order, reverse=True):
            place = finding.place
            if finding.replacement is None or place is None or place.part != "document":
                continue
            spans = taken.setdefault(place.paragraph, [])
            if any(place.start < end and start < place.end for start, end in spans):
                continue
            spans.append((place.start, place.end))
            self._change(
                self.paragraphs[place.paragraph], place.start, place.end, finding.replacement
            )

    def _runs(self, paragraph: Any, start: int, end: int) -> list[Any]:
        """Split runs so that some of them hold exactly these characters; return those."""
        found: list[Any] = []
        offset = 0
        for element, text in pieces_of(paragraph):
            begins, ends = offset, offset + len(text)
            offset = ends
            if ends <= start or begins >= end or not text:
                continue
            if element.tag != f"{W}t":
                found.append(element.getparent())
                continue
            run = self._cut(element, max(start - begins, 0), min(end, ends) - begins)
            found.append(run)
        unique: list[Any] = []
        for run in found:
            if not unique or unique[-1] is not run:
                unique.append(run)
        return unique

    @staticmethod
    def _all_runs(paragraph: Any) -> list[Any]:
        return [e.getparent() for e, text in pieces_of(paragraph) if text][:1]

    @staticmethod
    def _cut(element: Any, start: int, end: int) -> Any:
        """Give the characters of a text element a run of their own; returns that run."""
        run = element.getparent()
        text = element.text or ""
        siblings = [child for child in run if child.tag != f"{W}rPr"]
        at = siblings.index(element)
        if start == 0 and end == len(text) and len(siblings) == 1:
            return run
        properties = run.find(f"{W}rPr")

        def piece(children: list[Any]) -> Any:
            made = etree.Element(f"{W}r", attrib=dict(run.attrib))
            if properties is not None:
                made.append(copy.deepcopy(properties))
            made.extend(children)
            return made

        before, middle, behind = text[:start], text[start:end], text[end:]
        ahead = siblings[:at] + ([_text(before)] if before else [])
        after = ([_text(behind)] if behind else []) + siblings[at + 1 :]
        wanted = piece([_text(middle)])
        made = [piece(ahead)] if ahead else []
        made.append(wanted)
        if after:
            made.append(piece(after))
        parent = run.getparent()
        place = parent.index(run)
        for offset, one in enumerate(made):
            one.tail = None
            parent.insert(place + offset, one)
        parent.remove(run)
        return wanted

    def _comment(self, paragraph: Any, runs: list[Any], finding: Finding) -> None:
        number = str(self.next_comment)
        self.next_comment += 1
        comment = etree.SubElement(self.comments, f"{W}comment")
        for name, value in (
            ("id", number),
            ("author", AUTHOR),
            ("date", self.date),
            ("initials", INITIALS),
        ):
            comment.set(f"{W}{name}", value)
        for line in _said(finding):
            line_paragraph = etree.SubElement(comment, f"{W}p")
            etree.SubElement(line_paragraph, f"{W}r").append(_text(line))
        start, end = etree.Element(f"{W}commentRangeStart"), etree.Element(f"{W}commentRangeEnd")
        for mark in (start, end):
            mark.set(f"{W}id", number)
        reference = etree.Element(f"{W}r")
        etree.SubElement(reference, f"{W}commentReference").set(f"{W}id", number)
        if not runs:
            paragraph.append(start)
            paragraph.extend([end, reference])
            return
        first, last = _outer(runs[0], paragraph), _outer(runs[-1], paragraph)
        first.addprevious(start)
        last.addnext(reference)
        last.addnext(end)

    def _change(self, paragraph: Any, start: int, end: int, replacement: str) -> None:
        runs = self._runs(paragraph, start, end)
        plain = all(run.getparent() is paragraph for run in runs)
        if not runs or not plain or any(c.tag not in (f"{W}rPr", f"{W}t") for r in runs for c in r):
            return  # inside a link, a control or a revision of the author: the comment says it
        properties = runs[0].find(f"{W}rPr")
        inserted = self._revision("ins")
        run = etree.SubElement(inserted, f"{W}r")
        if properties is not None:
            run.append(copy.deepcopy(properties))
        run.append(_text(replacement))
        runs[-1].addnext(inserted)
        for one in runs:
            deleted = self._revision("del")
            one.addprevious(deleted)
            deleted.append(one)
            for text in one.iter(f"{W}t"):
                text.tag = f"{W}delText"
                text.set(_SPACE, "preserve")

    def _revision(self, kind: str) -> Any:
        made = etree.Element(f"{W}{kind}")
        for name, value in (("id", str(self.next_change)), ("author", AUTHOR), ("date", self.date)):
            made.set(f"{W}{name}", value)
        self.next_change += 1
        return made


def _said(finding: Finding) -> Iterator[str]:
    """Yield the lines of a comment."""
    yield f"【{finding.severity}】{finding.message}"
    if finding.evidence:
        yield f"依据：{finding.evidence}"
    for basis in finding.basis:
        yield f"规定：《{basis.title}》{basis.article or ''}{'' if basis.verified else '（未经原文核对）'}"
    if finding.suggestion:
        yield f"建议：{finding.suggestion}"
    for place in finding.also[:5]:
        yield f"另见：{place.heading + '：' if place.heading else ''}“{place.quote[:60]}”"
    if finding.model:
        yield f"由模型 {finding.model} 判断，请人工核对"


def _order(finding: Finding) -> tuple[int, int]:
    place = finding.place
    return (place.paragraph, place.start) if place else (-1, -1)


def _outer(run: Any, paragraph: Any) -> Any:
    """Return what holds a run and stands in the paragraph itself."""
    while run.getparent() is not paragraph:
        run = run.getparent()
    return run


def _text(words: str) -> Any:
    made = etree.Element(f"{W}t")
    made.text = "".join(c for c in words if c >= " " or c in "\t\n")
    made.set(_SPACE, "preserve")
    return made


def _parse(data: bytes) -> Any:
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True)
    root = etree.fromstring(data, parser)
    if root.getroottree().docinfo.doctype:
        raise InputError("Word 文件内含 DOCTYPE 声明（可能引用外部实体）")
    return root


def _bytes(root: Any) -> bytes:
    out: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)
    return out


def _typed(data: bytes) -> bytes:
    root = _parse(data)
    override = etree.SubElement(root, f"{_TYPES}Override")
    override.set("PartName", f"/{COMMENTS}")
    override.set("ContentType", _COMMENTS_TYPE)
    return _bytes(root)


def _related(data: bytes | None) -> bytes:
    root = (
        _parse(data)
        if data
        else etree.Element(f"{_RELATIONS}Relationships", nsmap={None: _RELATIONS[1:-1]})
    )
    taken = {e.get("Id") for e in root}
    number = next(n for n in range(1, 100_000) if f"rId{n}" not in taken)
    relation = etree.SubElement(root, f"{_RELATIONS}Relationship")
    for name, value in (("Id", f"rId{number}"), ("Type", _RELATION), ("Target", "comments.xml")):
        relation.set(name, value)
    return _bytes(root)
