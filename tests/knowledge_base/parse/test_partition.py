"""Reading presentations needs the extra `partition`; refusing them does not."""

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from cspon.errors import InputError, SetupError
from knowledge_base.parse import partition
from knowledge_base.parse.partition import read_presentation
from knowledge_base.parse.read import read_source

PART = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
RELS = "http://schemas.openxmlformats.org/package/2006/relationships"
NO_CALL = """
import socket, sys
from pathlib import Path
called = []
def refuse(*given, **more):
    called.append(given)
    raise OSError("no network")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
from knowledge_base.parse.read import read_source
text = read_source(Path(sys.argv[1])).text
assert "永久基本农田" in text, text
import threading
[t.join(5) for t in threading.enumerate() if t is not threading.current_thread()]
assert not called, called
print("quiet")
"""


@pytest.fixture
def pptx():
    for package in ("unstructured", "spacy"):
        pytest.importorskip(package, reason="extra `partition` is not installed")
    return pytest.importorskip("pptx", reason="extra `partition` is not installed")


@pytest.fixture
def slides(pptx):
    """Return a presentation of three slides: a cover, text with notes, a table with merged cells."""
    from pptx.util import Inches

    deck = pptx.Presentation()
    cover = deck.slides.add_slide(deck.slide_layouts[0])
    cover.shapes.title.text = "青禾县国土空间总体规划汇报"
    cover.placeholders[1].text = "青禾县自然资源局"
    body = deck.slides.add_slide(deck.slide_layouts[1])
    body.shapes.title.text = "一、三条控制线"
    frame = body.placeholders[1].text_frame
    frame.text = "永久基本农田不低于 45.20 万亩。"
    frame.add_paragraph().text = "（一）严格保护\v（二）严格管控"
    frame.add_paragraph().text = "12.5"
    body.notes_slide.notes_text_frame.text = "批复时间为2024年12月。"
    last = deck.slides.add_slide(deck.slide_layouts[5])
    last.shapes.title.text = "二、指标"
    box = last.shapes.add_textbox(Inches(1), Inches(1.5), Inches(4), Inches(0.5))
    box.text_frame.text = "表2-1 指标表（单位：公顷）"
    cells = last.shapes.add_table(4, 3, Inches(1), Inches(2.2), Inches(6), Inches(2)).table
    rows = [
        ["乡镇", "地类", "面积"],
        ["东河", "耕地", "31250.5"],
        ["", "林地", "<7>"],
        ["合计", "", "8"],
    ]
    for r, row in enumerate(rows):
        for c, text in enumerate(row):
            cells.cell(r, c).text = text
    cells.cell(1, 0).merge(cells.cell(2, 0))
    cells.cell(3, 0).merge(cells.cell(3, 1))
    return deck


@pytest.fixture
def deck_bytes(slides, docx_bytes):
    return docx_bytes(slides)


def test_titles_tables_and_notes_stand_on_their_pages(deck_bytes, opened):
    source = read_presentation(opened(deck_bytes, "汇报.pptx"))
    assert source.text.split("\n") == [
        "# 青禾县国土空间总体规划汇报",
        "青禾县自然资源局",
        "## 一、三条控制线",
        "永久基本农田不低于 45.20 万亩。",
        "（一）严格保护",
        "（二）严格管控",
        "12.5",
        "备注：批复时间为2024年12月。",
        "## 二、指标",
        "表2-1 指标表（单位：公顷）",
        "乡镇：东河；地类：耕地；面积：31250.5",
        "乡镇：东河；地类：林地；面积：<7>",
        "乡镇：合计；面积：8",
    ]
    assert [source.page_at(source.text.index(w)) for w in ("青禾县", "批复", "东河")] == [1, 2, 3]
    (table,) = source.tables
    assert (table.caption, table.unit) == ("表2-1 指标表", "单位：公顷")
    assert '<td rowspan="2">东河</td>' in table.html and '<td colspan="2">合计</td>' in table.html


