"""Marks 〔n〕 and the clauses they stand for: putting them right, and whether a clause says a claim."""

import re
from collections.abc import Sequence

from agents.assistant.numbers import MARK
from cspon.schemas.knowledge import Citation
from knowledge_base.retrieve.coverage import bigrams

LABEL = re.compile(
    r"《([^》]{2,60})》(第[一二三四五六七八九十百千零〇两\d]+条(?:之[一二三四五六七八九十])?)"
)
OPENING = re.compile(
    r"^(?:[，。；、\s]|(?:根据|依据|依照|按照)[^，]*(?:，|规定)|因此|同时|其中|此外|另外|所以)+"
)
SUPPORT = 0.6
"""Least share of a claim's bigrams in one unit of its clause. Own choice, verified: false."""


def remark(sentence: str, citations: Sequence[Citation]) -> str:
    """Put the right mark after every clause that a sentence names in words.

    A small model names 《…》第…条 and numbers it wrongly or not at all; the name decides.
    """
    if not LABEL.search(sentence):
        return sentence
    numbered = {(_short(c.title), c.article): n for n, c in reversed(list(enumerate(citations, 1)))}

    def marked(match: re.Match[str]) -> str:
        number = numbered.get((_short(match[1]), match[2]))
        return f"{match[0]}〔{number}〕" if number else match[0]

    return LABEL.sub(marked, MARK.sub("", sentence))


def attribute(sentence: str, citations: Sequence[Citation]) -> str:
    """Mark a sentence that names no clause with the one whose words it repeats, if there is one."""
    if MARK.search(sentence):
        return sentence
    best = max(
        (n for n, c in enumerate(citations, 1) if says(c, sentence)),
        key=lambda n: max(overlap(sentence, unit) for unit in units(citations[n - 1].quote)),
        default=None,
    )
    if best is None:
        return sentence
    end = re.search(r"[。！？；\s]*$", sentence)
    cut = end.start() if end else len(sentence)
    return f"{sentence[:cut]}〔{best}〕{sentence[cut:]}"


def _short(title: str) -> str:
    return title.strip("《》").removeprefix("中华人民共和国")


def overlap(sentence: str, grounds: str) -> float:
    """Share of the sentence's character bigrams that stand in the grounds, 0..1."""
    wanted = bigrams(MARK.sub("", sentence))
    return len(wanted & bigrams(grounds)) / len(wanted) if wanted else 1.0


def claims(sentence: str) -> list[tuple[str, list[int]]]:
    """Split a sentence at its marks: what stands before a mark is what the mark must support."""
    pieces = re.split(r"((?:〔\d{1,2}〕)+)", sentence)
    return [
        (claim, [int(m) for m in MARK.findall(marks)])
        for claim, marks in zip(pieces[::2], pieces[1::2], strict=False)
    ]


def says(citation: Citation, claim: str) -> bool:
    """Whether one sentence, or the head and one item, of a clause carries the claim.

    The claim's subject must stand in the same unit: 农用地 is not 永久基本农田.
    """
    claim = LABEL.sub("", OPENING.sub("", MARK.sub("", claim)))
    head = bigrams(claim[:3])
    return any(
        overlap(claim, unit) >= SUPPORT and head <= bigrams(unit)
        for unit in units(f"{citation.quote}\n{citation.point}")
    )


def units(text: str) -> list[str]:
    """Split a clause into what can be true by itself: sentences, and a head with each item."""
    found: list[str] = []
    head = ""
    for line in text.split("\n"):
        if re.match(r"^[（(][一二三四五六七八九十]+[）)]", line):
            item = re.sub(r"^[（(][一二三四五六七八九十]+[）)]", "", line)
            found += [head + item, _merged(head, item)]
            continue
        parts = [p for p in re.split(r"(?<=[。])", line) if p]
        found += parts
        head = parts[-1] if parts and parts[-1].rstrip().endswith(("：", ":")) else ""
    return found


def _merged(head: str, item: str) -> str:
    """征收下列土地的，由…批准： + 耕地…的； reads as 征收耕地…的，由…批准."""
    merged = re.sub(r"下列[^，：]*?(?=的|，|：)", item.rstrip("；。"), head, count=1)
    return merged.rstrip("：:").replace("的的", "的")
