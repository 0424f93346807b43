"""Electronic books: the chapters of an EPUB in reading order, each read as a web page.

unstructured reads EPUB only through the program pandoc, so the container is opened here.
"""

import posixpath
from urllib.parse import unquote

from lxml import etree

from cspon.errors import InputError
from knowledge_base.parse.builder import SourceBuilder
from knowledge_base.parse.encoding import decode
from knowledge_base.parse.html import write_html
from knowledge_base.parse.ooxml import Package
from knowledge_base.parse.opened import Opened
from knowledge_base.parse.source import SourceText

MEND = "用阅读器打开后另存为 PDF 或 HTML 再试"
_PAGES = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")


def read_epub(opened: Opened) -> SourceText:
    """Read an EPUB book.

    Raises:
        InputError: encrypted, damaged, a bomb, or no EPUB.
    """
    package = Package(opened, kind="电子书（.epub）", mend=MEND)
    container = package.xml("META-INF/container.xml")
    root = None if container is None else container.find(".//{*}rootfile")
    name = "" if root is None else root.get("full-path", "")
    book = package.xml(name)
    if book is None:
        raise InputError("不是可读的电子书（.epub）", file=opened.path, mend=MEND)
    locked = _locked(package)
    out = SourceBuilder()
    for element in book.iter("{*}title", "{*}creator", "{*}date"):
        key = {"title": "title", "creator": "author"}.get(etree.QName(element).localname, "created")
        if text := (element.text or "").strip():
            out.properties.setdefault(key, text)
    items = {item.get("id"): item for item in book.iter("{*}item")}
    missing = 0
    for reference in book.iter("{*}itemref"):
        item = items.get(reference.get("idref"))
        if item is None or item.get("media-type") not in _PAGES:
            continue
        href = unquote(item.get("href", "").split("#")[0])
        part = posixpath.normpath(posixpath.join(posixpath.dirname(name), href))
        if part in locked:
            raise InputError("电子书已加密（DRM）", file=opened.path, mend="换用未加密的版本")
        data = package.bytes_of(part)
        if data is None:
            missing += 1
            continue
        text, notices = decode(data, opened.path)
        out.notices.extend(notices)
        write_html(out, text)
    if missing:
        out.notices.append(f"目录中有 {missing} 章在文件中缺失")
    return out.build()


def _locked(package: Package) -> set[str]:
    """Return the parts that are encrypted."""
    root = package.xml("META-INF/encryption.xml")
    if root is None:
        return set()
    return {unquote(e.get("URI", "")) for e in root.iter("{*}CipherReference")}
