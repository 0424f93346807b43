"""The numbers that Word writes by itself: 第一条, （一）, 1.2.3, restored from numbering.xml.

Knows ECMA-376 part 1 §17.9: levels, restarts, overrides, style-linked lists, number formats.
"""

from dataclasses import dataclass, field
from typing import Any

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_CHINESE = "零一二三四五六七八九"
_LEGAL = "零壹贰叁肆伍陆柒捌玖"
_STEMS = "甲乙丙丁戊己庚辛壬癸"
_BRANCHES = "子丑寅卯辰巳午未申酉戌亥"
_ROMAN = (
    (1000, "M"),
    (900, "CM"),
    (500, "D"),
    (400, "CD"),
    (100, "C"),
    (90, "XC"),
    (50, "L"),
    (40, "XL"),
    (10, "X"),
    (9, "IX"),
    (5, "V"),
    (4, "IV"),
    (1, "I"),
)


def chinese_numeral(number: int, digits: str = _CHINESE, units: str = "十百千") -> str:
    """Return a number below 10,000 in Chinese: 12 → 十二, 105 → 一百零五; others in digits."""
    if not 0 <= number < 10_000:
        return str(number)
    if number < 10:
        return digits[number]
    out, zero = "", False
    for power in (3, 2, 1, 0):
        digit = number // 10**power % 10
        if digit == 0:
            zero = bool(out)
            continue
        out += (digits[0] if zero else "") + digits[digit] + (units[power - 1] if power else "")
        zero = False
    return out[1:] if out.startswith("一十") else out


def _roman(number: int) -> str:
    if not 0 < number < 4000:
        return str(number)
    out = ""
    for value, letters in _ROMAN:
        while number >= value:
            out, number = out + letters, number - value
    return out


