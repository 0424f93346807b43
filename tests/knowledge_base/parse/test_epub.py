import io
import zipfile

import pytest

from cspon.errors import InputError
from knowledge_base.parse.epub import read_epub

CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
)
BOOK = """<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/">
<metadata><dc:title>规划知识</dc:title><dc:creator>编写组</dc:creator></metadata>
<manifest><item id="b" href="%E7%AC%AC2%E7%AB%A0.xhtml" media-type="application/xhtml+xml"/>
<item id="a" href="one.xhtml" media-type="application/xhtml+xml"/>
<item id="n" href="none.xhtml" media-type="application/xhtml+xml"/>
<item id="p" href="p.png" media-type="image/png"/></manifest>
<spine><itemref idref="a"/><itemref idref="b"/><itemref idref="p"/><itemref idref="n"/></spine></package>"""
ONE = (
    '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml">'
    "<head><title>x</title></head><body><h1>第一章 总则</h1><p>第一条 甲。</p>"
    "<table><tr><th>乡镇</th><th>面积</th></tr><tr><td rowspan='2'>东河</td><td>1</td></tr>"
    "<tr><td>2</td></tr></table><script>x()</script></body></html>"
)
TWO = "<html><body><h1>第二章 管理</h1><p>第二条 乙。<br/>12.5</p></body></html>"


def epub(**more) -> bytes:
    out = io.BytesIO()
    parts = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": CONTAINER,
        "OEBPS/book.opf": BOOK,
        "OEBPS/one.xhtml": ONE,
        "OEBPS/第2章.xhtml": TWO,
    } | more
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as container:
        for name, body in parts.items():
            container.writestr(name, body)
    return out.getvalue()


def test_chapters_are_read_in_order(opened):
    source = read_epub(opened(epub(), "书.epub"))
    assert source.text.split("\n") == [
        "# 第一章 总则",
        "第一条 甲。",
        "乡镇：东河；面积：1",
        "乡镇：东河；面积：2",
        "# 第二章 管理",
        "第二条 乙。",
        "12.5",
    ]
    assert source.properties == {"title": "规划知识", "author": "编写组"}
    assert source.notices == ("目录中有 1 章在文件中缺失",)
    assert len(source.tables) == 1


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (
            {
                "META-INF/encryption.xml": '<encryption><EncryptedData xmlns="http://www.w3.org/2001/04/xmlenc#">'
                '<CipherReference URI="OEBPS/one.xhtml"/></EncryptedData></encryption>'
            },
            "DRM",
        ),
        (
            {"OEBPS/book.opf": '<!DOCTYPE p [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + BOOK},
            "DOCTYPE",
        ),
        ({"META-INF/container.xml": "<container/>"}, "不是可读的"),
        ({"OEBPS/big.bin": bytes(64 * 2**20)}, "压缩炸弹"),
    ],
)
def test_what_is_dangerous_or_locked_is_refused(opened, more, words):
    with pytest.raises(InputError, match=words):
        read_epub(opened(epub(**more), "书.epub"))


def test_a_spine_cannot_point_out_of_the_book(opened):
    book = BOOK.replace("none.xhtml", "../../../etc/passwd")
    source = read_epub(opened(epub(**{"OEBPS/book.opf": book}), "书.epub"))
    assert "root:" not in source.text and "缺失" in source.notices[0]
