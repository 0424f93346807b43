"""Labels of clauses as people write them, reduced to one form: 第5.6.2条 = 5.6.2, 附件1第一条, 附录B.2.

Knows articles (第三十五条), the decimal clauses of standards with their items (5.6.2.2(1)②), and the
attachment in which either stands. Paragraphs (款) and items (项) of articles are no part of a label.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from cspon.schemas.knowledge import Passage
from knowledge_base.numerals import (
    ARTICLE,
    NUMERAL,
    article_key,
    article_label,
    format_numeral,
    parse_numeral,
)

_ATTACHED = rf"(?:附件|附录|附表|附图|附)(?:{NUMERAL}(?:-\d{{1,2}})?|[A-Z])?(?![0-9.])"
_DECIMAL = r"(?:\d{1,3}|[A-Z](?=\.))(?:\.\d{1,3}){0,5}"
_ITEM = rf"\((?:\d{{1,2}}|[a-z])\)|(?:\d{{1,2}}|[a-z])\)|[①-⑳]|第\(?{NUMERAL}\)?[项目]"
_LABEL = re.compile(
    rf"(?P<attached>{_ATTACHED})?(?:的|之)?"
    rf"(?:(?P<article>{ARTICLE})(?:第.+)?|第?(?P<decimal>{_DECIMAL})(?:条|款|节|项)?(?P<items>(?:{_ITEM})*))"
)
_ITEMS = re.compile(_ITEM)
_HEAD_ATTACHED = re.compile(rf"{_ATTACHED}(?![0-9A-Za-z])")
_HEAD_DECIMAL = re.compile(rf"(?P<decimal>{_DECIMAL})(?![0-9A-Za-z.])")
_IN_TEXT = re.compile(
    rf"(?P<attached>{_ATTACHED})(?:的|之)?{ARTICLE}"
    rf"|(?<![0-9A-Za-z.\-/:：])(?:{_ATTACHED})?(?:的|之)?第?(?:[1-9]\d{{0,2}}|[A-Z])(?:\.[1-9]\d{{0,2}}){{1,5}}(?![0-9A-Za-z.%])"
    rf"(?:条|款|节|项)?(?:{_ITEM})*"
    r"(?!\s*(?:亩|公顷|万|亿|平方|公里|米|厘米|毫米|倍|元|吨|％|个|户|人|k?m))"
)
_CIRCLED = "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳"


@dataclass(frozen=True)
class Label:
    """Where a clause stands in its document."""

    attached: str = ""
    """附件1, 附录B; empty in the document's own text."""
    article: str | None = None
    """Key of an article, "133-1"; None for a decimal clause."""
    clause: str = ""
    """Number of a decimal clause, 5.6.2 or B.2."""
    items: tuple[str, ...] = ()
    """(1), ②, from the outside in."""

    def within(self, items: int) -> "Label":
        """Return the label with so many of its items."""
        return replace(self, items=self.items[:items])

    def __str__(self) -> str:
        clause = article_label(self.article) if self.article else self.clause
        return f"{self.attached}{' ' if self.attached and self.clause else ''}{clause}{''.join(self.items)}"


def read_label(text: str) -> Label | None:
    """Read a label; None when the text is anything else (表B.7, 全文, 第二章).

    Args:
        text: As printed or typed, e.g. 第5.6.2条, 5.6.2.2（1）②, 附件1第一条, 附录B.2.
    """
    found = _LABEL.fullmatch(_plain(text))
    if found is None:
        return None
    attached = _attached(found["attached"] or "")
    if found["article"]:
        key = article_key(found["article"])
        return Label(attached, key) if key else None
    clause = _decimal(found["decimal"])
    if clause[0].isalpha() and attached in ("附录", f"附录{clause[0]}", f"附件{clause[0]}"):
        attached = ""  # the letter says in which annex it stands
    return Label(attached, None, clause, _items(found["items"] or ""))


def labels_in(text: str) -> Iterator[tuple[int, int, Label]]:
    """Yield (start, end, label) of what can only be a label of a standard or an attachment.

    Plain articles (第三十五条) and single numbers are left out.
    """
    for match in _IN_TEXT.finditer(text):
        if label := read_label(match[0]):
            yield match.start(), match.end(), label


def label_of(passage: Passage) -> Label | None:
    """Return a passage's own label, with the attachment in which it stands; None when it has none."""
    own = read_label(passage.article) if passage.article else None
    if own is None or own.attached or own.clause[:1].isalpha() or passage.article_key:
        return own  # an article with a key is the document's own, though an attachment carries it
    return replace(own, attached=_attachment_of(passage))


def heads(passage: Passage) -> tuple[Label, ...]:
    """Return the labels of the numbered headings above a passage, outermost first."""
    attached = _attachment_of(passage)
    found = (_HEAD_DECIMAL.match(_plain(head)) for head in passage.heading_path)
    clauses = [_decimal(match["decimal"]) for match in found if match]
    return tuple(Label("" if c[0].isalpha() else attached, None, c) for c in clauses)


