"""Character pairs of a text, and what of a question is scaffolding."""

import functools
import hashlib
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import yaml

from cspon.errors import SetupError

WORDING = Path(__file__).parents[1] / "data" / "question_wording.yaml"
_KEPT = re.compile(r"[^\u4e00-\u9fff0-9a-z]+")
_TITLE = re.compile(r"《[^《》]*》")
_BREAK = re.compile(r"[\s，,。；;：:？?！!、（）()_]+")
LEAST_PART = 4
Codes = npt.NDArray[np.uint32]
"""Hashed character pairs."""


def letters(text: str) -> str:
    """Keep Chinese characters, digits and Latin letters."""
    return _KEPT.sub("", text.lower())


def pairs(text: str) -> list[str]:
    """Return the character pairs of a text, in order."""
    kept = letters(text)
    return [kept[i : i + 2] for i in range(len(kept) - 1)]


@functools.lru_cache(maxsize=300_000)
def _hash(pair: str) -> int:
    return int.from_bytes(hashlib.blake2b(pair.encode(), digest_size=4).digest(), "big")


def pair_codes(text: str) -> Codes:
    """Return the distinct hashed character pairs of a text, sorted."""
    return np.asarray(sorted({_hash(p) for p in pairs(text)}), dtype=np.uint32)


def pair_hashes(text: str) -> Codes:
    """Return the hashed character pairs of what a question is about."""
    return pair_codes(bare(text))


@functools.lru_cache(maxsize=1)
def _scaffolding() -> re.Pattern[str]:
    try:
        words = yaml.safe_load(WORDING.read_text(encoding="utf-8"))["scaffolding"]
        return re.compile("|".join(re.escape(w) for w in sorted(words, key=len, reverse=True)))
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise SetupError(f"问句用语表 {WORDING} 有误", mend="恢复该文件") from error


def bare(query: str) -> str:
    """Return what a question is about: without titles of laws and the words that only ask."""
    return _scaffolding().sub(" ", _TITLE.sub(" ", query))


def parts(query: str) -> list[str]:
    """Return the clauses of a question that are long enough to say something, e.g. its options."""
    return [p for p in _BREAK.split(_TITLE.sub(" ", query)) if len(letters(p)) >= LEAST_PART]
