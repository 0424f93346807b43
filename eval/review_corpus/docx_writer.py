"""Write a document as a docx whose bytes depend on its content only."""

import re
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

from eval.review_corpus import docx_parts as parts
from eval.review_corpus.model import Box, Document, Paragraph, Piece, Table

_DATE = (2026, 1, 1, 0, 0, 0)
_BREAKS = re.compile(r"[0-9A-Za-z.,%/—-]+|[^0-9A-Za-z.,%/—-]+")


def pack(path: Path, files: dict[str, bytes]) -> None:
    """Write a zip whose dates are fixed."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name, _DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)


def write_docx(document: Document, path: Path) -> None:
    """Write a document."""
    writer = _Writer(document)
    body = "".join(writer.block(block) for block in document.blocks)
    section = (
        '<w:sectPr><w:headerReference w:type="default" r:id="rId4"/><w:pgSz w:w="11906" w:h="16838"/>'
        '<w:pgMar w:top="1440" w:right="1588" w:bottom="1440" w:left="1588" w:header="851" w:footer="992" w:gutter="0"/>'
        "</w:sectPr>"
    )
    header = document.header or Paragraph([Piece("")], "header")
    files = {
        "[Content_Types].xml": parts.TYPES,
        "_rels/.rels": parts.PACKAGE,
        "word/document.xml": f"{parts.HEAD}<w:document {parts.NAMESPACES}><w:body>{body}{section}</w:body></w:document>",
        "word/_rels/document.xml.rels": parts.RELATIONS,
        "word/styles.xml": parts.styles(document.hand.get("font", "仿宋")),
        "word/settings.xml": parts.SETTINGS,
        "word/footnotes.xml": f"{parts.HEAD}<w:footnotes {parts.NAMESPACES}>{parts.SEPARATORS}{''.join(writer.notes)}</w:footnotes>",
        "word/header1.xml": f"{parts.HEAD}<w:hdr {parts.NAMESPACES}>{writer.paragraph(header)}</w:hdr>",
    }
    pack(path, {name: content.encode() for name, content in files.items()})


class _Writer:
    def __init__(self, document: Document) -> None:
        self.hand = document.hand
        self.notes: list[str] = []
        self.revisions = 900

    def block(self, block: Paragraph | Table | Box) -> str:
        if isinstance(block, Table):
            unit = self.paragraph(block.unit) if block.unit is not None else ""
            return self.paragraph(block.caption) + unit + self._table(block)
        if isinstance(block, Box):
            return (
                '<w:p><w:pPr><w:pStyle w:val="body"/></w:pPr><w:r><w:pict>'
                '<v:shape type="#_x0000_t202" style="width:420pt;height:96pt" fillcolor="#f2f2f2">'
                f"<v:textbox><w:txbxContent>{self.paragraph(block.paragraph)}</w:txbxContent></v:textbox>"
                "</v:shape></w:pict></w:r></w:p>"
            )
        return self.paragraph(block)

    def paragraph(self, paragraph: Paragraph) -> str:
        must = paragraph.data.get("underlined", False)
        runs = "".join(self._run(piece, must) for piece in paragraph.pieces)
        before = "<w:pageBreakBefore/>" if paragraph.data.get("new_page") else ""
        return f'<w:p><w:pPr><w:pStyle w:val="{paragraph.style}"/>{before}</w:pPr>{runs}</w:p>'

    def _run(self, piece: Piece, underlined: bool) -> str:
        if piece.tag == "footnote":
            number = len(self.notes) + 1
            note = self.paragraph(piece.data["paragraph"])
            self.notes.append(f'<w:footnote w:id="{number}">{note}</w:footnote>')
            mark = '<w:rPr><w:vertAlign w:val="superscript"/></w:rPr>'
            return f'<w:r>{mark}<w:footnoteReference w:id="{number}"/></w:r>'
        if piece.tag == "del":
            words = f'<w:r><w:delText xml:space="preserve">{escape(piece.data["words"])}</w:delText></w:r>'
            return f"<w:del {self._revision()}>{words}</w:del>"
        if piece.tag == "ins":
            return f"<w:ins {self._revision()}>{self._text(piece.text, '')}</w:ins>"
        look = '<w:rPr><w:u w:val="single"/></w:rPr>' if underlined else ""
        texts = [piece.text]
        if self.hand.get("runs") == "script":  # as editors split runs by script
            texts = _BREAKS.findall(piece.text)
        return "".join(self._text(text, look) for text in texts if text)

    def _revision(self) -> str:
        self.revisions += 1
        return f'w:id="{self.revisions}" w:author="编制单位" w:date="2026-01-01T00:00:00Z"'

    def _text(self, text: str, look: str) -> str:
        inside = f'<w:t xml:space="preserve">{escape(text)}</w:t>'
        return f"<w:r>{look}{inside}</w:r>"

    def _table(self, table: Table) -> str:
        width = max(len(row) for row in table.rows)
        grid = f'<w:gridCol w:w="{8700 // width}"/>' * width
        rows = "".join(self._row(table, number, width) for number in range(len(table.rows)))
        look = table.data.get("look", self.hand.get("tables", "grid"))
        edges = (
            ("top", "bottom")
            if look == "three_line"
            else ("top", "left", "bottom", "right", "insideH", "insideV")
        )
        borders = "".join(
            f'<w:{e} w:val="single" w:sz="{8 if look == "three_line" else 4}"/>' for e in edges
        )
        return (
            f'<w:tbl><w:tblPr><w:tblW w:w="8700" w:type="dxa"/><w:jc w:val="center"/><w:tblBorders>{borders}</w:tblBorders>'
            f"</w:tblPr><w:tblGrid>{grid}</w:tblGrid>{rows}</w:tbl>"
        )

    def _row(self, table: Table, number: int, width: int) -> str:
        cells: list[str] = []
        column = 0
        while column < width:
            row = table.rows[number]
            cell = row[column] if column < len(row) else None
            below = cell is None
            owner = cell or table.above(number, column)
            span = f'<w:gridSpan w:val="{owner.across}"/>' if owner.across > 1 else ""
            merge = ""
            if owner.down > 1:
                merge = "<w:vMerge/>" if below else '<w:vMerge w:val="restart"/>'
            line = (
                '<w:tcBorders><w:bottom w:val="single" w:sz="4"/></w:tcBorders>'
                if number == table.heads - 1
                else ""
            )
            inside = self.paragraph(Paragraph([], "cell") if below else owner.paragraph)
            cells.append(f"<w:tc><w:tcPr>{span}{merge}{line}</w:tcPr>{inside}</w:tc>")
            column += owner.across
        head = "<w:trPr><w:tblHeader/></w:trPr>" if number < table.heads else ""
        return f"<w:tr>{head}{''.join(cells)}</w:tr>"
