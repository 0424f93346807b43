"""Words: old names, terms that are not the standard's, vague words on binding figures, slips of writing."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any

from agents.review.case import Case
from agents.review.check import Found
from agents.review.document import Block, Span
from agents.review.quantities.statements import sentences

HISTORY = re.compile(
    r"原|曾|机构改革|批准前|此前|历史(?:上|时期|沿革)|当时|时任|前身|改(?:名|称|组)|合并|撤销|整合|沿革|以前|过去|旧|并入"
)
"""Words by which a sentence speaks of the past: old names are right there."""
MARKED = re.compile(r"强制性内容|约束性指标|管控要求|必须遵守")

BROKEN = re.compile(
    r"(?<!\d)\d+\s+\.\s*\d+|(?<![\d.])\d\s\d+\.\d+|百分之\d+(?:\.\d+)?|(?<=[到至较比—–])\d\d年(?=[增减提下降净，）)])|(?<!\d)\d+\.\.\d+|\d{1,3}，\d{3}(?!\d)(?=\s*(?:公顷|亩|人|平方))"
)
HAN_YEAR = re.compile(r"((?:二[〇零○]|一九)[〇零○一二三四五六七八九]{2})年")
HAN_DIGITS = str.maketrans("〇零○一二三四五六七八九", "000123456789")
FEW = 5
"""Numbers from which on a way of writing can be that of a whole table."""
FRONT = 12
"""Blocks of the title page, where a date may stand in Chinese numerals."""


def words(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find words of a list.

    `words`: wrong word to the right one (empty: none is certain); `not_before`, `not_after`: what
    makes a word right; `history`: right where the sentence speaks of the past.
    """
    pattern, rights = _pattern(
        tuple(parameters["words"]), tuple((parameters["words"] or {}).items())
    )
    before = re.compile(f"(?:{'|'.join(parameters.get('not_after', ())) or '(?!)'})$")
    after = re.compile(f"^(?:{'|'.join(parameters.get('not_before', ())) or '(?!)'})")
    for block in _texts(case):
        for start, sentence in sentences(block.text):
            if parameters.get("history") and HISTORY.search(sentence):
                continue
            quoted = _quoted(sentence)
            for match in pattern.finditer(sentence):
                if before.search(sentence[: match.start()]) or after.match(sentence[match.end() :]):
                    continue
                if any(a <= match.start() < b for a, b in quoted):
                    continue
                right = rights[match[0]]
                yield Found(
                    Span(block.number, start + match.start(), start + match.end()),
                    f"“{match[0]}”" + (f"应为“{right}”" if right else parameters.get("message", "不规范")),
                    replacement=right or None, suggestion=f"改为“{right}”" if right else parameters.get("suggestion", ""),
                )  # fmt: skip


