"""A linear map of the embedding space, learned from labelled question–clause pairs.

v' = (v + A·v) / |v + A·v|, the same on questions and passages, so vectors stay in one space and the
cached originals can be mapped at the speed of memory. It belongs to one embedder; another embedder
is used as it is.
"""

import functools
import hashlib
from pathlib import Path

import numpy as np

from cspon.errors import SetupError
from llm.embeddings import Embedder, Vectors, unit

PATH = Path(__file__).parent / "adaptation.npz"


class Adaptation:
    """The map for one embedder.

    Args:
        matrix: A, shape (dim, dim).
        digest: Names this map in recipes.
    """

    def __init__(self, matrix: Vectors, digest: str) -> None:
        self._matrix, self.digest = matrix, digest

    def apply(self, vectors: Vectors) -> Vectors:
        """Map one vector (dim,) or rows (n, dim) to unit vectors."""
        return unit(vectors + vectors @ self._matrix)


def adaptation_for(embedder: Embedder) -> Adaptation | None:
    """Return the map that belongs to an embedder; None for one that nothing was learned for."""
    learned = _read(PATH)
    if learned is None or learned[0] != embedder.name:
        return None
    return learned[1]


def adapted(vectors: Vectors, embedder: Embedder) -> Vectors:
    """Map an embedder's vectors into the space of the index."""
    found = adaptation_for(embedder)
    return found.apply(vectors) if found else vectors


@functools.lru_cache(maxsize=2)
def _read(path: Path) -> tuple[str, Adaptation] | None:
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as data:
            name = str(data["embedder"])
            matrix = np.asarray(data["matrix"], dtype=np.float32)
    except (OSError, ValueError, KeyError) as error:
        raise SetupError(f"检索适配文件有误：{path}", mend="恢复该文件") from error
    digest = hashlib.blake2b(path.read_bytes(), digest_size=6).hexdigest()
    return name, Adaptation(matrix, digest)


def write_adaptation(path: Path, matrix: Vectors, embedder_name: str) -> None:
    """Write a map (float16, by temporary name)."""
    temporary = path.with_suffix(".tmp.npz")
    np.savez_compressed(
        temporary, matrix=matrix.astype(np.float16), embedder=np.asarray(embedder_name)
    )
    temporary.replace(path)
