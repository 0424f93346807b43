"""Questions whose governing clause is known: a new question that resembles one points to its clause.

Holds no question: its vector (int8), its hashed character pairs, and the clauses as (title key,
article key). What it says is one signal among others; it never decides alone.
"""

import functools
import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cspon.errors import SetupError
from knowledge_base.learned.pairs import pair_hashes
from llm.embeddings import Embedder, Vectors, unit

PATH = Path(__file__).parent / "memory.npz"
NEAR = 0.8
"""Cosine from which a remembered question says something (the project's own choice)."""
MOST = 8
"""Clauses that a question may bring in."""
SMOOTHING = 2.0

Clause = tuple[str, str]
"""Title key and article key."""


@dataclass(frozen=True)
class Recall:
    """What the memory says of a question: closeness by clause."""

    near: dict[Clause, float]
    """Cosine above `NEAR` of the closest remembered question, by clause."""
    words: dict[Clause, float]
    """Largest share of the question's weighted character pairs that a remembered one has."""

    def best(self, most: int = MOST) -> list[Clause]:
        """Return the clauses that it points to, strongest first."""
        both = {c: self.near.get(c, 0.0) + self.words.get(c, 0.0) for c in self.words | self.near}
        return sorted((c for c in both if both[c] > 0.3), key=lambda c: (-both[c], c))[:most]


class QuestionMemory:
    """Remembered questions, compared in the embedder's own space.

    Args:
        vectors: Unit vectors in the embedder's own space, shape (n, dim).
        pairs: Hashed character pairs of each question.
        clauses: Governing clauses of each question.
    """

    def __init__(
        self,
        vectors: Vectors,
        pairs: Sequence[npt.NDArray[np.uint32]],
        clauses: Sequence[Sequence[Clause]],
    ) -> None:
        self.vectors, self._clauses = vectors, clauses
        flat = np.concatenate([np.empty(0, dtype=np.uint32), *map(np.unique, pairs)])
        owners = np.repeat(np.arange(len(pairs)), [len(np.unique(row)) for row in pairs])
        order = np.argsort(flat, kind="stable")
        self._pairs, starts = np.unique(flat[order], return_index=True)
        self._starts = np.append(starts, len(flat))
        self._holders = owners[order]
        """Questions that have a pair: those of pair k from start k up to the next."""
        total = len(pairs)
        self._weight = np.log((total + 1) / (np.diff(self._starts) + 0.5))
        self._unseen = math.log(2 * (total + 1))

    def __len__(self) -> int:
        return len(self._clauses)

    def recall(self, vector: Vectors, text: str, *, without: int | None = None) -> Recall:
        """Compare a question with all that are remembered.

        Args:
            vector: Its vector in the embedder's own space.
            text: Its words.
            without: Index of a remembered question to leave out (for honest training).
        """
        near: dict[Clause, float] = {}
        words: dict[Clause, float] = {}
        if not self._clauses:
            return Recall(near, words)
        closeness = (self.vectors @ vector).astype(np.float64) - NEAR
        shares = self._shares(text)
        if without is not None:
            closeness[without] = shares[without] = 0.0
        for index in np.flatnonzero((closeness > 0) | (shares > 0)).tolist():
            close, share = float(closeness[index]), float(shares[index])
            for clause in self._clauses[index]:
                if close > near.get(clause, 0.0):
                    near[clause] = close
                if share > words.get(clause, 0.0):
                    words[clause] = share
        return Recall(near, words)

    def _shares(self, text: str) -> npt.NDArray[np.float64]:
        """Return of every remembered question the share of the text's weighted pairs it has."""
        mine = np.unique(pair_hashes(text))
        places = np.searchsorted(self._pairs, mine).clip(max=max(len(self._pairs) - 1, 0))
        seen = places[self._pairs[places] == mine] if len(self._pairs) else places[:0]
        weights = self._weight[seen]
        total = weights.sum() + self._unseen * (len(mine) - len(seen)) + SMOOTHING
        shared = np.zeros(len(self._clauses))
        for place, weight in zip(seen.tolist(), weights.tolist(), strict=True):
            shared[self._holders[self._starts[place] : self._starts[place + 1]]] += weight
        share: npt.NDArray[np.float64] = shared / total
        return share


@functools.lru_cache(maxsize=2)
def question_memory(path: Path = PATH) -> tuple[str, QuestionMemory] | None:
    """Read the memory that ships with the project, with the name of its embedder; None if absent.

    Raises:
        SetupError: the file is damaged.
    """
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as data:
            name = str(data["embedder"])
            vectors = unit(data["vectors"].astype(np.float32))
            starts = data["starts"]
            flat = data["pairs"]
            clauses = json.loads(str(data["clauses"]))
    except (OSError, ValueError, KeyError) as error:
        raise SetupError(f"问句记忆文件有误：{path}", mend="恢复该文件") from error
    rows = [flat[a:b] for a, b in itertools.pairwise(starts)]
    return name, QuestionMemory(vectors, rows, [[(t, a) for t, a in row] for row in clauses])


def memory_for(embedder: Embedder) -> QuestionMemory | None:
    """Return the memory that belongs to an embedder; None for another than it was made with."""
    found = question_memory()
    return found[1] if found and found[0] == embedder.name else None


def write_memory(
    path: Path,
    vectors: Vectors,
    texts: Sequence[str],
    clauses: Sequence[Sequence[Clause]],
    embedder_name: str,
) -> None:
    """Write a memory; the texts themselves are not kept."""
    rows = [pair_hashes(text) for text in texts]
    starts = np.cumsum([0, *(len(row) for row in rows)])
    scale = 127 / np.abs(vectors).max(axis=1, keepdims=True)
    temporary = path.with_suffix(".tmp.npz")
    np.savez_compressed(
        temporary,
        embedder=np.asarray(embedder_name),
        vectors=np.rint(vectors * scale).astype(np.int8),
        pairs=np.concatenate(rows) if rows else np.empty(0, dtype=np.uint32),
        starts=starts,
        clauses=np.asarray(json.dumps(clauses, ensure_ascii=False)),
    )
    temporary.replace(path)
