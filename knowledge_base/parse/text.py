"""Plain text and Markdown; pipe tables and HTML tables become tables."""

import re

from knowledge_base.parse.builder import SourceBuilder
from knowledge_base.parse.encoding import decode
from knowledge_base.parse.opened import Opened
from knowledge_base.parse.source import SourceText
from knowledge_base.parse.table import Grid

_RULE = re.compile(r"^[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$", re.MULTILINE)
_CELL = re.compile(r"(?<!\\)\|")
_HTML_TABLE = re.compile(r"<table[\s>].*?</table\s*>", re.IGNORECASE | re.DOTALL)
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_FENCE = re.compile(r"^\s{0,3}(?:```|~~~)", re.MULTILINE)


def read_text(opened: Opened) -> SourceText:
    """Read a plain text file.

    Raises:
        InputError: binary, in no known encoding, or garbled.
    """
    text, notices = decode(opened.data, opened.path)
    return SourceText(text=text, notices=tuple(notices))


def read_markdown(opened: Opened) -> SourceText:
    """Read a Markdown file.

    Raises:
        InputError: binary, in no known encoding, or garbled.
    """
    text, notices = decode(opened.data, opened.path)
    found = _tables(text)
    if not found:
        return SourceText(text=text, notices=tuple(notices))
    out = SourceBuilder()
    out.notices.extend(notices)
    position = 0
    for start, end, grid in found:
        for line in text[position:start].removesuffix("\n").split("\n") if start > position else ():
            out.line(line)
        out.table(grid)
        position = end + 1
    for line in text[position:].split("\n") if position < len(text) else ():
        out.line(line)
    return out.build()


def _tables(text: str) -> list[tuple[int, int, Grid]]:
    """Return (start, end, grid) of the tables, by place."""
    fenced = _fenced(text)
    found = [*_pipe_tables(text), *_html_tables(text)]
    found = [t for t in found if not any(a <= t[0] < b for a, b in fenced)]
    found.sort(key=lambda table: table[0])
    kept: list[tuple[int, int, Grid]] = []
    for table in found:
        if not kept or table[0] > kept[-1][1]:
            kept.append(table)
    return kept


def _fenced(text: str) -> list[tuple[int, int]]:
    marks = [m.start() for m in _FENCE.finditer(text)]
    return list(zip(marks[::2], marks[1::2], strict=False))


def _pipe_tables(text: str) -> list[tuple[int, int, Grid]]:
    found: list[tuple[int, int, Grid]] = []
    if "|" not in text:
        return found
    last = 0
    for rule in _RULE.finditer(text):
        if rule.start() < last or "|" not in rule[0] or rule.start() == 0:
            continue
        start = text.rfind("\n", 0, rule.start() - 1) + 1
        header = _cells(text[start : rule.start() - 1])
        if start < last or (len(header) < 2 and "|" not in text[start : rule.start() - 1]):
            continue
        if len(header) != len(_cells(rule[0])):
            continue
        rows, end = [header], rule.end()
        while end < len(text):
            stop = text.find("\n", end + 1)
            stop = len(text) if stop < 0 else stop
            line = text[end + 1 : stop]
            if "|" not in line or not line.strip():
                break
            cells = _cells(line)
            rows.append((cells + [""] * len(header))[: max(len(header), 1)])
            end = stop
        last = end
        found.append((start, end, Grid(rows, header_rows=1)))
    return found


def _cells(line: str) -> list[str]:
    line = line.strip().removeprefix("|")
    if line.endswith("|") and not line.endswith("\\|"):
        line = line[:-1]
    return [_BREAK.sub("\n", cell).replace("\\|", "|").strip() for cell in _CELL.split(line)]


def _html_tables(text: str) -> list[tuple[int, int, Grid]]:
    if "<table" not in text and "<TABLE" not in text:
        return []
    from knowledge_base.parse.html import grids_of

    found: list[tuple[int, int, Grid]] = []
    for match in _HTML_TABLE.finditer(text):
        start = text.rfind("\n", 0, match.start()) + 1
        end = text.find("\n", match.end())
        end = len(text) if end < 0 else end
        if text[start : match.start()].strip() or text[match.end() : end].strip():
            continue
        grids = grids_of(match[0])
        if len(grids) == 1:
            found.append((start, end, grids[0][1]))
    return found