def _attachment_of(passage: Passage) -> str:
    for head in passage.heading_path[:1]:
        if match := _HEAD_ATTACHED.match(_plain(head)):
            return _attached(match[0])
    return ""


def _plain(text: str) -> str:
    """Unify widths and brackets, and drop spaces; circled numbers stay."""
    kept = dict(enumerate(_CIRCLED))
    for n, circled in kept.items():
        text = text.replace(circled, chr(0xE000 + n))
    text = unicodedata.normalize("NFKC", text)
    text = re.sub(r"(?<=[0-9A-Z])\s+(?=[0-9A-Z])", "的", text)  # 附件1 5.1 is not 附件15.1
    text = re.sub(r"[\s#*]+", "", text)
    for n, circled in kept.items():
        text = text.replace(chr(0xE000 + n), circled)
    return text


def _attached(text: str) -> str:
    if not text:
        return ""
    match = re.match(r"附[件录表图]?", text)
    assert match is not None
    word, number = match[0], text[match.end() :]
    word = "附件" if word == "附" else word
    main, sign, rest = number.partition("-")
    try:
        return f"{word}{parse_numeral(main)}{sign}{rest}" if main else word
    except ValueError:
        return f"{word}{number}"


def _decimal(text: str) -> str:
    first, *rest = text.split(".")
    head = first if first.isalpha() else str(int(first))
    return ".".join((head, *(str(int(part)) for part in rest)))


def _items(text: str) -> tuple[str, ...]:
    found = []
    for item in _ITEMS.findall(text):
        if item in _CIRCLED:
            found.append(item)
            continue
        value = item.strip("()第项目")
        found.append(f"({value if value.isalpha() and value.isascii() else parse_numeral(value)})")
    return tuple(found)


@dataclass(frozen=True)
class Clause:
    """What a document has under a label."""

    passages: tuple[Passage, ...]
    """In order; several when a long clause was cut."""
    label: Label
    """The label that they bear; that of the heading above them when `below`."""
    rest: tuple[str, ...] = ()
    """Items that were asked for and have no passage of their own: look for them in the text."""
    below: bool = False
    """The label is a heading's; these are the clauses under it."""


def find_clause(wanted: Label, passages: Iterable[Passage]) -> Clause | None:
    """Find the passages of a label in one document: its own, else the nearest prefix by items.

    Without an attachment in the label, the document's own text counts first, then the one attachment
    that has such a clause. A heading without words stands for the clauses under it.

    Args:
        wanted: From `read_label`.
        passages: Of one document.
    """
    ordered = sorted(passages, key=lambda p: (p.ordinal or 0, p.id))
    own = [(label, p) for p in ordered for label in _labels_of(p)]
    above = [(heads(p), p) for p in ordered]
    for place in _places(wanted, {label for label, _ in own}):
        for count in range(len(place.items), -1, -1):
            label = place.within(count)
            if found := tuple(p for mine, p in own if mine == label):
                return Clause(found, label, place.items[count:])
        if not place.items and (found := tuple(p for over, p in above if place in over)):
            return Clause(found, place, below=True)
    return None


def _labels_of(passage: Passage) -> list[Label]:
    """Return its own label; an article that an attachment carries bears the attachment's, too."""
    own = label_of(passage)
    if own is None:
        return []
    carried = _attachment_of(passage)
    return [own, replace(own, attached=carried)] if passage.article_key and carried else [own]


def _places(wanted: Label, known: Collection[Label]) -> list[Label]:
    if wanted.attached or wanted.article:
        return [wanted]
    others = sorted({label.attached for label in known if label.clause == wanted.clause} - {""})
    return [wanted, *(replace(wanted, attached=other) for other in others[:1] if len(others) == 1)]


def part_of(text: str, items: Sequence[str]) -> str | None:
    """Return the words of an item inside a clause, e.g. of (1)②; None when it has no such item."""
    for item in items:
        starts = list(re.finditer(_mark(item), text, re.MULTILINE))
        if not starts:
            return None
        text = text[starts[0].start() :]
        following = re.search(_mark(_next(item)), text[1:], re.MULTILINE)
        text = text[: following.start() + 1] if following else text
    return text.strip()


def _mark(item: str) -> str:
    if item in _CIRCLED:
        return re.escape(item)
    value = re.escape(item.strip("()"))
    chinese = f"|{format_numeral(int(value))}" if value.isdigit() and int(value) else ""
    return rf"[（(]\s*(?:{value}{chinese})\s*[）)]|^\s*(?:{value})[）)]"


def _next(item: str) -> str:
    if item in _CIRCLED:
        return _CIRCLED[(_CIRCLED.index(item) + 1) % len(_CIRCLED)]
    value = item.strip("()")
    return f"({int(value) + 1 if value.isdigit() else chr(ord(value) + 1)})"
