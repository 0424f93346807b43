"""Presentations, cut into elements by unstructured, without a network.

Knows what unstructured leaves out: merged cells, charts, diagrams and pictures. Its guess that a
short Chinese paragraph is a title is not used; the title placeholder of a slide is.
"""

import io
import os
import zipfile
from collections.abc import Iterable
from functools import cache
from typing import Any

from cspon.errors import InputError, SetupError
from knowledge_base.parse.builder import SourceBuilder
from knowledge_base.parse.html import grids_of
from knowledge_base.parse.ooxml import Package
from knowledge_base.parse.opened import Opened
from knowledge_base.parse.source import SourceText
from knowledge_base.parse.table import Grid

OFFLINE = {"SCARF_NO_ANALYTICS": "true", "DO_NOT_TRACK": "1", "UNSTRUCTURED_DISABLE_NOTICE": "1"}
"""Set before unstructured is imported: it reports home on import and on every call otherwise."""
MEND = "用 PowerPoint 或 WPS 打开后另存为 .pptx 或 PDF 再试"
MAX_XML = 128 * 2**20
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_UNREAD = {"chart": "图表", "image": "图片"}


def needs(package: str) -> SetupError:
    """Build the error for a package of the extra `partition` that is not installed."""
    return SetupError(
        f"缺少组件 {package}（属于可选安装项 partition）",
        mend="pip install -e '.[partition]'（约 400 MB），或另存为 PDF 后入库",
    )


@cache
def _partition_pptx() -> Any:
    """Import unstructured with its English model, which it would download, replaced.

    Raises:
        SetupError: a package is not installed.
    """
    os.environ.update(OFFLINE)
    try:
        import spacy
        from unstructured.nlp import tokenize
        from unstructured.partition.pptx import partition_pptx
    except ImportError as error:
        raise needs("unstructured") from error

    @cache
    def sentences_only() -> Any:
        nlp = spacy.blank("xx")
        nlp.add_pipe("sentencizer", config={"punct_chars": list("。！？；.!?")})
        return nlp

    tokenize._load_spacy_model = sentences_only
    return partition_pptx


def read_presentation(opened: Opened) -> SourceText:
    """Read a PowerPoint file: a page a slide, its title as heading, then diagrams, the speaker's notes last.

    Raises:
        InputError: encrypted, damaged, a bomb, or no PowerPoint file.
        SetupError: unstructured is not installed.
    """
    package = Package(opened, kind=" PowerPoint 文件（.pptx）", mend=MEND)
    slides, words = _slides(package), _words_only(package)
    elements = _partition_pptx()(
        file=words,
        include_slide_notes=False,
        include_page_breaks=False,
        languages=["zho"],
    )
    out = SourceBuilder()
    out.properties.update(package.core_properties())
    out.notices.extend(package.notices())
    by_page: dict[int, list[Any]] = {}
    for element in elements:
        by_page.setdefault(element.metadata.page_number or 1, []).append(element)
    titled = False
    for number, part in enumerate(slides, 1):
        out.start_page()
        titled = _write(out, by_page.get(number, []), _grids(package, part), titled)
        _write_beside(out, package, part, number)
    return out.build()


def _words_only(package: Package) -> io.BytesIO:
    """Return the container with its XML alone: pictures, films and macros are empty parts.

    python-pptx would load all of them, and its own unpacking knows no limit.

    Raises:
        InputError: a part with a DOCTYPE, or too much XML.
    """
    out, size = io.BytesIO(), 0
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as container:
        for name in package.names:
            body = b""
            if name.endswith((".xml", ".rels")):
                package.refuse_doctype(name)
                body = package.bytes_of(name) or b""
            size += len(body)
            if size > MAX_XML:
                raise InputError(
                    f"解压后的文字部分超过 {MAX_XML // 2**20} MB",
                    file=package.path,
                    mend="拆分后分别入库",
                )
            container.writestr(name, body)
    out.seek(0)
    return out


def _slides(package: Package) -> list[str]:
    """Return the slides' parts in the order they are shown."""
    relations = package.relations(package.main_part)
    root = package.xml(package.main_part)
    ids = [] if root is None else [e.get(f"{_R}id") for e in root.iter(f"{_P}sldId")]
    return [relations[key].target for key in ids if key in relations]


