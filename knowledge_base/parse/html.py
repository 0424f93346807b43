"""Web pages: the article's text with headings, lists and tables, without menus and scripts.

Knows the containers in which Chinese government sites put their articles; loads nothing that a
page points to.
"""

import re
from typing import Any

from cspon.errors import InputError
from knowledge_base.parse.builder import SourceBuilder
from knowledge_base.parse.encoding import decode
from knowledge_base.parse.opened import Opened
from knowledge_base.parse.source import SourceText
from knowledge_base.parse.table import Grid

_DECLARED = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_-]+)", re.IGNORECASE)
_DROPPED = {
    "script", "style", "noscript", "template", "nav", "aside", "form", "button", "select", "option",
    "input", "textarea", "iframe", "object", "embed", "svg", "canvas", "head", "audio", "video", "map",
}  # fmt: skip
_INLINE = {
    "a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i",
    "ins", "kbd", "label", "mark", "q", "s", "samp", "small", "span", "strike", "strong", "sub",
    "sup", "time", "tt", "u", "var", "wbr", "ruby", "rb", "st1", "o:p",
}  # fmt: skip
_ARTICLE_PLACES = re.compile(
    r"UCAP-CONTENT|TRS_Editor|trs_editor_view|pages_content|article[-_]?(?:con|content|body|text)"
    r"|^zoom$|^content$|^mainText$|^article$|^news[-_]?(?:con|content)$|^detail[-_]?content$",
    re.IGNORECASE,
)
_MENU_PLACES = re.compile(
    r"^(?:nav|menu|footer|header|breadcrumb|crumbs?|sidebar|share|copyright|toolbar)\b",
    re.IGNORECASE,
)
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_SPACE = re.compile(r"[ \t\r\n\f\u200b]+")
_CHINESE_BREAK = re.compile(r"(?<=[\u2e80-\uffef])[ \t\r]*\n[ \t\r\n]*(?=[\u2e80-\uffef])")
"""A line break of the source between Chinese characters: no space is meant."""
_ARTICLE_SHARE = 0.4
_MAX_SPAN = 1000
_MAX_COLUMNS = 500
"""Cells beyond are left out."""


def read_html(opened: Opened) -> SourceText:
    """Read a web page.

    Raises:
        InputError: binary, in no known encoding, or without an element.
    """
    text, notices = decode(_as_utf8(opened.data), opened.path)
    root = _parsed(text)
    if root is None:
        raise InputError("网页没有内容", file=opened.path, mend="检查文件内容")
    out = SourceBuilder()
    out.notices.extend(notices)
    title = root.find(".//title")
    if title is not None and (name := _SPACE.sub(" ", title.text or "").strip()):
        out.properties["title"] = name
    for meta in root.iter("meta"):
        name = (meta.get("name") or "").lower()
        if name in ("articletitle", "pubdate", "contentsource", "author") and meta.get("content"):
            out.properties[name] = meta.get("content").strip()
    _Writer(out).write(_article(root))
    return out.build()


def write_html(out: SourceBuilder, text: str) -> None:
    """Write the whole body of a page that is part of something else: a mail, a chapter."""
    root = _parsed(text)
    if root is not None:
        body = root.find("body")
        _Writer(out).write(root if body is None else body)


def grids_of(text: str) -> list[tuple[str, Grid]]:
    """Return (caption, grid) of the outermost tables of a piece of HTML."""
    root = _parsed(text)
    if root is None:
        return []
    tables = [t for t in root.iter("table") if next(t.iterancestors("table"), None) is None]
    return [(_caption(table), grid_of(table)) for table in tables]


def _parsed(text: str) -> Any | None:
    from lxml import etree

    parser = etree.HTMLParser(
        no_network=True, remove_comments=True, remove_pis=True, encoding="utf-8"
    )
    try:
        return etree.fromstring(text.encode("utf-8", "replace"), parser)
    except (etree.XMLSyntaxError, ValueError):
        return None


def _as_utf8(data: bytes) -> bytes:
    """Decode by the declared charset where that succeeds; else leave it to the sniffer."""
    match = _DECLARED.search(data[:4096])
    if match is None:
        return data
    name = match[1].decode("ascii").lower()
    encoding = {"gb2312": "gb18030", "gbk": "gb18030", "big5": "big5hkscs"}.get(name, name)
    if encoding not in ("gb18030", "big5hkscs"):
        return data
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        try:
            return data.decode(encoding).encode("utf-8", "replace")
        except UnicodeDecodeError:
            return data
    return data


def _article(root: Any) -> Any:
    """Return the element that holds the article: a known container with most of the words."""
    body = root.find("body")
    body = root if body is None else body
    whole = _length(body)
    best, size = body, 0
    for element in body.iter("div", "article", "main", "td", "section"):
        place = f"{element.get('id') or ''}"
        names = [place, *(element.get("class") or "").split()]
        if element.tag in ("article", "main") or any(_ARTICLE_PLACES.search(n) for n in names if n):
            length = _length(element)
            if length > size and length >= _ARTICLE_SHARE * whole:
                best, size = element, length
    return best


def _length(element: Any) -> int:
    return sum(
        len((node.text or "").strip()) * (node.tag not in _DROPPED) + len((node.tail or "").strip())
        for node in element.iter()
    )


