"""Plain BM25 over a list of texts, in memory: the baseline that any office can install.

Okapi BM25 with k1 = 1.2 and b = 0.75 and no stop words (Robertson & Zaragoza 2009). It shares
nothing with the knowledge base: no planning dictionary, no weights of ours.
"""

import logging
import re
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

K1, B = 1.2, 0.75

_HAN_OR_WORD = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+|[A-Za-z0-9]+")


def jieba_words(text: str) -> list[str]:
    """Cut a text with jieba as it comes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # jieba's own escape sequences and pkg_resources
        import jieba
    jieba.setLogLevel(logging.WARNING)
    return [w.lower() for w in jieba.cut(text) if _HAN_OR_WORD.fullmatch(w)]


def bigrams(text: str) -> list[str]:
    """Cut a text into character bigrams within runs of Han characters; Latin words stay whole."""
    found: list[str] = []
    for run in _HAN_OR_WORD.findall(text):
        if run.isascii():
            found.append(run.lower())
        else:
            found.extend(run[i : i + 2] for i in range(max(len(run) - 1, 1)))
    return found


class Bm25:
    """An index of texts under one way of cutting them.

    Args:
        texts: The texts; a hit is a position in this list.
        cut: Text to tokens.
    """

    def __init__(self, texts: Sequence[str], cut: Callable[[str], list[str]]) -> None:
        self._cut = cut
        postings: dict[str, list[tuple[int, int]]] = defaultdict(list)
        lengths = np.zeros(len(texts))
        for number, text in enumerate(texts):
            counts = Counter(cut(text))
            lengths[number] = counts.total()
            for token, count in counts.items():
                postings[token].append((number, count))
        norm = K1 * (1 - B + B * lengths / max(lengths.mean(), 1))
        self._postings: dict[str, tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]] = {}
        for token, pairs in postings.items():
            numbers, counts_ = np.array(pairs, dtype=np.int64).T
            idf = np.log(1 + (len(texts) - len(pairs) + 0.5) / (len(pairs) + 0.5))
            self._postings[token] = (numbers, idf * counts_ * (K1 + 1) / (counts_ + norm[numbers]))
        self._size = len(texts)

    def search(self, query: str, k: int) -> list[int]:
        """Return the positions of the k best texts; those that share no token are left out."""
        scores = np.zeros(self._size)
        for token in set(self._cut(query)):
            if token in self._postings:
                numbers, weights = self._postings[token]
                scores[numbers] += weights
        best = np.argsort(-scores, kind="stable")[:k]
        return [int(n) for n in best if scores[n] > 0]