def test_an_empty_slide_keeps_its_page_and_pictures_are_told(slides, docx_bytes, opened):
    from PIL import Image

    picture = io.BytesIO()
    Image.new("RGB", (8, 8)).save(picture, "PNG")
    blank = slides.slides.add_slide(slides.slide_layouts[6])
    blank.shapes.add_picture(io.BytesIO(picture.getvalue()), 0, 0)
    end = slides.slides.add_slide(slides.slide_layouts[5])
    end.shapes.title.text = "谢谢"
    source = read_presentation(opened(docx_bytes(slides), "汇报.pptx"))
    assert len(source.page_starts) == 5 and source.page_at(source.text.index("谢谢")) == 5
    assert source.notices == ("第 4 页的图片未读取",)


def test_diagrams_are_read_after_the_slide(deck_bytes, changed_zip, opened):
    link = (
        f'<Relationship Id="rId78" Target="../diagrams/data1.xml" Type="{PART}/diagramData"/>'
        "</Relationships>"
    ).encode()
    diagram = (
        '<d xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main">'
        "<a:p><a:r><a:t>评估</a:t></a:r></a:p><a:p><a:t>调整</a:t></a:p></d>"
    ).encode()
    data = changed_zip(
        deck_bytes,
        **{
            "ppt/diagrams/data1.xml": diagram,
            "ppt/slides/_rels/slide1.xml.rels": lambda b: b.replace(b"</Relationships>", link),
        },
    )
    source = read_presentation(opened(data, "汇报.pptx"))
    assert source.text.split("\n")[1:5] == ["青禾县自然资源局", "评估", "调整", "## 一、三条控制线"]


def test_too_much_xml_is_refused(opened, monkeypatch):
    monkeypatch.setattr(partition, "MAX_XML", 1000)
    data = small_deck(**{"ppt/presentation.xml": b"<a>" + b" " * 1000 + b"</a>"})
    with pytest.raises(InputError, match="文字部分超过"):
        read_presentation(opened(data, "汇报.pptx"))


def test_macros_and_links_are_told(deck_bytes, changed_zip, opened):
    link = (
        f'<Relationship Id="rId77" TargetMode="External" Target="http://example.invalid/a.png" '
        f'Type="{PART}/image"/></Relationships>'
    ).encode()
    data = changed_zip(
        deck_bytes,
        **{
            "ppt/vbaProject.bin": b"\xd0\xcf",
            "ppt/slides/_rels/slide1.xml.rels": lambda b: b.replace(b"</Relationships>", link),
        },
    )
    notices = " ".join(read_presentation(opened(data, "汇报.pptm")).notices)
    assert "宏" in notices and "外链图片" in notices


def test_reading_calls_nobody(deck_bytes, tmp_path):
    path = tmp_path / "汇报.pptx"
    path.write_bytes(deck_bytes)
    quiet = {k: v for k, v in os.environ.items() if k not in partition.OFFLINE}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", NO_CALL, str(path)],
        capture_output=True,
        text=True,
        env=quiet | {"PYTHONPATH": str(Path(__file__).parents[3])},
        timeout=120,
    )
    assert done.stdout == "quiet\n", done.stderr


def small_deck(**parts: bytes) -> bytes:
    """Write the least container that says it is a presentation."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as container:
        container.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{RELS}"><Relationship Id="r" Type="{PART}/officeDocument" '
            'Target="ppt/presentation.xml"/></Relationships>',
        )
        for name, body in parts.items():
            container.writestr(name, body)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "已加密"),
        (b"PK\x03\x04 broken", "不是可读的"),
        (small_deck(**{"ppt/presentation.xml": b"<!DOCTYPE a><a/>"}), "DOCTYPE"),
        (small_deck(**{"ppt/slides/slide1.xml": bytes(64 * 2**20)}), "压缩炸弹"),
        (small_deck(), "不是可读的"),
    ],
)
def test_what_is_dangerous_is_refused_before_it_is_read(opened, data, words):
    with pytest.raises(InputError, match=words):
        read_presentation(opened(data, "汇报.pptx"))


def test_a_missing_package_names_the_extra(tmp_path, monkeypatch):
    partition._partition_pptx.cache_clear()
    for package in ("unstructured", "spacy"):
        monkeypatch.setitem(sys.modules, package, None)
    path = tmp_path / "汇报.pptx"
    path.write_bytes(small_deck(**{"ppt/presentation.xml": b"<a/>"}))
    with pytest.raises(SetupError, match=r"unstructured.*partition.*\n.*PDF"):
        read_source(path)
