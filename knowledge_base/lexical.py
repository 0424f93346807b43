"""Chinese text to sparse vectors: dictionary words and character bigrams, weighted by BM25.

Term frequency and length are weighted here; the inverse document frequency is the engine's
(modifier IDF), so that adding a document needs no re-indexing of the others.
"""

import functools
import hashlib
import re
import threading
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cspon.errors import SetupError
from cspon.schemas.base import Frozen
from knowledge_base.passage_text import plain

DATA = Path(__file__).parent / "data"

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+")
_WORD = re.compile(r"[a-z0-9]+(?:[./-][a-z0-9]+)*")
_STOP = frozenset("的了和与及或等在对为是有其由以并应将把被从按中之于所者该本此各")


class SearchParameters(Frozen):
    """Fusion and weighting, read from `data/search.yaml`."""

    rrf_k: int
    depth: int
    pool: int
    weights: dict[str, float]
    bm25_k1: float
    bm25_b: float
    average_tokens: float
    bigram_weight: float


@functools.lru_cache(maxsize=1)
def search_parameters() -> SearchParameters:
    """Read the parameters.

    Raises:
        SetupError: the file is not valid.
    """
    path = DATA / "search.yaml"
    try:
        return SearchParameters.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise SetupError(f"检索参数 {path} 有误：{error}", mend="改正或恢复该文件") from error


@functools.lru_cache(maxsize=1)
def lexical_recipe() -> str:
    """Return a hash of everything that decides an indexed sparse vector; another one re-indexes."""
    from importlib.metadata import version

    p = search_parameters()
    parts = (
        version("jieba"),
        (DATA / "planning_dictionary.txt").read_text(encoding="utf-8"),
        f"{p.bm25_k1} {p.bm25_b} {p.average_tokens} {p.bigram_weight}",
        "2",  # raise when `tokens` or `passage_vector` changes
    )
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=6).hexdigest()


@dataclass(frozen=True)
class SparseTokens:
    """A sparse vector: sorted dimensions and their weights."""

    indices: tuple[int, ...]
    values: tuple[float, ...]


_lock = threading.Lock()
_tokenizer: Any = None


def _words() -> Any:
    """Load jieba with the planning dictionary once, in about 0.6 s."""
    global _tokenizer
    with _lock:
        if _tokenizer is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # jieba's own escape sequences and pkg_resources
                import jieba
            import logging

            jieba.setLogLevel(logging.WARNING)
            tokenizer = jieba.Tokenizer()
            tokenizer.initialize()
            for line in (DATA / "planning_dictionary.txt").read_text(encoding="utf-8").split():
                tokenizer.add_word(line, freq=20_000)
            _tokenizer = tokenizer
        return _tokenizer


def tokens(text: str) -> tuple[list[str], list[str]]:
    """Split a text into dictionary words (with Latin words and numbers) and character bigrams."""
    text = plain(text).lower()
    cut = _words().cut_for_search
    words = _WORD.findall(text)
    bigrams: list[str] = []
    for run in _HAN.findall(text):
        words.extend(word for word in cut(run, HMM=False) if word not in _STOP)
        bigrams.extend(run[i : i + 2] for i in range(len(run) - 1))
    return words, bigrams


@functools.lru_cache(maxsize=200_000)
def _dimension(token: str) -> int:
    """Hash a token to 31 bits (31: every engine holds it, collisions are negligible)."""
    return int.from_bytes(hashlib.blake2b(token.encode(), digest_size=4).digest(), "big") >> 1


def passage_vector(text: str) -> SparseTokens:
    """Return the BM25 document side of a text, without IDF."""
    parameters = search_parameters()
    words, bigrams = tokens(text)
    counts = _counts(words, bigrams)
    length = len(words) + parameters.bigram_weight * len(bigrams)
    norm = parameters.bm25_k1 * (
        1 - parameters.bm25_b + parameters.bm25_b * length / parameters.average_tokens
    )
    weights = {
        dimension: weight * count * (parameters.bm25_k1 + 1) / (count + norm)
        for dimension, (count, weight) in counts.items()
    }
    return _sparse(weights)


def query_vector(text: str) -> SparseTokens:
    """Return the query side: each token once."""
    words, bigrams = tokens(text)
    return _sparse(dict.fromkeys(_counts(words, bigrams), 1.0))


def related_vector(weights: Mapping[str, float]) -> SparseTokens:
    """Return a sparse query of whole words with weights."""
    return _sparse({_dimension("w" + word): weight for word, weight in weights.items()})


def _counts(words: list[str], bigrams: list[str]) -> dict[int, tuple[int, float]]:
    weight = search_parameters().bigram_weight
    counts = {_dimension("w" + word): (n, 1.0) for word, n in Counter(words).items()}
    counts.update({_dimension("b" + pair): (n, weight) for pair, n in Counter(bigrams).items()})
    return counts


def _sparse(weights: dict[int, float]) -> SparseTokens:
    order = sorted(weights)
    return SparseTokens(tuple(order), tuple(round(weights[i], 5) for i in order))
