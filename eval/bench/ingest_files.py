"""Documents that the ingest benchmark makes when it is given none: regulations, plans, tables.

The text PDF is written by hand with a standard Chinese font that is named, not embedded: it needs no
PDF library, and every reader of text finds the words.
"""

import random
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from knowledge_base.numerals import article_label

ARTICLES = 60
"""Articles of each regulation."""
LONG = 600
"""Articles of those in plain text, whose figure is megabytes a second: start-up counts for little."""
_WORDS = [
    "永久基本农田",
    "生态保护红线",
    "城镇开发边界",
    "建设用地",
    "耕地",
    "林地",
    "湿地",
    "道路",
    "公园",
    "水域",
    "规划",
    "审批",
    "监督",
    "保护",
    "占用",
    "补划",
    "面积",
    "指标",
    "范围",
    "用途",
    "主管部门",
    "人民政府",
    "建设单位",
    "项目",
    "土地",
    "空间",
    "管控",
    "实施",
    "评估",
    "调整",
]


def make_files(folder: Path, count: int, *, seed: int = 1) -> dict[str, list[Path]]:
    """Write `count` files of each type; return them by type. A file that is there is kept.

    Raises:
        ImportError: python-docx, openpyxl or Pillow is not installed.
        OSError: no Chinese font for the scanned pages.
    """
    makers: dict[str, tuple[str, Callable[[Path, random.Random], None]]] = {
        "docx": (".docx", _docx),
        "pdf": (".pdf", _pdf),
        "xlsx": (".xlsx", _xlsx),
        "html": (".html", _html),
        "md": (".md", _md),
        "txt": (".txt", _txt),
    }
    made: dict[str, list[Path]] = {}
    for kind, (suffix, maker) in makers.items():
        made[kind] = []
        for number in range(count):
            path = folder / kind / f"{kind}-{number:04d}{suffix}"
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                maker(path, random.Random(seed * 10_000 + number))  # noqa: S311
            made[kind].append(path)
    return made


def make_scans(folder: Path, count: int) -> dict[str, list[Path]]:
    """Write pages without a text layer: one picture and one PDF each.

    Raises:
        OSError: no Chinese font is installed.
    """
    made: dict[str, list[Path]] = {"scanned_pdf": [], "png": []}
    for number in range(count):
        image = _page_image(random.Random(number))  # noqa: S311
        for kind, suffix in (("scanned_pdf", ".pdf"), ("png", ".png")):
            path = folder / kind / f"{kind}-{number:04d}{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                image.save(path, **({"resolution": 150.0} if suffix == ".pdf" else {}))
            made[kind].append(path)
    return made


def _sentence(chance: random.Random) -> str:
    words = "，".join("".join(chance.choices(_WORDS, k=4)) for _ in range(chance.randrange(2, 5)))
    return f"{words}，不少于{chance.randrange(10, 999)}公顷。"


def _title(path: Path) -> str:
    return f"示范市{path.stem}管理办法"


def _articles(chance: random.Random, count: int = ARTICLES) -> list[str]:
    return [
        f"{article_label(str(n))}　"
        + "".join(_sentence(chance) for _ in range(chance.randrange(1, 4)))
        for n in range(1, count + 1)
    ]


def _rows(chance: random.Random, count: int) -> list[list[str]]:
    return [["编号", "名称", "面积（公顷）", "用途"]] + [
        [
            f"DK-{n:04d}",
            "".join(chance.choices(_WORDS, k=2)),
            str(chance.randrange(999)),
            chance.choice(_WORDS),
        ]
        for n in range(count)
    ]


def _docx(path: Path, chance: random.Random) -> None:
    from docx import Document

    document = Document()
    document.add_heading(_title(path), 0)
    for article in _articles(chance):
        document.add_paragraph(article)
    document.add_paragraph("附表1　地块一览表")
    rows = _rows(chance, 20)
    table = document.add_table(len(rows), 4)
    for cells, row in zip(table.rows, rows, strict=True):
        for cell, text in zip(cells.cells, row, strict=True):
            cell.text = text
    document.save(str(path))


def _xlsx(path: Path, chance: random.Random) -> None:
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    sheet.title = "地块一览表"
    for row in _rows(chance, 800):
        sheet.append(row)
    book.save(path)


def _txt(path: Path, chance: random.Random) -> None:
    body = "\n".join(_articles(chance, LONG))
    path.write_text(f"{_title(path)}\n\n{body}\n", encoding="utf-8")