def strength(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find prohibitions and limits that are worded as advice: 尽量不占用, 宜避免; 不宜小于 beside 不得小于.

    `soft`: a prohibition or limit as advice, in sentences that `binding` marks as such; `advice`: a limit
    as advice, wrong only where its paragraph words another limit as an order (`order`).
    """
    soft, binding = re.compile(parameters["soft"]), re.compile(parameters["binding"])
    advice, order = re.compile(parameters["advice"]), re.compile(parameters["order"])
    for block in case.text.running():
        mixed = order.search(block.text)
        marked = MARKED.search(case.headings[block.number])
        for start, sentence in sentences(block.text):
            found = [*soft.finditer(sentence)] if marked or binding.search(sentence) else []
            found += [*advice.finditer(sentence)] if mixed else []
            for match in found:
                yield Found(
                    Span(block.number, start + match.start(), start + match.end()),
                    f"禁止或限制用了引导性用词“{match[0]}”",
                    suggestion="强制性要求用“不得”“应”“必须”",
                )


def vague(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find vague words on figures that bind."""
    binding = set(parameters["binding"])
    pattern = re.compile(parameters["words"])
    for quantity in case.quantities:
        if quantity.subject not in binding:
            continue
        block = case.text.blocks[quantity.span.block]
        before = block.text[max(0, quantity.span.start - 8) : quantity.span.start]
        after = block.text[quantity.span.end : quantity.span.end + 3]
        for text, offset in (
            (before, quantity.span.start - len(before)),
            (after, quantity.span.end),
        ):
            match = pattern.search(text)
            if match is not None:
                yield Found(
                    Span(block.number, offset + match.start(), offset + match.end()),
                    f"约束性指标{quantity.subject}用了“{match[0]}”", suggestion="写确定的数值",
                    also=(quantity.span,),
                )  # fmt: skip


def repeated(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find a word that is written twice."""
    right = set(parameters["right"])
    for block in _texts(case):
        for match in re.finditer(r"([一-鿿]{2,4})\1|([的了和与在是为对及])\2", block.text):
            if (
                match[0] in right
                or (match[1] or "") in right
                or re.search(r"[一二三四五六七八九十]", match[0])
            ):
                continue
            once = match[1] or match[2]
            yield Found(
                Span(block.number, match.start(), match.end()), f"“{once}”重复",
                replacement=once, suggestion=f"改为“{once}”",
            )  # fmt: skip


def punctuation(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find punctuation that is doubled, halved or of the wrong width."""
    for block in _texts(case):
        text = block.text
        for match in re.finditer(
            r"([，。；：、])[，。；：、]+|(?<=[一-鿿）》”])[,;](?=[一-鿿（《“]|$)", text
        ):
            if match[0] in ("。。", "…"):
                pass
            yield Found(
                Span(block.number, match.start(), match.end()), f"标点“{match[0]}”有误",
                suggestion="核对标点",
                replacement={",": "，", ";": "；"}.get(match[0], match[0][0]),
            )  # fmt: skip
        if block.kind != "cell":
            yield from _unpaired(block)


def _unpaired(block: Block) -> Iterator[Found]:
    pairs = {"）": "（", "》": "《", "”": "“", "】": "【", "〕": "〔"}
    opened: list[tuple[str, int]] = []
    for place, char in enumerate(block.text):
        if char in pairs.values():
            opened.append((char, place))
        elif char in pairs:
            listed = re.search(
                r"(?:^|[，。；、\s])[\d一二三四五六七八九十a-z]{1,3}$", block.text[:place]
            )
            if opened and opened[-1][0] == pairs[char]:
                opened.pop()
            elif not (char == "）" and listed):
                begins = max(block.text.rfind(c, 0, place) for c in "。；，") + 1
                yield Found(
                    Span(block.number, begins, place + 1),
                    f"“{char}”没有与它成对的“{pairs[char]}”",
                    suggestion="补全或删去",
                )
                return
    for char, place in opened[:1]:
        ends = [at for c in "。；，" if (at := block.text.find(c, place)) >= 0]
        yield Found(
            Span(block.number, place, min(ends, default=len(block.text))),
            f"“{char}”没有与它成对的另一半",
            suggestion="补全或删去",
        )


def number_style(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find numbers that are written as their table or the text does not write them elsewhere.

    Full-width digits, years in Chinese numerals, broken decimals and ranges.
    """
    wide: dict[int | None, list[Found]] = defaultdict(list)
    plain: Counter[int | None] = Counter()
    for block in _texts(case):
        plain[block.table] += len(re.findall(r"[0-9]+(?:\.[0-9]+)?", block.text))
        for match in re.finditer(r"[０-９]+(?:[．.][０-９]+)?", block.text):
            narrow = match[0].translate({code: code - 0xFEE0 for code in range(0xFF0E, 0xFF1A)})
            wide[block.table].append(Found(
                Span(block.number, match.start(), match.end()), f"全角数字“{match[0]}”",
                replacement=narrow, suggestion="用半角数字",
            ))  # fmt: skip
        for match in BROKEN.finditer(block.text):
            yield Found(
                Span(block.number, match.start(), match.end()),
                f"数字“{match[0]}”写法有误",
                suggestion="核对数字",
            )
        for match in HAN_YEAR.finditer(block.text):
            if block.number > FRONT and not re.match(
                r"[一二三四五六七八九十]+月", block.text[match.end() :]
            ):
                digits = match[1].translate(HAN_DIGITS)
                yield Found(
                    Span(block.number, match.start(), match.end()), f"年份“{match[0]}”未用阿拉伯数字",
                    replacement=f"{digits}年", suggestion=f"改为“{digits}年”",
                )  # fmt: skip
    for table, found in wide.items():
        if (
            len(found) < FEW or len(found) * 5 <= plain[table]
        ):  # else it is how all of it is written
            yield from found


def unit_style(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find units that are written wrongly, or in two ways: then the rarer of the two."""
    wrong: dict[str, str] = parameters["wrong"]
    names = "|".join(map(re.escape, sorted(wrong, key=len, reverse=True)))
    pattern = re.compile(rf"(?<=[\d万亿])({names})(?![²³\d])")
    for block in _texts(case):
        for match in pattern.finditer(block.text):
            right = wrong[match[0]]
            if len(right) <= len(match[0]) or not block.text.startswith(right, match.start()):
                yield Found(
                    Span(block.number, match.start(), match.end()), f"单位“{match[0]}”应为“{right}”",
                    replacement=right, suggestion=f"改为“{right}”",
                )  # fmt: skip
    for group in parameters["groups"]:
        places: dict[str, list[Span]] = defaultdict(list)
        for block in _texts(case):
            for name in group:
                for match in re.finditer(
                    rf"(?<=[\d万亿\s（(/]){re.escape(name)}(?![A-Za-z²³\d])", block.text
                ):
                    places[name].append(Span(block.number, match.start(), match.end()))
        if len(places) < 2:
            continue
        counts = Counter({name: len(found) for name, found in places.items()})
        usual, most = counts.most_common(1)[0]
        for name, found in places.items():
            if name == usual or counts[name] * 3 > most:
                continue
            for span in found:
                yield Found(
                    span, f"单位“{name}”与全文通用的“{usual}”不一致",
                    replacement=usual, suggestion=f"统一为“{usual}”",
                )  # fmt: skip


def _texts(case: Case) -> Iterator[Block]:
    return (block for block in case.text.blocks if block.kind != "header")


def _quoted(sentence: str) -> list[tuple[int, int]]:
    return [(m.start(), m.end()) for m in re.finditer(r"《[^《》]*》|“[^“”]*”", sentence)]


@cache
def _pattern(
    words: tuple[str, ...], items: tuple[tuple[str, str], ...]
) -> tuple[re.Pattern[str], dict[str, str]]:
    ordered = sorted(words, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, ordered))), dict(items)
