"""Small documents made on the spot."""

import io
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from docx import Document
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from knowledge_base.parse.opened import Opened

FONTS = (
    Path("/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc"),
    Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"),
)


def pdf(pages: list[list[tuple[float, float, str]]], *, rules=(), size=12, encrypt=False) -> bytes:
    """Write a PDF: words at (x, y from the top) in a standard Chinese font, and ruled lines."""
    objects: list[bytes] = []

    def add(body: bytes) -> int:
        objects.append(body)
        return len(objects)

    descriptor = add(
        b"<</Type/FontDescriptor/FontName/STSong-Light/Flags 6/FontBBox[-25 -254 1000 880]"
        b"/ItalicAngle 0/Ascent 880/Descent -120/CapHeight 880/StemV 93>>"
    )
    descendant = add(
        b"<</Type/Font/Subtype/CIDFontType0/BaseFont/STSong-Light/CIDSystemInfo"
        b"<</Registry(Adobe)/Ordering(GB1)/Supplement 2>>/DW 1000/FontDescriptor %d 0 R>>"
        % descriptor
    )
    font = add(
        b"<</Type/Font/Subtype/Type0/BaseFont/STSong-Light/Encoding/UniGB-UCS2-H/DescendantFonts[%d 0 R]>>"
        % descendant
    )
    tree = len(objects) + 2 * len(pages) + 1
    kids = []
    for words in pages:
        drawn = b"".join(b"%g %g m %g %g l S " % (a, 842 - b, c, 842 - d) for a, b, c, d in rules)
        for x, y, text in words:
            drawn += b"BT /F1 %d Tf %g %g Td <%s> Tj ET " % (
                size,
                x,
                842 - y,
                text.encode("utf-16-be").hex().encode(),
            )
        data = zlib.compress(drawn)
        content = add(
            b"<</Length %d/Filter/FlateDecode>>\nstream\n" % len(data) + data + b"\nendstream"
        )
        kids.append(
            add(
                b"<</Type/Page/Parent %d 0 R/MediaBox[0 0 595 842]/Contents %d 0 R"
                b"/Resources<</Font<</F1 %d 0 R>>>>>>" % (tree, content, font)
            )
        )
    add(b"<</Type/Pages/Count %d/Kids[%s]>>" % (len(kids), b" ".join(b"%d 0 R" % k for k in kids)))
    root = add(b"<</Type/Catalog/Pages %d 0 R>>" % tree)
    trailer = b"/Root %d 0 R" % root
    if encrypt:
        lock = add(b"<</Filter/Standard/V 1/R 2/P -4/O<%s>/U<%s>>>" % (b"ab" * 32, b"cd" * 32))
        trailer += b"/Encrypt %d 0 R/ID[<%s><%s>]" % (lock, b"01" * 16, b"01" * 16)
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return out + b"trailer<</Size %d%s>>\nstartxref\n%d\n%%%%EOF" % (
        len(objects) + 1,
        trailer,
        start,
    )


@pytest.fixture
def make_pdf() -> Callable[..., bytes]:
    return pdf


@pytest.fixture
def lines_pdf() -> Callable[..., bytes]:
    """Write a PDF of lines, one under the other."""
    return lambda pages, **given: pdf(
        [[(72, 62 + 20 * row, text) for row, text in enumerate(lines)] for lines in pages], **given
    )


@pytest.fixture
def opened(tmp_path) -> Callable[..., Opened]:
    return lambda data, name="文件.txt", ocr=True: Opened(tmp_path / name, data, ocr)


@pytest.fixture
def docx_bytes() -> Callable:
    """Return the bytes of a python-docx document."""

    def save(document) -> bytes:
        out = io.BytesIO()
        document.save(out)
        return out.getvalue()

    return save


@pytest.fixture
def numbered() -> Callable:
    """Return a document with a list 第X章 / 第X条 / （一） and a function that adds to it."""

    def make():
        document = Document()
        root = document.part.numbering_part.element
        root.insert(
            0,
            parse_xml(
                f"""<w:abstractNum {nsdecls("w")} w:abstractNumId="90">
<w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="chineseCountingThousand"/><w:lvlText w:val="第%1章"/></w:lvl>
<w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="chineseCountingThousand"/><w:lvlRestart w:val="0"/><w:lvlText w:val="第%2条"/></w:lvl>
<w:lvl w:ilvl="2"><w:start w:val="1"/><w:numFmt w:val="chineseCounting"/><w:lvlText w:val="（%3）"/></w:lvl>
</w:abstractNum>"""
            ),
        )
        root.append(
            parse_xml(f'<w:num {nsdecls("w")} w:numId="91"><w:abstractNumId w:val="90"/></w:num>')
        )

        def add(text: str, level: int, style: str | None = None):
            paragraph = document.add_paragraph(text, style=style)
            paragraph._p.get_or_add_pPr().append(
                parse_xml(
                    f'<w:numPr {nsdecls("w")}><w:ilvl w:val="{level}"/><w:numId w:val="91"/></w:numPr>'
                )
            )
            return paragraph

        return document, add

    return make


@pytest.fixture
def changed_zip() -> Callable[..., bytes]:
    """Return a ZIP with members replaced, added, or passed through a function."""

    def change(data: bytes, **members) -> bytes:
        edits = {
            name.replace("__", "/").replace("_DOT_", "."): edit for name, edit in members.items()
        }
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w", 8) as target:
            for info in source.infolist():
                edit = edits.pop(info.filename, None)
                body = source.read(info)
                target.writestr(info.filename, edit(body) if callable(edit) else edit or body)
            for name, body in edits.items():
                target.writestr(name, body)
        return out.getvalue()

    return change


@pytest.fixture(scope="session")
def cjk_font() -> Path:
    font = next((f for f in FONTS if f.is_file()), None)
    if font is None:
        pytest.skip("no Noto CJK font here (fonts-noto-cjk)")
    return font


@pytest.fixture(scope="session")
def scan(cjk_font) -> Callable:
    """Draw a page of lines, with a ruled table, as a picture."""

    def draw(lines, rows=()):
        from PIL import Image, ImageDraw, ImageFont

        font = ImageFont.truetype(str(cjk_font), 28)
        image = Image.new("RGB", (1240, 900), "white")
        pen = ImageDraw.Draw(image)
        for number, line in enumerate(lines):
            pen.text((120, 80 + 56 * number), line, font=font, fill="black")
        top = 120 + 56 * len(lines)
        for r, row in enumerate(rows):
            for c, text in enumerate(row):
                box = (120 + 300 * c, top + 60 * r, 420 + 300 * c, top + 60 * (r + 1))
                pen.rectangle(box, outline="black", width=2)
                pen.text((box[0] + 20, box[1] + 12), text, font=font, fill="black")
        return image

    return draw