def _md(path: Path, chance: random.Random) -> None:
    table = "\n".join(
        "| " + " | ".join(row) + " |" + ("\n|---|---|---|---|" if n == 0 else "")
        for n, row in enumerate(_rows(chance, 20))
    )
    body = "\n\n".join(_articles(chance, LONG))
    path.write_text(f"# {_title(path)}\n\n{body}\n\n{table}\n", encoding="utf-8")


def _html(path: Path, chance: random.Random) -> None:
    body = "".join(f"<p>{article}</p>" for article in _articles(chance))
    rows = "".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in _rows(chance, 20)
    )
    path.write_text(
        f"<!doctype html><html><head><meta charset='utf-8'><title>{_title(path)}</title></head>"
        f"<body><h1>{_title(path)}</h1>{body}<table>{rows}</table></body></html>",
        encoding="utf-8",
    )


# --- PDF ------------------------------------------------------------------------------------------

_LINE, _LINES, _SIZE, _LEADING = 38, 40, 12, 18


def _pdf(path: Path, chance: random.Random) -> None:
    lines = [_title(path), ""]
    for article in _articles(chance):
        lines += [article[i : i + _LINE] for i in range(0, len(article), _LINE)]
    pages = [_text_page(lines[i : i + _LINES]) for i in range(0, len(lines), _LINES)]
    pages.append(_table_page(_rows(chance, 20)))
    path.write_bytes(_document(pages))


def _show(x: float, y: float, text: str) -> str:
    return f"BT /F1 {_SIZE} Tf {x} {y} Td <{text.encode('utf-16-be').hex()}> Tj ET"


def _text_page(lines: list[str]) -> str:
    return "\n".join(_show(60, 780 - n * _LEADING, line) for n, line in enumerate(lines) if line)


def _table_page(rows: list[list[str]]) -> str:
    width, left, top = 115, 60, 760
    parts = [_show(left, 785, "附表1　地块一览表")]
    bottom = top - len(rows) * 22
    parts += [
        f"{left} {top - n * 22} m {left + 4 * width} {top - n * 22} l S"
        for n in range(len(rows) + 1)
    ]
    parts += [f"{left + n * width} {top} m {left + n * width} {bottom} l S" for n in range(5)]
    for n, row in enumerate(rows):
        parts += [
            _show(left + 5 + c * width, top - 16 - n * 22, cell) for c, cell in enumerate(row)
        ]
    return "\n".join(parts)


def _document(pages: list[str]) -> bytes:
    first = 6
    kids = " ".join(f"{first + 2 * n} 0 R" for n in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UCS2-H"
        b" /DescendantFonts [4 0 R] >>",
        b"<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /DW 1000 /FontDescriptor 5 0 R"
        b" /CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 2 >> >>",
        b"<< /Type /FontDescriptor /FontName /STSong-Light /Flags 6 /FontBBox [-25 -254 1000 880]"
        b" /ItalicAngle 0 /Ascent 880 /Descent -120 /CapHeight 880 /StemV 93 >>",
    ]
    for n, page in enumerate(pages):
        stream = zlib.compress(page.encode("ascii"))
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {first + 2 * n + 1} 0 R"
            " /Resources << /Font << /F1 3 0 R >> >> >>".encode()
        )
        objects.append(
            f"<< /Length {len(stream)} /Filter /FlateDecode >>\nstream\n".encode()
            + stream
            + b"\nendstream"
        )
    data, offsets = bytearray(b"%PDF-1.5\n"), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(data))
        data += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    start = len(data)
    data += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}".encode()
    data += (
        f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()
    )
    return bytes(data)


# --- scanned pages --------------------------------------------------------------------------------

_FONTS = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/System/Library/Fonts/PingFang.ttc",
)


def _page_image(chance: random.Random) -> Any:
    """Return a 150-dpi A4 page of printed Chinese text."""
    from PIL import Image, ImageDraw, ImageFont

    font_file = next((name for name in _FONTS if Path(name).is_file()), None)
    if font_file is None:
        raise OSError("没有中文字体（fonts-noto-cjk）")
    font = ImageFont.truetype(font_file, 26)
    image = Image.new("L", (1240, 1754), 255)
    draw = ImageDraw.Draw(image)
    articles = [f"{article_label(str(n))}　{_sentence(chance)}" for n in range(1, 13)]
    lines = [text[i : i + 38] for text in articles for i in range(0, len(text), 38)]
    for number, line in enumerate(lines):
        draw.text((100, 100 + 44 * number), line, fill=0, font=font)
    return image
