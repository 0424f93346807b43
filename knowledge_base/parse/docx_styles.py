"""What paragraph styles of a Word file mean: heading level, list level, table of contents."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_HEADING = re.compile(r"^(?:heading|标题)\s*([1-9])$", re.IGNORECASE)
_TITLE = re.compile(r"^(?:title|标题)$", re.IGNORECASE)
_CONTENTS = re.compile(r"^(?:toc|目录)\s*\d$", re.IGNORECASE)
_DEPTH = 20


@dataclass(frozen=True)
class ParagraphStyle:
    """What a style gives its paragraphs."""

    heading: int | None = None
    """1-based heading level; 0 for a title."""
    contents: bool = False
    """An entry of the table of contents."""
    list_number: str | None = None
    list_level: int | None = None


PLAIN = ParagraphStyle()


def read_styles(root: Any | None) -> dict[str, ParagraphStyle]:
    """Return the paragraph styles of styles.xml by id, with what they inherit.

    The default paragraph style is under the empty id.
    """
    if root is None:
        return {}
    elements: dict[str, Any] = {}
    default = ""
    for element in root.iter(f"{W}style"):
        if element.get(f"{W}type", "paragraph") == "paragraph":
            identity = element.get(f"{W}styleId") or ""
            elements[identity] = element
            if element.get(f"{W}default") in ("1", "true"):
                default = identity
    styles = {identity: _style(identity, elements) for identity in elements}
    styles[""] = styles.get(default, PLAIN)
    return styles


def _style(identity: str, elements: Mapping[str, Any]) -> ParagraphStyle:
    heading: int | None = None
    contents = False
    number: str | None = None
    level: int | None = None
    for _ in range(_DEPTH):
        element = elements.get(identity)
        if element is None:
            break
        name = _value(element, "name") or ""
        properties = element.find(f"{W}pPr")
        if heading is None:
            if match := _HEADING.match(name):
                heading = int(match[1])
            elif _TITLE.match(name):
                heading = 0
            elif properties is not None and (outline := _value(properties, "outlineLvl")):
                heading = outline_level(outline)
        contents = contents or bool(_CONTENTS.match(name))
        if properties is not None and (numbers := properties.find(f"{W}numPr")) is not None:
            number = number if number is not None else _value(numbers, "numId")
            given = _value(numbers, "ilvl")
            level = (
                level
                if level is not None
                else (int(given) if given and given.isdecimal() else None)
            )
        identity = _value(element, "basedOn") or ""
    return ParagraphStyle(heading, contents, number, level)


def outline_level(value: str) -> int | None:
    """Return the 1-based heading level of a w:outlineLvl value; None for body text (9)."""
    return int(value) + 1 if value.isdecimal() and int(value) < 9 else None


def _value(element: Any, name: str) -> str | None:
    found = element.find(f"{W}{name}")
    return None if found is None else found.get(f"{W}val")
