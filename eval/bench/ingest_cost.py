"""CPU seconds of reading and cutting one type of file, beside its bare parser library."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from knowledge_base.cut.chunk import split
from knowledge_base.parse.read import read_source

CHARACTERS_PER_PAGE = 1000


def _least(work: Callable[[], object], runs: int) -> float:
    times = []
    for _ in range(runs):
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    return min(times)


def reading_cost(
    kind: str, paths: Sequence[Path], why: dict[str, str], *, most_runs: int
) -> dict[str, Any]:
    """Return the figures of one type; `most_runs` runs of each file, one of a scan."""
    scanned = kind in ("scanned_pdf", "png")
    runs, bare_of = (1 if scanned else most_runs), BARE.get(kind)
    split(read_source(paths[0]), paths[0].name)
    if bare_of is not None:
        bare_of(paths[0])
    reader = cutter = bare = pages = 0.0
    found: Counter[str] = Counter()
    for path in paths:
        source = read_source(path)
        reader += _least(lambda path=path: read_source(path), runs)  # type: ignore[misc]
        cutter += _least(lambda s=source, p=path: split(s, p.name), most_runs)  # type: ignore[misc]
        if bare_of is not None:
            bare += _least(lambda path=path: bare_of(path), runs)  # type: ignore[misc]
        pages += len(source.page_starts) or len(source.text) / CHARACTERS_PER_PAGE
        found.update(passage.kind for passage in split(source, path.name).passages)
    whole = reader + cutter
    size = sum(path.stat().st_size for path in paths)
    row: dict[str, Any] = {
        "files": len(paths),
        "pages": round(pages, 1),
        "mb": round(size / 1e6, 3),
        "cpu_s": round(whole, 4),
        "reader_cpu_s": round(reader, 4),
        "split_cpu_s": round(cutter, 4),
        "bare_cpu_s": round(bare, 4) if bare_of is not None else None,
        "pages_per_cpu_s": round(pages / whole, 2),
        "overhead_vs_parser": round(whole / bare - 1, 3) if bare else None,
        "split_vs_parser": round(cutter / bare, 3) if bare else None,
        "articles": found["article"],
        "passages": found.total(),
    }
    if kind in ("txt", "md"):
        row["mb_per_cpu_s"] = round(size / 1e6 / whole, 2)
    if not bare:
        why[f"overhead_vs_parser.{kind}"] = (
            "文字识别占绝大部分，没有可比的单独解析库"
            if scanned
            else "纯文本没有解析库可比，见 mb_per_cpu_s"
        )
    return row


def _bare_docx(path: Path) -> int:
    from docx import Document
    from docx.table import Table

    size = 0
    for block in Document(str(path)).iter_inner_content():
        if isinstance(block, Table):
            size += sum(len(cell.text) for row in block.rows for cell in row.cells)
        else:
            size += len(block.text) + len(block.style.name or "" if block.style else "")
    return size


def _bare_pdf(path: Path) -> int:
    import pdfplumber

    with pdfplumber.open(path) as pdf:
        return sum(len(page.extract_text()) + len(page.extract_tables()) for page in pdf.pages)


def _bare_xlsx(path: Path) -> int:
    from openpyxl import load_workbook

    book = load_workbook(path)
    return sum(len(str(cell.value)) for sheet in book for row in sheet.iter_rows() for cell in row)


def _bare_html(path: Path) -> int:
    from lxml import html

    tree = html.fromstring(path.read_bytes())
    return sum(len(element.text or "") + len(element.tail or "") for element in tree.iter())


BARE: dict[str, Callable[[Path], int]] = {
    "docx": _bare_docx,
    "pdf": _bare_pdf,
    "xlsx": _bare_xlsx,
    "html": _bare_html,
}
