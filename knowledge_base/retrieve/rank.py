"""Order the candidates of a search by a learned linear fusion of what the routes and the texts say.

A candidate's features are differences and shares (never raw scores of one engine), so that the
weights hold for any corpus. The weights were fitted by listwise softmax on labelled questions
(`eval/fit_retrieval.py`); they stand in `learned/fusion.yaml` with the data they came from.
"""

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import yaml
from pydantic import ValidationError

from cspon.errors import SetupError
from cspon.schemas.base import Frozen
from cspon.schemas.knowledge import Document, Passage
from knowledge_base.learned.memory import Recall
from knowledge_base.learned.pairs import Codes, bare, pair_codes, pairs, parts
from knowledge_base.titles import title_key

FUSION = Path(__file__).parents[1] / "learned" / "fusion.yaml"
Matrix = npt.NDArray[np.float64]

FEATURES = (
    "dense",
    "dense_rank",
    "lexical",
    "lexical_rank",
    "bare",
    "bare_rank",
    "related",
    "named",
    "not_named",
    "exact",
    "share_of_question",
    "share_of_passage",
    "best_part",
    "title",
    "headings",
    "length",
    "other_region",
    "law",
    "regulation",
    "place",
    "last",
    "first",
    "document_dense",
    "document_lexical",
    "document_bare",
    "memory_near",
    "memory_words",
)
"""Columns of a feature matrix, in this order."""

SCORED = ("dense", "lexical", "bare", "related")
"""Routes whose scores count; a candidate that a route did not find has the route's lowest."""
LONG_LAST = 0.97
"""Share of a document from which an article is one of the closing ones."""


@dataclass(frozen=True)
class Candidate:
    """A passage that at least one route found."""

    id: str
    passage: Passage
    document: Document | None
    articles: int
    """Passages of its document."""


@dataclass(frozen=True)
class Query:
    """What is known of a question besides its candidates."""

    text: str
    titles: frozenset[str] = frozenset()
    """Keys of the titles that it names and the base has."""
    scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Route → candidate id → score, for the routes of `SCORED`."""
    exact: frozenset[str] = frozenset()
    recall: Recall = field(default_factory=lambda: Recall({}, {}))


class Fusion(Frozen):
    """A fitted linear fusion: score = Σ weight · (feature − mean) / scale."""

    features: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weight: tuple[float, ...]
    fitted_on: str = ""

    def scores(self, features: Matrix) -> Matrix:
        """Return the score of each row of a feature matrix."""
        normal = (features - np.asarray(self.mean)) / np.asarray(self.scale)
        return np.asarray(normal @ np.asarray(self.weight))


@functools.lru_cache(maxsize=1)
def fusion() -> Fusion | None:
    """Read the fitted fusion; None when there is none (ranks are fused then).

    Raises:
        SetupError: the file is damaged, or was fitted on other features.
    """
    if not FUSION.is_file():
        return None
    try:
        found = Fusion.model_validate(yaml.safe_load(FUSION.read_text(encoding="utf-8")))
    except (OSError, ValidationError, yaml.YAMLError) as error:
        raise SetupError(f"检索融合参数 {FUSION} 有误：{error}", mend="恢复该文件") from error
    if found.features != FEATURES:
        raise SetupError(f"检索融合参数 {FUSION} 与程序的特征不一致", mend="恢复该文件，或重新拟合")
    return found


def features(query: Query, candidates: Sequence[Candidate]) -> Matrix:
    """Return the feature matrix, shape (candidates, features)."""
    passages = [_Passage(c) for c in candidates]
    ids = [c.id for c in candidates]
    columns: dict[str, npt.ArrayLike] = {}
    relative = {route: _relative(query.scores.get(route, {}), ids) for route in SCORED}
    dense = query.scores.get("dense", {})
    columns["dense"] = gaps = _gaps(dense, ids)
    for route in ("lexical", "bare", "related"):
        columns[route] = relative[route]
    for route in ("dense", "lexical", "bare"):
        columns[f"{route}_rank"] = _reciprocal(query.scores.get(route, {}), ids)
    columns["named"] = [float(p.title in query.titles) for p in passages]
    columns["not_named"] = [
        float(bool(query.titles) and p.title not in query.titles) for p in passages
    ]
    columns["exact"] = [float(identity in query.exact) for identity in ids]
    columns |= _overlap(query, passages)
    columns |= _standing(query, passages)
    owners = [c.passage.document_id for c in candidates]
    columns["document_dense"] = _best_of(owners, gaps)
    columns["document_lexical"] = _best_of(owners, relative["lexical"])
    columns["document_bare"] = _best_of(owners, relative["bare"])
    clauses = [(p.title, p.article) for p in passages]
    columns["memory_near"] = [query.recall.near.get(c, 0.0) for c in clauses]
    columns["memory_words"] = [query.recall.words.get(c, 0.0) for c in clauses]
    return np.column_stack([np.asarray(columns[name], dtype=float) for name in FEATURES])


class _Passage:
    """What is read off a candidate's text once."""

    def __init__(self, candidate: Candidate) -> None:
        passage = candidate.passage
        self.read = _read(passage.title, passage.text)
        self.title, self.article = self.read.title, passage.article_key or ""
        self.headings = _pairs_of("".join(passage.heading_path))
        document = candidate.document
        self.kind = document.kind if document else ""
        self.region = document.region if document else None
        self.place = (passage.ordinal or 0) / max(candidate.articles - 1, 1)
        self.first = passage.ordinal == 0


