"""Labelled questions: sets as they are, and examination questions labelled by their explanations.

An explanation that cites an article of the corpus, or that repeats its words, says which clause
governs the question. Questions that resemble one of a held-out set are left out.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cspon.errors import InputError
from cspon.schemas.knowledge import Passage
from knowledge_base.learned.pairs import letters
from knowledge_base.numerals import article_key
from knowledge_base.retrieve.query import parse_citations
from knowledge_base.titles import canonical_key, title_key

RUN = 8
"""Characters in a row that count as repeated words."""
REPEATED = 12
"""Repeated runs from which an explanation is taken to quote an article."""
CITED = 4
"""Repeated runs that a cited article needs: its number may be that of an older version."""
ALIKE = 0.6
"""Share of common character triples from which two questions are the same."""


@dataclass(frozen=True)
class Question:
    """A question and the passages (by index in its corpus) that govern it."""

    text: str
    gold: tuple[int, ...]
    group: str
    """Questions of one group (a stem with and without its options) stay on one side of a split."""


def read_questions(path: Path, index: dict[str, int]) -> list[Question]:
    """Read a retrieval set; gold that the corpus lacks is left out.

    Raises:
        InputError: not a list of `{query, gold}`.
    """
    rows = _rows(path)
    try:
        pairs = [(str(r["query"]), [str(g) for g in r["gold"]]) for r in rows]
    except (KeyError, TypeError) as error:
        raise InputError("应为 [{query, gold}] 的列表", file=path, mend="改正该文件") from error
    found = [Question(q, tuple(index[g] for g in gold if g in index), q) for q, gold in pairs]
    return [q for q in found if q.gold]


def label_exam(paths: Sequence[Path], passages: Sequence[Passage]) -> list[Question]:
    """Label examination questions and question–answer pairs by their explanations.

    Args:
        paths: JSON lists of `{question, options, explanation}` or `{instruction, output}`.
        passages: The corpus.

    Returns:
        Per labelled question one entry with the bare stem, and one with its options if it has any.
    """
    finder = _Finder(passages)
    found: list[Question] = []
    for path in paths:
        for row in _rows(path):
            if "question" in row:
                stem, told = str(row["question"]), str(row["explanation"])
                options = " ".join(map(str, row["options"].values()))
            else:
                stem, told, options = str(row["instruction"]), str(row["output"]), ""
            if gold := finder.governing(told):
                found.append(Question(stem, gold, stem))
                if options:
                    found.append(Question(f"{stem} {options}", gold, stem))
    return found


def without_alike(questions: Iterable[Question], held_out: Iterable[str]) -> list[Question]:
    """Leave out questions that resemble a held-out one, by their stems' character triples."""
    kept_out = [_triples(text) for text in held_out]
    return [
        q
        for q in questions
        if not any(
            len(mine & other) > ALIKE * max(1, min(len(mine), len(other)))
            for mine in [_triples(q.text)]
            for other in kept_out
        )
    ]


def _triples(text: str) -> set[str]:
    kept = letters(text)
    return {kept[i : i + 3] for i in range(len(kept) - 2)}


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"无法读取：{error}", file=path, mend="检查路径与内容") from error
    if not isinstance(rows, list):
        raise InputError("应为列表", file=path, mend="改正该文件")
    return rows


class _Finder:
    """Finds the articles that an explanation cites or repeats."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._by_article: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._runs: dict[str, set[int]] = defaultdict(set)
        for index, passage in enumerate(passages):
            if passage.article_key:
                self._by_article[title_key(passage.title), passage.article_key].append(index)
            for run in _runs(passage.text):
                self._runs[run].add(index)

    def governing(self, told: str) -> tuple[int, ...]:
        runs = _runs(told)
        shared = Counter(index for run in runs for index in self._runs.get(run, ()))
        cited = [
            index
            for title, article in parse_citations(told)
            if article and (key := article_key(article))
            for index in self._by_article.get((canonical_key(_plain(title)), key), ())
            if shared[index] >= CITED
        ]
        if cited:
            return tuple(dict.fromkeys(cited))
        if not shared:
            return ()
        index, count = min(shared.items(), key=lambda item: (-item[1], item[0]))
        enough = count >= REPEATED or (count >= REPEATED // 2 and count >= 0.5 * len(runs))
        return (index,) if enough else ()


def _plain(title: str) -> str:
    return re.sub(r"[(（].*", "", title)


def _runs(text: str) -> list[str]:
    kept = re.sub(r"[^\u4e00-\u9fff0-9]", "", text)
    return [kept[i : i + RUN] for i in range(len(kept) - RUN + 1)]
