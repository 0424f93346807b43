"""Tables of contents: lines that end in a page number, and lists of headings under 目录."""

import re

MAX_LINE = 160
_CONTENTS_LINE = re.compile(
    r"(?:\.{4,}|…{2,}|·{4,}|\t|[ 　]{3,})\s*[0-9ⅠⅡⅢⅣⅤIVX]+\s*$|^[^。；]{1,60}\t[0-9IVX]*\s*$"
)
_LEADERS = ("....", "……", "····", "\t", "   ", "　　　")
TITLE = re.compile(r"^[\s#*　]*目[\s　]*[录次][\s*　]*$")


def is_contents_line(line: str) -> bool:
    """Return whether a line is an entry of a table of contents."""
    return len(line) <= MAX_LINE and _CONTENTS_LINE.search(line) is not None


def is_contents(text: str) -> bool:
    """Return whether a run of text is a table of contents: most lines end in a page number."""
    if not any(leader in text for leader in _LEADERS):
        return False
    lines = [line for line in text.splitlines() if line.strip()]
    marked = sum(1 for line in lines if is_contents_line(line))
    return marked >= 3 and 2 * marked >= len(lines)


def entry_words(line: str) -> str:
    """Return what an entry names, without marks, leader dots, page number and white space."""
    words = (
        re.sub(r"(?:\.{3,}|[…·\t]|[ 　]{3}).*$", "", line.strip("#* 　\t"), count=1)
        if is_contents_line(line)
        else line
    )
    return re.sub(r"[\s#*　]+", "", words[:MAX_LINE])
