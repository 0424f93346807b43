"""Definitions: the terms that a clause or a standard's chapter of terms defines."""

import re

_DEFINED = re.compile(
    r"(?:所称的?|^[\s　]*(?:[（(][一二三四五六七八九十\d]{1,3}[)）]|\d{1,2}[.、．])?[\s　]*|[。；：]\s*)"
    r"[“\"]?(?P<term>[\u4e00-\u9fffA-Za-z、（）()]{2,24}?)[”\"]?[，,]?[\s　]*(?:是指|系指|，指|, ?指)",
    re.MULTILINE,
)
_ITEM = re.compile(r"^[（(][一二三四五六七八九十\d]{1,3}[)）]")
_REFERS = re.compile(
    r"^(?:前款|本款|前项|其中|所称|该|此处|本(?:法|条例|办法|规定|细则|条|章|解释)(?:中|所称)?)"
)
_ENGLISH = re.compile(r"[\s　]+[A-Za-z][A-Za-z ,\-]{2,}.*$")
_NUMBER = re.compile(r"^[\s#*　]*(?:(?:\d{1,2}|[A-Z])(?:\.\d{1,2}){0,4})?[\s　*]*")


def defined_terms(text: str) -> tuple[str, ...]:
    """Return the terms that a text defines by 是指."""
    if "指" not in text:
        return ()
    found = []
    for match in _DEFINED.finditer(text):
        term = _REFERS.sub("", _ITEM.sub("", match["term"].removesuffix("的"))).strip("、")
        if 2 <= len(term) <= 20 and "的" not in term:
            found.append(term)
    return tuple(dict.fromkeys(found))


def term_of_heading(heading: str) -> str:
    """Return the term in a heading such as 3.1 规划专业智能体（Planning-oriented Agent, PPA）."""
    name = _NUMBER.sub("", heading.strip())
    name = re.split(r"[（(]", _ENGLISH.sub("", name), maxsplit=1)[0].strip(" 　*：:")
    return name if 2 <= len(name) <= 30 and not re.search(r"[。；，]", name) else ""
