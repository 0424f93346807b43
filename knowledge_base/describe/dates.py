"""Dates that a text states of itself: printed, in force from, in force until.

`until` is the first day on which it is no longer in force.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from knowledge_base.numerals import parse_numeral

_N = "0-9０-９〇○零一二三四五六七八九十"
DAY = rf"[{_N}]{{4}}[ 　]{{0,2}}年[ 　]{{0,2}}[{_N}]{{1,3}}[ 　]{{0,2}}月[ 　]{{0,2}}[{_N}]{{1,3}}[ 　]{{0,2}}日"
_DAY = re.compile(
    rf"(?P<y>[{_N}]{{4}})[ 　]{{0,2}}年[ 　]{{0,2}}(?P<m>[{_N}]{{1,3}})[ 　]{{0,2}}月[ 　]{{0,2}}(?P<d>[{_N}]{{1,3}})[ 　]{{0,2}}日"
    r"|(?<!\d)(?P<y2>\d{4})[-/.—](?P<m2>\d{1,2})[-/.—](?P<d2>\d{1,2})(?!\d)"
)
_YEARS = re.compile(rf"([{_N}两]{{1,3}})[ 　]?(年|个月)")
_OWN = r"(?:本(?:通知|办法|规定|细则|意见|方案|标准|指南|条例|文件|规程|规范|决定|公告|通告|政策|措施|导则|规则|[^，。；《》]{0,8}))"
_FROM = re.compile(
    rf"自[ 　]?({DAY})[ 　]?(?:起|之日起)?[^，。；]{{0,4}}?(?:施行|实施|执行|生效|试行)"
)
_FROM_ISSUE = re.compile(
    r"自(?:公布|发布|印发|颁布|下发|发文|公告|批准)之日起"
    rf"(?:(?P<days>[{_N}]{{1,3}})[ 　]?日后)?[^，。；0-9]{{0,8}}?(?:施行|实施|执行|生效|试行)"
)
_UNTIL = re.compile(
    rf"有效期[ 　]?(?:限)?(?:自[^，。；]{{0,16}}起?)?[ 　]?(?:截?至|到)[ 　]?({DAY})"
)
_UNTIL_ACTION = re.compile(rf"(?:施行|实施|执行|试行)(?:期限?)?[ 　]?(?:截?至|到)[ 　]?({DAY})")
_FOR = re.compile(
    rf"有效期[ 　]?(?:限)?(?:为|是)?[ 　]?([{_N}两]{{1,3}}[ 　]?(?:年|个月))"
    rf"|(?:试行期?(?:为|限为)?|暂定试行)[ 　]?([{_N}两]{{1,3}}[ 　]?(?:年|个月))"
)
_END = re.compile(r"[。；\n]")
_TELLING = ("施行", "实施", "执行", "生效", "有效期", "试行")
_ABOUT_ITSELF = re.compile(
    rf"{_OWN}|自(?:公布|发布|印发|下发)之日起|^[\s　]*(?:[一二三四五六七八九十]+、)?自"
)
MAX_SENTENCE = 300


def read_day(text: str) -> date | None:
    """Return the first day in a text, in digits or Chinese numerals; None if there is none."""
    return next(days(text), None)


def days(text: str) -> Iterator[date]:
    """Yield the days in a text; impossible ones are left out."""
    for match in _DAY.finditer(text):
        try:
            if match["y"]:
                year = parse_numeral(match["y"])
                yield date(year, parse_numeral(match["m"]), parse_numeral(match["d"]))
            else:
                yield date(int(match["y2"]), int(match["m2"]), int(match["d2"]))
        except ValueError:
            continue


def _sentences(texts: Sequence[str]) -> Iterator[str]:
    for text in texts:
        if not any(word in text for word in _TELLING):
            continue
        for sentence in _END.split(text):
            if len(sentence) <= MAX_SENTENCE and any(word in sentence for word in _TELLING):
                yield sentence


def first_day(texts: Sequence[str], published: date | None) -> date | None:
    """Return the day from which a text says that it is in force.

    Args:
        texts: Its header and closing parts.
        published: The day that 自印发之日起 means.
    """
    for sentence in _sentences(texts):
        if "《" in sentence.split("自", 1)[0]:
            continue  # 《另一办法》自…起施行
        if match := _FROM.search(sentence):
            return read_day(match[1])
        if published and (match := _FROM_ISSUE.search(sentence)):
            return published + timedelta(days=parse_numeral(match["days"]) if match["days"] else 0)
    return None


def last_day(texts: Sequence[str], start: date | None) -> date | None:
    """Return the first day on which a text, by its own words, is no longer in force.

    Args:
        texts: Its header and closing parts.
        start: The first day in force, from which 有效期5年 counts.
    """
    for sentence in _sentences(texts):
        if not _ABOUT_ITSELF.search(sentence):
            continue
        if (match := _UNTIL.search(sentence) or _UNTIL_ACTION.search(sentence)) and (
            day := read_day(match[1])
        ):
            return day + timedelta(days=1)
        if start and (match := _FOR.search(sentence)):
            return _later(start, match[1] or match[2])
    return None


def _later(start: date, period: str) -> date | None:
    match = _YEARS.search(period)
    if match is None:
        return None
    try:
        count = parse_numeral(match[1].replace("两", "二"))
    except ValueError:
        return None
    if not 0 < count <= 100:
        return None
    months = start.month - 1 + (count if match[2] == "个月" else 12 * count)
    year, month = start.year + months // 12, months % 12 + 1
    try:
        return date(year, month, start.day)
    except ValueError:  # 29 February
        return date(year, month, 28) + timedelta(days=1)
