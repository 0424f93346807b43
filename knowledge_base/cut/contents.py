"""Tables of contents: lines that end in a page number, and lists of headings under 目录."""

import re

from knowledge_base.cut.headings import is_contents_line, read_heading

MAX_ENTRY = 100
_TITLE = re.compile(r"^[ \t　#*]*目[ 　]*[录次][ \t　*]*$", re.MULTILINE)
_PAGE = re.compile(r"[ 　\t.…·]+[0-9ⅠⅡⅢⅣⅤIVX]{1,5}$")
_NUMBER_ALONE = re.compile(r"^[0-9ⅠⅡⅢⅣⅤIVXivx\-— ]{1,7}$")
_LEADERS = ("....", "……", "····", "\t", "   ", "　　　")


def is_contents(text: str) -> bool:
    """Return whether a run of text is a table of contents: most lines end in a page number."""
    if not any(leader in text for leader in _LEADERS):
        return False
    lines = [line for line in text.splitlines() if line.strip()]
    others = [line for line in lines if not is_contents_line(line)]
    marked = len(lines) - len(others)
    return marked >= 3 and marked >= len(others) and not any("。" in line for line in others)


def find_contents(text: str) -> tuple[tuple[int, int], ...]:
    """Return the spans of the lists under a line 目录 or 目次, that line included."""
    spans: list[tuple[int, int]] = []
    for match in _TITLE.finditer(text):
        if not spans or match.start() >= spans[-1][1]:
            end = _end_of_list(text, match.end() + 1)
            spans.append((match.start(), max(end, match.end())))
    return tuple(spans)


def _end_of_list(text: str, start: int) -> int:
    """Return where the entries end: at running text, or where the first heading comes again."""
    seen: dict[str, int] = {}
    paged, position = False, start
    while position < len(text):
        end = text.find("\n", position)
        end = len(text) if end < 0 else end
        line = text[position:end].strip() if end - position <= 2 * MAX_ENTRY else ""
        if end - position > 2 * MAX_ENTRY:
            break
        if line and not _NUMBER_ALONE.match(line):
            has_page = len(line) <= MAX_ENTRY and _PAGE.search(line) is not None
            heading = None if has_page else read_heading(text[position:end], position)
            words = re.sub(r"[\s#*　]+", "", _PAGE.sub("", line))
            if words in seen or not (has_page or (heading and not heading.clause and not paged)):
                break
            paged = paged or has_page
            seen[words] = position
        position = end + 1
    if seen and not paged:
        words, at = list(seen.items())[-1]
        rest = text[position : position + 200_000]
        if position < len(text) and words not in re.sub(r"[\s#*　]+", "", rest):
            return at  # no entry, but the first heading of the text itself
    return min(position, len(text))