def _letter(number: int) -> str:
    if not 0 < number <= 780:
        return str(number)
    return chr(ord("a") + (number - 1) % 26) * ((number - 1) // 26 + 1)


def format_number(number: int, form: str) -> str:
    """Return a number in a Word number format (w:numFmt); unknown formats in digits."""
    if form in ("none", "bullet"):
        return ""
    if form == "decimalZero":
        return f"{number:02d}"
    if form in ("upperRoman", "lowerRoman"):
        return _roman(number) if form == "upperRoman" else _roman(number).lower()
    if form in ("upperLetter", "lowerLetter"):
        return _letter(number).upper() if form == "upperLetter" else _letter(number)
    if form == "ideographDigital" or form == "japaneseDigitalTenThousand":
        return "".join("〇一二三四五六七八九"[int(d)] for d in str(number))
    if form.startswith(("chineseLegal", "ideographLegal", "japaneseLegal")):
        return chinese_numeral(number, _LEGAL, "拾佰仟")
    if form.startswith(("chinese", "taiwanese", "japaneseCounting", "koreanCounting")):
        return chinese_numeral(number)
    if form.startswith("decimalEnclosedCircle") and 0 < number <= 20:
        return chr(0x2460 + number - 1)
    if form == "decimalEnclosedParen" and 0 < number <= 20:
        return chr(0x2474 + number - 1)
    if form == "decimalEnclosedFullstop" and 0 < number <= 20:
        return chr(0x2488 + number - 1)
    if form == "decimalFullWidth":
        return str(number).translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    if form == "ideographTraditional" and 0 < number <= 10:
        return _STEMS[number - 1]
    if form == "ideographZodiac" and 0 < number <= 12:
        return _BRANCHES[number - 1]
    return str(number)


@dataclass(frozen=True)
class _Level:
    start: int
    form: str
    text: str
    restart: int | None
    legal: bool
    style: str | None


@dataclass
class _List:
    levels: dict[int, _Level]
    counts: dict[int, int] = field(default_factory=dict)


class Numbering:
    """The lists of a document and how far each has counted."""

    def __init__(self, root: Any | None) -> None:
        """Read numbering.xml; None for a document without lists."""
        self._lists: dict[str, _List] = {}
        self._restarts: dict[tuple[str, int], int] = {}
        self._list_of: dict[str, str] = {}
        self._own_levels: dict[str, dict[int, _Level]] = {}
        self._style_level: dict[tuple[str, str], int] = {}
        if root is not None:
            self._read(root)

    def _read(self, root: Any) -> None:
        links: dict[str, str] = {}
        by_style: dict[str, str] = {}
        for abstract in root.iter(f"{W}abstractNum"):
            name = abstract.get(f"{W}abstractNumId") or ""
            self._lists[name] = _List(
                {_whole(lvl.get(f"{W}ilvl"), 0): _level(lvl) for lvl in abstract.iter(f"{W}lvl")}
            )
            if (link := abstract.find(f"{W}numStyleLink")) is not None:
                links[name] = link.get(f"{W}val") or ""
            if (style := abstract.find(f"{W}styleLink")) is not None:
                by_style[style.get(f"{W}val") or ""] = name
        for num in root.iter(f"{W}num"):
            number = num.get(f"{W}numId") or ""
            abstract = num.find(f"{W}abstractNumId")
            name = (abstract.get(f"{W}val") or "") if abstract is not None else ""
            name = by_style.get(links.get(name, ""), name)
            self._list_of[number] = name
            for override in num.iter(f"{W}lvlOverride"):
                level = _whole(override.get(f"{W}ilvl"), 0)
                if (start := override.find(f"{W}startOverride")) is not None:
                    self._restarts[number, level] = _int(start, 1)
                if (own := override.find(f"{W}lvl")) is not None:
                    self._own_levels.setdefault(number, {})[level] = _level(own)
            if name in self._lists:
                for level, given in self._lists[name].levels.items():
                    if given.style:
                        self._style_level[number, given.style] = level

    def level_of_style(self, number: str, style: str) -> int | None:
        """Return the level that a list links to a paragraph style."""
        return self._style_level.get((number, style))

    def next_label(self, number: str, level: int) -> str:
        """Count one paragraph on and return its label, e.g. 第三条; empty for bullets."""
        listed = self._lists.get(self._list_of.get(number, ""))
        if listed is None:
            return ""
        own = self._own_levels.get(number, {})
        levels = {**listed.levels, **own}
        given = levels.get(level)
        if given is None:
            return ""
        counts = listed.counts
        restart = self._restarts.pop((number, level), None)
        if restart is not None:
            counts[level] = restart
        else:
            counts[level] = counts[level] + 1 if level in counts else given.start
        for deeper in [d for d in counts if d > level]:
            limit = levels[deeper].restart if deeper in levels else None
            if limit is None or (limit != 0 and level < limit):
                del counts[deeper]
        if given.form == "bullet":
            return ""
        label = given.text
        for at in range(9):
            place = f"%{at + 1}"
            if place in label:
                inner = levels.get(at)
                count = counts.get(at, inner.start if inner else 1)
                if at < level and at not in counts and inner:
                    counts[at] = inner.start
                form = "decimal" if given.legal or inner is None else inner.form
                label = label.replace(place, format_number(count, form))
        return label.strip()


def _level(element: Any) -> _Level:
    def value(name: str) -> str | None:
        found = element.find(f"{W}{name}")
        return None if found is None else (found.get(f"{W}val") or "")

    legal = element.find(f"{W}isLgl")
    restart = element.find(f"{W}lvlRestart")
    form = element.find(f".//{W}numFmt")
    return _Level(
        start=_int(element.find(f"{W}start"), 1),
        form=(form.get(f"{W}val") or "decimal") if form is not None else "decimal",
        text=value("lvlText") or "",
        restart=None if restart is None else _int(restart, 0),
        legal=legal is not None and legal.get(f"{W}val") not in ("0", "false"),
        style=value("pStyle"),
    )


def _int(element: Any | None, default: int) -> int:
    return default if element is None else _whole(element.get(f"{W}val"), default)


def _whole(text: str | None, default: int) -> int:
    text = text or ""
    return int(text) if text.lstrip("-").isdecimal() and len(text) < 10 else default
