"""Names in a question: layers, indicators and models of the libraries, exactly or nearly.

Knows the libraries' titles and the lay wording of `intents.yaml`.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from agents.assistant.wording import Named, load_wording
from cspon.schemas.base import Frozen

NEAR = 0.62
"""Least Dice share of common bigrams of a name that is not written out. Own choice."""
PARTS = re.compile(r"[、，。；？！和与及以]|还有|以及")
LOOKS_LIKE_INDICATOR = re.compile(
    r"[\u4e00-\u9fffA-Za-z\d]{2,14}(?:率|强度|密度|比例|比重|指数|占比)$"
)
LEADING = re.compile(
    r"^(?:请|帮我|帮忙|麻烦|计算|算一下|算下|算|统计|看看|查一下|查|给出|我们|本|全)*"
    r"(?:县|市|区|镇)?(?:的|在)?(?:\d{4}年)?(?:度)?的?"
)


class Found(Frozen):
    """An entry that is meant, where, and what a user must be told."""

    id: str
    start: int
    note: str = ""
    near: bool = False
    """Not written out, only like it."""


def layer_roles(text: str) -> list[Found]:
    """List the roles of layers that a text names, in their order, without repeats."""
    return _spans(text, load_wording().layers)


def _spans(text: str, names: Iterable[Named]) -> list[Found]:
    """Find names; the longer wording wins where two overlap."""
    hits = [
        (m.end() - m.start(), m.start(), name)
        for name in names
        for m in re.finditer(name.pattern, text)
    ]
    taken: list[tuple[int, int]] = []
    found: dict[str, Found] = {}
    for length, start, name in sorted(hits, key=lambda hit: -hit[0]):
        if any(start < b and a < start + length for a, b in taken):
            continue
        taken.append((start, start + length))
        known = found.get(name.id)
        if known is None or start < known.start:
            found[name.id] = Found(id=name.id, start=start, note=name.note)
    return sorted(found.values(), key=lambda one: one.start)


@lru_cache(maxsize=1)
def _indicator_names() -> tuple[Named, ...]:
    from tools.indicators.load import indicators

    said = load_wording().indicators
    titles = [
        Named(id=key, pattern=re.escape(plain(d.said.title))) for key, d in indicators().items()
    ]
    return (*titles, *said)


def plain(text: str) -> str:
    """Leave out blanks and quotation marks, as questions are compared."""
    return re.sub(r"[\s“”\"]", "", text)


def indicator_ids(text: str) -> list[Found]:
    """List the indicators that a text names: written out, in lay words, or nearly."""
    text = plain(text)
    found = _spans(text, _indicator_names())
    known = {one.id for one in found}
    for start, part in _parts(text):
        if any(start <= one.start < start + len(part) for one in found):
            continue
        best = max(_titles(), key=lambda pair: dice(part, pair[1]))
        if dice(part, best[1]) >= NEAR and best[0] not in known:
            note = f"“{part}”按指标库的“{best[1]}”计算。"
            found.append(Found(id=best[0], start=start, note=note, near=True))
            known.add(best[0])
    return sorted(found, key=lambda one: one.start)


def unknown_indicators(text: str) -> list[str]:
    """List what looks like the name of an indicator and is in no library."""
    text = plain(text)
    found = indicator_ids(text)
    return [
        part
        for start, part in _parts(text)
        if LOOKS_LIKE_INDICATOR.search(part)
        and not any(start <= one.start < start + len(part) for one in found)
    ]


def _parts(text: str) -> list[tuple[int, str]]:
    """Split an enumeration, with where each part begins."""
    parts, at = [], 0
    for piece in [*PARTS.finditer(text), None]:
        end = piece.start() if piece else len(text)
        raw = text[at:end]
        lead = LEADING.match(raw)
        skip = lead.end() if lead else 0
        part = re.sub(r"(?:是多少|有多少|多少|现在|目前|各|分别)+.*$", "", raw[skip:])
        if len(part) >= 3:
            parts.append((at + skip, part))
        at = piece.end() if piece else end
    return parts


def _titles() -> list[tuple[str, str]]:
    from tools.indicators.load import indicators

    return [(key, plain(d.said.title)) for key, d in indicators().items()]


def dice(a: str, b: str) -> float:
    """Share of common bigrams, 0..1."""
    first, second = ({t[i : i + 2] for i in range(len(t) - 1)} for t in (a, b))
    return 2 * len(first & second) / (len(first) + len(second)) if first and second else 0.0


def model_ids(text: str) -> list[Found]:
    """List the models of the library that a text names, by title or in lay words."""
    from tools.models.load import models

    titles = [Named(id=key, pattern=re.escape(plain(d.said.title))) for key, d in models().items()]
    return _spans(plain(text), (*titles, *load_wording().models))
