"""Numbers in Chinese text, Arabic or in characters: what can be compared with a tool's figures."""

import re
from decimal import Decimal, InvalidOperation

MARK = re.compile(r"〔(\d{1,2})〕")
"""A mark 〔n〕 counts the citations of an answer from 1."""
CHINESE_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
CHINESE_NUMBER = re.compile(
    r"[零〇一二两三四五六七八九十百千万]+(?=公顷|亩|平方|公里|米|日|天|年|个月|月|倍|万|元|度|%|％)|百分之[零一二三四五六七八九十百]+"
)
ARABIC = re.compile(r"(?<![第〔\d])\d[\d,]*(?:\.\d+)?")


def chinese_number(text: str) -> int | None:
    """Read 三十五, 一百二十, 两万; None when it is not a number."""
    total = section = digit = 0
    units = {"十": 10, "百": 100, "千": 1000}
    for char in text:
        if char in CHINESE_DIGITS:
            digit = CHINESE_DIGITS[char]
        elif char in units:
            section += (digit or 1) * units[char]
            digit = 0
        elif char == "万":
            total += (section + digit or 1) * 10_000
            section = digit = 0
        else:
            return None
    return total + section + digit


def numbers(text: str) -> set[Decimal]:
    """Collect the quantities of a text, Arabic or Chinese; article numbers and marks are not."""
    text = re.sub(r"第[一二三四五六七八九十百千零〇两\d]+[条款项章节编]", "", MARK.sub("", text))
    found: set[Decimal] = set()
    for match in ARABIC.findall(text):
        try:
            found.add(Decimal(match.replace(",", "")).normalize())
        except InvalidOperation:
            continue
    for match in CHINESE_NUMBER.findall(text):
        value = chinese_number(match.removeprefix("百分之"))
        if value is not None:
            found.add(Decimal(value).normalize())
    return found
