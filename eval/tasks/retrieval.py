"""Retrieval: does the search find the articles that answer a question?

An item is a question with its gold articles, e.g. `{"query": "临时用地的期限是多久",
"gold": ["土地管理法#57"]}`. The system is the knowledge base's hybrid search, all versions, no
permission; beside it on the same items the baselines of `eval.baselines`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cspon.errors import InputError, SetupError
from cspon.schemas.base import Frozen
from eval.baselines import Baselines, once
from eval.bench.retrieval import DEPTH, ask, index_corpus, read_set, score
from eval.task import Definition, Item, Resources, read_definition
from knowledge_base.base import KnowledgeBase
from knowledge_base.retrieve.search import ROUTES

SHORT, LONG = 20, 60
"""Characters of a query up to which it is short, and from which it is long."""


class SetOf(Frozen):
    """A set and the corpus that it speaks of, relative to the shared corpus."""

    set: str
    corpus: str


class RetrievalDefinition(Definition):
    """The definition with the sets that are known by name."""

    sets: dict[str, SetOf]


@dataclass(frozen=True)
class Retrieval:
    """The task."""

    definition: RetrievalDefinition

    def run(self, resources: Resources) -> Iterator[Item]:
        """Ask every question of every set."""
        assert resources.embedder is not None, "the runner checks the needs"
        for name, set_file, corpus in self._sets(resources):
            questions = read_set(set_file)
            resources.say(f"检索集 {name}：{len(questions)} 题，语料 {corpus}")
            folder, names = index_corpus(corpus, resources.folder, resources.embedder)
            with KnowledgeBase.open(folder, resources.embedder) as base:
                baselines = Baselines(base, resources.embedder, names)
                laws = sorted({law_of(article) for article in names.values()} - {""})
                for number, (query, gold) in enumerate(questions, 1):
                    found = once(ask(base, resources.embedder, query, ROUTES, names))
                    others = baselines.rankings(query, DEPTH)
                    yield Item(
                        id=f"{name}-{number}",
                        scores=score(found, gold),
                        baselines={other: score(r, gold) for other, r in others.items()},
                        slices={"set": name, **_slices(query, gold, laws)},
                        detail=_detail(query, gold, found, others),
                    )
                    if number % 200 == 0:
                        resources.say(f"{name} {number}/{len(questions)}")

    def _sets(self, resources: Resources) -> list[tuple[str, Path, Path]]:
        """Return name, file and corpus of each set to run."""
        known, wanted = self.definition.sets, resources.set
        if wanted is not None and wanted not in known:
            if resources.corpus is None:
                raise InputError(
                    f"给出了检索集 {wanted} 但没有语料",
                    field="--corpus",
                    mend=f"加 --corpus 目录或 JSON，或用已知的集：{'、'.join(known)}",
                )
            return [(Path(wanted).stem, Path(wanted), resources.corpus)]
        if resources.shared is None:
            raise SetupError(
                "找不到共享语料，已知的检索集都在其中",
                mend="设置 CSPON_SHARED，或用 --set 文件 --corpus 目录 给出自己的检索集",
            )
        return [
            (
                name,
                resources.shared / known[name].set,
                resources.corpus or resources.shared / known[name].corpus,
            )
            for name in ([wanted] if wanted else known)
        ]


def law_of(name: str) -> str:
    """Return the law of an article's id: of 土地管理法#57, or of 土地管理法第五十七条."""
    return re.split(r"#|第[零〇一二三四五六七八九十百千]+条", name, maxsplit=1)[0]


def _slices(query: str, gold: Sequence[str], laws: Sequence[str]) -> dict[str, str]:
    compact = re.sub(r"\s|《|》", "", query)
    length = len(query.strip())
    return {
        "names_a_law": "yes" if any(law in compact for law in laws) else "no",
        "length": "short" if length <= SHORT else "long" if length >= LONG else "medium",
        "gold": "one" if len(gold) == 1 else "several",
        "law": law_of(gold[0]).removeprefix("中华人民共和国"),
    }


def _detail(
    query: str, gold: Sequence[str], found: Sequence[str], others: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    return {
        "query": query,
        "gold": list(gold),
        "found": list(found),
        "gold_rank": _rank(found, gold),
        "baseline_gold_rank": {name: _rank(ranking, gold) for name, ranking in others.items()},
    }


def _rank(found: Sequence[str], gold: Sequence[str]) -> int | None:
    """Return the rank of the first gold article among the first ten."""
    return next((rank for rank, name in enumerate(found, 1) if name in gold), None)


task = Retrieval(read_definition("retrieval", RetrievalDefinition))