class _Writer:
    def __init__(self, out: SourceBuilder) -> None:
        self.out = out
        self.parts: list[str] = []
        self.prefix = ""

    def write(self, root: Any) -> None:
        """Write an element and what is in it, without recursion: pages may be deep."""
        stack: list[tuple[Any, bool]] = [(root, False)]
        while stack:
            element, done = stack.pop()
            if done:
                self._leave(element)
                self._tail(element, root)
                continue
            if not isinstance(element.tag, str) or _is_dropped(element, root):
                self._tail(element, root)
                continue
            if element.tag == "table" and _is_data(element):
                self._flush()
                self.out.table(grid_of(element), caption=_caption(element))
                self._tail(element, root)
                continue
            self._enter(element)
            stack.append((element, True))
            stack.extend((child, False) for child in reversed(element))
        self._flush()

    def _enter(self, element: Any) -> None:
        tag = element.tag
        if tag == "br":
            self.parts.append("\n")
        elif tag not in _INLINE:
            self._flush()
            if re.fullmatch(r"h[1-6]", tag):
                self.prefix = "#" * int(tag[1]) + " "
        self._say(element.text)

    def _say(self, text: str | None) -> None:
        if text:
            self.parts.append(_CHINESE_BREAK.sub("", text).replace("\n", " "))

    def _tail(self, element: Any, root: Any) -> None:
        if element is not root:
            self._say(element.tail)

    def _leave(self, element: Any) -> None:
        if element.tag not in _INLINE and element.tag != "br":
            self._flush()

    def _flush(self) -> None:
        if not self.parts:
            self.prefix = ""
            return
        for line in "".join(self.parts).split("\n"):
            if text := _SPACE.sub(" ", line).strip():
                self.out.line(self.prefix + text)
        self.parts, self.prefix = [], ""


def _is_dropped(element: Any, root: Any) -> bool:
    if element.tag in _DROPPED or _HIDDEN.search(element.get("style") or ""):
        return True
    if element is root or element.tag in ("body", "html"):
        return False
    if element.get("hidden") is not None or element.tag == "footer":
        return True
    places = [element.get("id") or "", *(element.get("class") or "").split()]
    return element.tag in ("div", "ul") and any(_MENU_PLACES.match(place) for place in places)


def _is_data(table: Any) -> bool:
    """Return whether a table holds data; layout tables hold blocks, or one cell."""
    if table.find(".//table") is not None:
        return False
    cells = sum(1 for _ in table.iter("td", "th"))
    rows = sum(1 for _ in table.iter("tr"))
    return cells > 1 and (cells > rows or (rows > 1 and table.find(".//th") is not None))


def _caption(table: Any) -> str:
    caption = table.find("caption")
    return "" if caption is None else _SPACE.sub(" ", "".join(caption.itertext())).strip()


def grid_of(table: Any) -> Grid:
    """Return the cells of a table element with their spans."""
    rows: list[dict[int, str | None]] = []
    spans: dict[tuple[int, int], tuple[int, int]] = {}
    down: dict[int, int] = {}
    headers, columns = 0, 0
    for number, row in enumerate(r for r in table.iter("tr")):
        values: dict[int, str | None] = {}
        column = 0
        only_headers = True
        for cell in row.iter("td", "th"):
            while down.get(column, 0) > 0:
                values[column] = None
                column += 1
            if column >= _MAX_COLUMNS:
                break
            right = min(_span(cell.get("colspan")), _MAX_COLUMNS - column)
            deep = _span(cell.get("rowspan"))
            values[column] = _cell_text(cell)
            for covered in range(column + 1, column + right):
                values[covered] = None
            if right > 1 or deep > 1:
                spans[number, column] = (deep, right)
            for covered in range(column, column + right):
                down[covered] = deep
            only_headers = only_headers and cell.tag == "th"
            column += right
        for covered in list(down):
            if covered not in values and down[covered] > 0:
                values[covered] = None
        down = {c: left - 1 for c, left in down.items() if left > 1}
        head = row.getparent().tag == "thead" or (only_headers and bool(values))
        headers = number + 1 if head and headers == number else headers
        columns = max(columns, max(values, default=-1) + 1)
        rows.append(values)
    grid_rows = [[row.get(c, "") for c in range(columns)] for row in rows]
    spans = {(r, c): (min(deep, len(rows) - r), right) for (r, c), (deep, right) in spans.items()}
    return Grid(grid_rows, spans, headers if 0 < headers < len(rows) else None)


def _span(value: str | None) -> int:
    return (
        min(max(int(value), 1), _MAX_SPAN) if value and value.isdecimal() and len(value) < 6 else 1
    )


def _cell_text(cell: Any) -> str:
    parts: list[str] = []
    for node in cell.iter():
        if not isinstance(node.tag, str) or node.tag in _DROPPED:
            text = ""
        else:
            text = _SPACE.sub(" ", _CHINESE_BREAK.sub("", node.text or ""))
        if node is not cell and node.tag in ("br", "p", "div", "li"):
            parts.append("\n")
        parts.append(text)
        if node is not cell:
            parts.append(_SPACE.sub(" ", node.tail or ""))
    lines = (line.strip() for line in "".join(parts).split("\n"))
    return "\n".join(line for line in lines if line)