@dataclass(frozen=True)
class _Read:
    title: str
    title_pairs: frozenset[str]
    codes: Codes
    """Distinct hashed character pairs of the text."""
    length: int


@functools.lru_cache(maxsize=20_000)
def _read(title: str, text: str) -> _Read:
    key = title_key(title)
    return _Read(key, _pairs_of(key), pair_codes(text), len(text))


@functools.lru_cache(maxsize=20_000)
def _pairs_of(text: str) -> frozenset[str]:
    return frozenset(pairs(text))


class _Weighed:
    """Character pairs of all candidates, weighted by how few of them have the pair."""

    def __init__(self, texts: Sequence[Codes]) -> None:
        self._number = len(texts)
        self._owner = np.repeat(np.arange(len(texts)), [len(t) for t in texts])
        flat = np.concatenate(texts) if texts else np.empty(0, dtype=np.uint32)
        self._known, self._place, counts = np.unique(flat, return_inverse=True, return_counts=True)
        self._weight = np.log((len(texts) + 1) / (counts + 0.5))
        self._unseen = math.log(2 * (len(texts) + 1))

    def common(self, asked: Codes) -> tuple[Matrix, float]:
        """Return the weight that each candidate shares with a set of pairs, and the set's own."""
        inside = np.isin(self._known, asked)
        shared = self._sums(np.where(inside, self._weight, 0.0))
        own = float(self._weight[inside].sum()) + self._unseen * (len(asked) - int(inside.sum()))
        return shared, own + 1e-9

    def whole(self) -> Matrix:
        """Return the weight of each candidate."""
        return self._sums(self._weight) + 1e-9

    def _sums(self, weight: Matrix) -> Matrix:
        summed = np.bincount(self._owner, weight[self._place], minlength=self._number)
        return np.asarray(summed, dtype=float)


def _overlap(query: Query, passages: Sequence[_Passage]) -> dict[str, npt.ArrayLike]:
    """Shares of character pairs in common."""
    weighed = _Weighed([p.read.codes for p in passages])
    asked, about = set(pairs(query.text)), set(pairs(bare(query.text)))
    of_question, question = weighed.common(pair_codes(bare(query.text)))
    of_passage, _ = weighed.common(pair_codes(query.text))
    sections = [weighed.common(pair_codes(part)) for part in parts(query.text)]
    best = [shared / own for shared, own in sections]
    return {
        "share_of_question": of_question / question,
        "share_of_passage": of_passage / weighed.whole(),
        "best_part": np.max(best, axis=0) if best else np.zeros(len(passages)),
        "title": [
            len(p.read.title_pairs & asked) / max(len(p.read.title_pairs), 1) for p in passages
        ],
        "headings": [min(len(p.headings & about), 4) for p in passages],
        "length": [math.log(p.read.length + 1) for p in passages],
    }


def _standing(query: Query, passages: Sequence[_Passage]) -> dict[str, npt.ArrayLike]:
    """Where the passage stands: region, kind, place in its document."""
    return {
        "other_region": [
            float(p.region is not None and p.region[:2] not in query.text) for p in passages
        ],
        "law": [float(p.kind == "法律") for p in passages],
        "regulation": [float(p.kind == "行政法规") for p in passages],
        "place": [p.place for p in passages],
        "last": [float(p.place > LONG_LAST) for p in passages],
        "first": [float(p.first) for p in passages],
    }


def _gaps(scores: Mapping[str, float], ids: Sequence[str]) -> list[float]:
    """Ten times the distance to the route's best cosine."""
    if not scores:
        return [0.0] * len(ids)
    best, floor = max(scores.values()), min(scores.values())
    return [10 * (scores.get(identity, floor) - best) for identity in ids]


def _relative(scores: Mapping[str, float], ids: Sequence[str]) -> list[float]:
    """Share of the route's best score; the lowest of the list for what it did not find."""
    if not scores:
        return [0.0] * len(ids)
    best, floor = max(scores.values()), min(scores.values())
    return [scores.get(identity, floor) / (best or 1.0) for identity in ids]


def _reciprocal(scores: Mapping[str, float], ids: Sequence[str]) -> list[float]:
    order = {
        identity: rank
        for rank, identity in enumerate(sorted(scores, key=lambda i: (-scores[i], i)), 1)
    }
    return [1 / (5 + order[identity]) if identity in order else 0.0 for identity in ids]


def _best_of(owners: Sequence[str], values: Sequence[float]) -> list[float]:
    """The best value among the candidates of the same document."""
    best: dict[str, float] = {}
    for owner, value in zip(owners, values, strict=True):
        best[owner] = max(value, best.get(owner, -math.inf))
    return [best[owner] for owner in owners]
