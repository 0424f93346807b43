"""Fit everything that retrieval learns, and report what it is worth on questions it has not seen.

Cross-fitting: questions are cut into folds; the features of a fold come from a map, a memory and a
word table that were learned without it; the fusion is fitted on those honest features. What ships
is learned from all training questions. Held-out sets are never touched.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from eval.bench.retrieval import score
from eval.bootstrap import interval
from eval.retrieval_fit.folds import LabelledCorpus, Learned, ranked, remember
from eval.retrieval_fit.labels import Question
from eval.retrieval_fit.linear_map import Corpus, fit_map
from eval.retrieval_fit.map_worth import Worth, map_worth, summary
from eval.retrieval_fit.related_words import learn_related
from eval.retrieval_fit.weights import Ranking, fit_weights
from knowledge_base.ingest.vector_cache import Progress
from knowledge_base.learned.adaptation import write_adaptation
from knowledge_base.learned.memory import write_memory
from knowledge_base.learned.related import reworded, with_written
from knowledge_base.retrieve.rank import Fusion

FOLDS = 5
LARGE_CORPUS_WEIGHT = 0.5


@dataclass(frozen=True)
class Honest:
    """Out-of-fold features of all questions of a corpus."""

    corpus: LabelledCorpus
    rankings: dict[int, tuple[Ranking, list[int]]]
    fold_of: dict[int, int]
    worth: list[Worth]
    """Of the map of each question's fold."""


def fit(
    corpora: Sequence[LabelledCorpus],
    held_out: Mapping[str, Sequence[Question]],
    *,
    out: Path,
    working: Path,
    tell: Progress,
) -> dict[str, Any]:
    """Fit, and write the learned files into `out`.

    Args:
        corpora: Corpora with their training questions.
        held_out: Questions to the first corpus that nothing is learned from, by set.
        out: Folder of the learned files.
        working: Folder for indexes.
        tell: Progress.

    Returns:
        `cross_validated`: figures of the whole ranking by corpus; `map`: dense search alone with
        and without the map, cross-validated by corpus, and with the shipped map on held-out sets.
    """
    rng = np.random.default_rng(0)
    folds = {c.name: _folds(c, rng) for c in corpora}
    honest = {c.name: Honest(c, {}, {}, []) for c in corpora}
    for number in range(FOLDS):
        tell(f"第 {number + 1}/{FOLDS} 折：学习")
        training = {
            c.name: np.concatenate([f for n, f in enumerate(folds[c.name]) if n != number])
            for c in corpora
        }
        learned = learn(corpora, training)
        for corpus in corpora:
            tell(f"第 {number + 1}/{FOLDS} 折：{corpus.name} 检索")
            chosen = folds[corpus.name][number].tolist()
            store = corpus.indexed(working / "fold", learned.matrix)
            try:
                found = corpus.rankings(chosen, learned, store)
            finally:
                store.close()
                shutil.rmtree(working / "fold", ignore_errors=True)
            honest[corpus.name].worth.extend(corpus.map_worth(chosen, learned))
            honest[corpus.name].rankings.update(zip(chosen, found, strict=True))
            honest[corpus.name].fold_of.update(dict.fromkeys(chosen, number))
    figures = cross_validate(list(honest.values()))
    tell("用全部训练问句学习")
    everything = {c.name: np.arange(len(c.questions)) for c in corpora}
    learned = learn(corpora, everything)
    _write(out, corpora, learned, everything, _fit(list(honest.values())))
    worth = {name: summary(part.worth) for name, part in honest.items()}
    for name, questions in held_out.items():
        first = corpora[0]
        worth[name] = summary(
            map_worth(
                first.vectors, first.embed(questions), [q.gold for q in questions], learned.matrix
            )
        )
    return {"cross_validated": figures, "map": worth}


def _folds(corpus: LabelledCorpus, rng: np.random.Generator) -> list[npt.NDArray[np.int64]]:
    """Cut the questions of a corpus into folds; a group stays together."""
    groups = sorted({q.group for q in corpus.questions})
    fold = dict(zip(groups, rng.permutation(len(groups)) % FOLDS, strict=True))
    return [
        np.flatnonzero([fold[q.group] == number for q in corpus.questions])
        for number in range(FOLDS)
    ]


def learn(corpora: Sequence[LabelledCorpus], training: Mapping[str, Any]) -> Learned:
    """Learn the map, the memory and the word table from the training questions."""
    largest = max(len(c.passages) for c in corpora)
    matrix = fit_map(
        [
            Corpus(
                c.vectors,
                c.asked[training[c.name]],
                [c.questions[n].gold for n in training[c.name]],
                LARGE_CORPUS_WEIGHT if len(c.passages) == largest and len(corpora) > 1 else 1.0,
            )
            for c in corpora
        ]
    )
    groups = {
        c.questions[n].group: (c, c.questions[n])
        for c in corpora
        for n in reversed(training[c.name])
    }
    chosen = list(groups.values())
    related = learn_related(
        [q.text for _, q in chosen], [[c.passages[g].text for g in q.gold] for c, q in chosen]
    )
    return Learned(matrix, remember(corpora, training), related, with_written(related))


def _fit(parts: Sequence[Honest], without: int | None = None) -> Fusion:
    rankings = [
        ranking
        for part in parts
        for n, (ranking, _) in part.rankings.items()
        if part.fold_of[n] != without
    ]
    names = "、".join(f"{p.corpus.name} {len(p.rankings)} 问" for p in parts)
    return fit_weights(rankings, fitted_on=f"{names}；交叉拟合 {FOLDS} 折")


def cross_validate(parts: Sequence[Honest]) -> dict[str, Any]:
    """Score each fold with a fusion that was fitted on the others."""
    fusions = {number: _fit(parts, without=number) for number in range(FOLDS)}
    figures: dict[str, Any] = {}
    for part in parts:
        rows = []
        for n, (ranking, indices) in part.rankings.items():
            found = ranked(ranking, indices, fusions[part.fold_of[n]])
            gold = [str(g) for g in part.corpus.questions[n].gold]
            rows.append(score([str(i) for i in found[:10]], gold))
        figures[part.corpus.name] = {
            "n": len(rows),
            "in_pool": round(
                float(
                    np.mean(
                        [
                            r.gold.sum() / len(part.corpus.questions[n].gold)
                            for n, (r, _) in part.rankings.items()
                        ]
                    )
                ),
                4,
            ),
            **{metric: interval([row[metric] for row in rows]) for metric in rows[0]},
        }
    return figures


def _write(
    out: Path,
    corpora: Sequence[LabelledCorpus],
    learned: Learned,
    everything: Mapping[str, Any],
    fusion: Fusion,
) -> None:
    out.mkdir(parents=True, exist_ok=True)
    embedder = corpora[0].embedder
    write_adaptation(out / "adaptation.npz", learned.matrix, embedder.name)
    kept = [(c, n) for c in corpora if c.remembered for n in everything[c.name]]
    if kept:
        write_memory(
            out / "memory.npz",
            np.stack([c.asked[n] for c, n in kept]),
            [reworded(c.questions[n].text) for c, n in kept],
            [c.clauses(c.questions[n]) for c, n in kept],
            embedder.name,
        )
    _replace(
        out / "related.tsv",
        "# 口语词\t法条用词\t权重\t来源\n"
        + "".join(
            f"{word}\t{other}\t{weight}\tlearned\n"
            for word, others in sorted(learned.related.items())
            for other, weight in others
        ),
    )
    _replace(
        out / "fusion.yaml",
        yaml.safe_dump(fusion.model_dump(mode="json"), allow_unicode=True, sort_keys=False),
    )


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
