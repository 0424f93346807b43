"""Small documents made on the spot."""

import io
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from docx import Document
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from knowledge_base.parse.opened import Opened
from tests.pages import FONTS, drawn, pdf


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
    return partial(drawn, font=cjk_font)
