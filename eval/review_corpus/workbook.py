"""Write indicator tables as a workbook whose bytes depend on its content only."""

import io
import re
import zipfile
from pathlib import Path

from openpyxl import Workbook

from eval.review_corpus.docx_writer import pack
from eval.review_corpus.model import Table

_CHANGED = re.compile(rb"<dcterms:(created|modified)([^>]*)>[^<]*<")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def write_workbook(tables: list[Table], path: Path) -> None:
    """Write one sheet for each table: title in row 1, unit in row 2, the table from row 3."""
    book = Workbook()
    book.remove(book.active)
    for table in tables:
        sheet = book.create_sheet(table.name)
        sheet["A1"] = "".join(piece.text for piece in table.caption.pieces if piece.tag != "num")
        sheet["A2"] = table.unit.text if table.unit is not None else None
        for number, row in enumerate(table.rows, 3):
            for column, cell in enumerate(row, 1):
                if cell is None:
                    continue
                text = cell.paragraph.text
                sheet.cell(number, column, float(text) if _NUMBER.fullmatch(text) else text)
                if cell.across > 1 or cell.down > 1:
                    last = (number + cell.down - 1, column + cell.across - 1)
                    sheet.merge_cells(
                        start_row=number, start_column=column, end_row=last[0], end_column=last[1]
                    )
    raw = io.BytesIO()
    book.save(raw)
    with zipfile.ZipFile(raw) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    core = "docProps/core.xml"
    files[core] = _CHANGED.sub(rb"<dcterms:\1\2>2026-01-01T00:00:00Z<", files[core])
    pack(path, files)