def _write(out: SourceBuilder, elements: Iterable[Any], grids: list[Grid], titled: bool) -> bool:
    """Write a slide; return whether the presentation has its title by now."""
    headed = False
    for element in elements:
        kind = element.category
        lines = [line.strip() for line in element.text.replace("\v", "\n").split("\n")]
        if kind == "Table":
            out.table(_grid(element, grids))
        elif kind == "Title" and element.metadata.category_depth == 0 and not headed:
            out.line(("## " if titled else "# ") + " ".join(lines))
            headed = titled = True
        else:
            for line in filter(None, lines):
                out.line(line)
    return titled


def _write_beside(out: SourceBuilder, package: Package, part: str, number: int) -> None:
    """Write a slide's diagrams and notes, and tell what of it is not in the text."""
    relations = package.relations(part).values()
    for relation in relations:
        if relation.external or relation.kind not in ("diagramData", "notesSlide"):
            continue
        root = package.xml(relation.target)
        if root is None:
            continue
        if relation.kind == "diagramData":
            for line in _paragraphs(root):
                out.line(line)
        else:
            lines = [
                x for shape in root.iter(f"{_P}sp") if _is_notes(shape) for x in _paragraphs(shape)
            ]
            for count, line in enumerate(lines):
                out.line(line if count else f"备注：{line}")
    kinds = {relation.kind for relation in relations}
    if unread := [name for kind, name in _UNREAD.items() if kind in kinds]:
        out.notices.append(f"第 {number} 页的{'、'.join(unread)}未读取")


def _is_notes(shape: Any) -> bool:
    return any(place.get("type") == "body" for place in shape.iter(f"{_P}ph"))


def _paragraphs(root: Any) -> list[str]:
    """Return the lines of text under an element."""
    texts = (_text(paragraph) for paragraph in root.iter(f"{_A}p"))
    return [line.strip() for text in texts for line in text.split("\n") if line.strip()]


def _text(paragraph: Any) -> str:
    return "".join(
        "\n" if node.tag == f"{_A}br" else node.text or ""
        for node in paragraph.iter(f"{_A}t", f"{_A}br")
    )


def _grid(element: Any, grids: list[Grid]) -> Grid:
    """Return the slide's own grid of a table, with its merged cells; else what unstructured made."""
    words = "".join(element.text.split())
    for number, grid in enumerate(grids):
        if "".join("".join((v or "").split()) for row in grid.values for v in row) == words:
            return grids.pop(number)
    return grids_of(element.metadata.text_as_html or "")[0][1]


def _grids(package: Package, part: str) -> list[Grid]:
    root = package.xml(part)
    return [] if root is None else [_grid_of(table) for table in root.iter(f"{_A}tbl")]


def _grid_of(table: Any) -> Grid:
    values: list[list[str | None]] = []
    spans: dict[tuple[int, int], tuple[int, int]] = {}
    for r, row in enumerate(table.iter(f"{_A}tr")):
        values.append([])
        for c, cell in enumerate(row.iter(f"{_A}tc")):
            covered = any(cell.get(name) in ("1", "true") for name in ("hMerge", "vMerge"))
            values[-1].append(None if covered else _cell_text(cell))
            down, right = int(cell.get("rowSpan", 1)), int(cell.get("gridSpan", 1))
            if not covered and (down > 1 or right > 1):
                spans[r, c] = (down, right)
    columns = max(map(len, values), default=0)
    rows = [row + [""] * (columns - len(row)) for row in values]
    spans = {
        (r, c): (min(down, len(rows) - r), min(right, columns - c))
        for (r, c), (down, right) in spans.items()
    }
    marked = table.find(f"{_A}tblPr")
    headed = marked is not None and marked.get("firstRow") in ("1", "true") and len(rows) > 1
    depth = max((down for (r, _), (down, _) in spans.items() if r == 0), default=1)
    return Grid(rows, spans, depth if headed and depth < len(rows) else None)


def _cell_text(cell: Any) -> str:
    return "\n".join(_text(paragraph) for paragraph in cell.iter(f"{_A}p")).strip()
