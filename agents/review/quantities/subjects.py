"""What a quantity is about: the names of indicators and land-use classes as texts word them."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from cspon.schemas.base import Frozen
from tools.land_use import classification

FILE = Path(__file__).with_name("subjects.yaml")


class Subject(Frozen):
    """A name, how texts word it, and what it is measured in (empty: a bare number)."""

    name: str
    also: tuple[str, ...] = ()
    measure: str
    many: bool = False
    """A plan has many of it: figures of two places need not agree."""
    planned: bool = False
    """It exists by the plan alone: a figure without a year is that of the plan's end."""
    fixed: bool = False
    """The same in every year."""


class _Said(Frozen):
    subjects: tuple[Subject, ...]


@dataclass(frozen=True, slots=True)
class Named:
    """A subject where a text names it."""

    start: int
    end: int
    name: str
    measure: str


@cache
def _names() -> tuple[dict[str, Subject], re.Pattern[str]]:
    said = _Said.model_validate(yaml.safe_load(FILE.read_text(encoding="utf-8")))
    names: dict[str, Subject] = {}
    for title in classification().codes.values():
        names[title] = Subject(name=title, measure="平方米")
    for subject in said.subjects:
        for word in (subject.name, *subject.also):
            names[word] = subject
    words = sorted(names, key=len, reverse=True)
    return names, re.compile("|".join(map(re.escape, words)))


def named_in(text: str) -> list[Named]:
    """Return the subjects that a text names, in order, the longest at each place."""
    names, pattern = _names()
    return [
        Named(m.start(), m.end(), names[m[0]].name, names[m[0]].measure)
        for m in pattern.finditer(text)
    ]


def known_subject(name: str) -> Subject | None:
    """Return a subject by its name or another word for it."""
    return _names()[0].get(name)


def subject_of(words: str) -> str:
    """Return the name of what words stand for; the words themselves where they are no known subject.

    Marks of rows (其中：, （一）, 1.) and what stands in brackets are left out.
    """
    bare = re.sub(
        r"^(?:其中[:：]?|[（(]?[一二三四五六七八九十\d]{1,3}[）)、.．]\s*)+", "", words.strip()
    )
    bare = re.sub(r"[（(][^（）()]*[）)]", "", re.sub(r"\s+", "", bare)).strip("：:")
    found = _names()[0].get(bare)
    return found.name if found else bare
