"""What a bare model says without ground: clauses and measured figures that nobody gave it.

The assistant checks its own sentences against tool results and the base; a bare model has neither, so
what it cites or measures and what does not stand in the request is noted, never changed. A system
message that comes back word for word is noted likewise.
"""

import re

CLAUSE = re.compile(
    r"《([^》\n]{2,60})》(?:（[^）]{1,20}）)?\s?(第[一二三四五六七八九十百千零〇0-9]{1,8}条)"
)
UNITS = "公顷|亩|平方米|平方公里|公里|万元|亿元|%|％|米|人|户"
FIGURE = re.compile(
    r"([0-9][0-9,]{0,14}(?:\.[0-9]{1,6})?)\s?"
    rf"(?:{UNITS})"
)
"""Begins with a class of characters, which is searched for fast; what stands before is looked at after."""
NUMBER = re.compile(r"国[函发]〔[0-9]{4}〕[0-9]{1,4}号|[一-鿿]{2,8}〔[0-9]{4}〕[0-9]{1,4}号")
STATED = rf"《|〔[0-9]{{4}}〕|[0-9,]\s?(?:{UNITS})"
"""Occurs in every text in which there is something to ground; for the needles of the guards."""
RUN = 24
"""Characters in a row that make a repeated system message, not a common phrase."""
LOOKED_AT = 64


def unsupported(text: str, given: str) -> int:
    """Count the clauses, document numbers and measured figures of a text that are not in what was given."""
    clauses = {m.groups() for m in CLAUSE.finditer(text)} if "《" in text else set()
    count = sum(title not in given or article not in given for title, article in clauses)
    numbers = {m.group() for m in NUMBER.finditer(text)} if "〔" in text else set()
    count += sum(number not in given for number in numbers)
    figures = {
        m.group(1)
        for m in FIGURE.finditer(text)
        if not m.start() or text[m.start() - 1] not in "0123456789."
    }
    return count + sum(figure.rstrip(",") not in given for figure in figures)


def repeats(text: str, system: str) -> bool:
    """Say whether a text holds a run of a system message.

    A run of `RUN` characters covers at least one whole block of half that length.
    """
    bare = "".join(system.split())
    half = RUN // 2
    blocks = [bare[i : i + half] for i in range(0, len(bare) - half + 1, half)]
    if len(bare) < RUN:
        return False
    said = "".join(text.split())
    step = max(1, len(blocks) // LOOKED_AT)
    for number in range(0, len(blocks), step):
        place = said.find(blocks[number])
        if place >= 0 and _run(said, bare, place, number * half) >= RUN:
            return True
    return False


def _run(said: str, system: str, here: int, there: int) -> int:
    """Return how many characters agree around a place, to both sides."""
    start, end = 0, 0
    while (
        here - start > 0
        and there - start > 0
        and said[here - start - 1] == system[there - start - 1]
    ):
        start += 1
    while (
        here + end < len(said)
        and there + end < len(system)
        and said[here + end] == system[there + end]
    ):
        end += 1
    return start + end
