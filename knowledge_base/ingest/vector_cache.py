"""Dense and lexical vectors by content: a SQLite cache beside the base, and the small set that ships with the project.

A key is the hash of embedder name, recipe and text (`passage_text.vector_key`), so a cache never
goes stale. Shipped vectors are int8 with one scale a vector (cosine to the original ≥ 0.999).
"""

import hashlib
import io
import json
import sqlite3
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cspon.errors import SetupError
from knowledge_base.lexical import SparseTokens
from knowledge_base.passage_text import RECIPE, vector_key
from llm.embeddings import Embedder, Vectors

Progress = Callable[[str], None]

SHIPPED = Path(__file__).parents[1] / "vectors" / "planning_laws.npz"
KEY_BYTES = 16
BATCH = 16
"""Texts embedded between two saves: a killed build loses a second of work."""


class VectorCache:
    """A SQLite file of float32 and lexical vectors by key, and read-only shipped vectors behind it.

    Args:
        path: The SQLite file; created when missing.
        shipped: Vectors to fall back on; None for none.
    """

    def __init__(self, path: Path, shipped: dict[bytes, Vectors] | None = None) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._shipped = path, shipped or {}
        try:
            self._db = sqlite3.connect(path, timeout=30)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute("PRAGMA secure_delete=ON")
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL)"
            )
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS sparse"
                " (key BLOB PRIMARY KEY, indices BLOB NOT NULL, weights BLOB NOT NULL)"
            )
        except sqlite3.Error as error:
            raise _unusable(path, error) from error

    def get(self, keys: Sequence[bytes]) -> dict[bytes, Vectors]:
        """Return the vectors that are known."""
        found: dict[bytes, Vectors] = {}
        for key, blob in self._select("vectors", "vector", keys):
            found[key] = np.frombuffer(blob, dtype="<f4")
        for key in keys:
            if key not in found and key in self._shipped:
                found[key] = self._shipped[key]
        return found

    def put(self, keys: Sequence[bytes], vectors: Vectors) -> None:
        """Save vectors, shape (n, dim)."""
        self._insert(
            "INSERT OR REPLACE INTO vectors VALUES (?, ?)",
            [(k, np.asarray(v, dtype="<f4").tobytes()) for k, v in zip(keys, vectors, strict=True)],
        )

    def get_sparse(self, keys: Sequence[bytes]) -> dict[bytes, SparseTokens]:
        """Return the lexical vectors that are known."""
        return {
            key: SparseTokens(
                tuple(np.frombuffer(indices, dtype="<u4").tolist()),
                tuple(np.frombuffer(weights, dtype="<f4").tolist()),
            )
            for key, indices, weights in self._select("sparse", "indices, weights", keys)
        }

    def put_sparse(self, vectors: dict[bytes, SparseTokens]) -> None:
        """Save lexical vectors."""
        self._insert(
            "INSERT OR REPLACE INTO sparse VALUES (?, ?, ?)",
            [
                (
                    key,
                    np.asarray(v.indices, dtype="<u4").tobytes(),
                    np.asarray(v.values, dtype="<f4").tobytes(),
                )
                for key, v in vectors.items()
            ],
        )

    def keep_only(self, used: Iterable[tuple[bytes, bytes]]) -> None:
        """Delete what is not among the (dense, lexical) keys, and overwrite its bytes on disk."""
        try:
            with self._db:
                self._db.execute("PRAGMA temp_store=MEMORY")
                self._db.execute("CREATE TEMP TABLE used (dense BLOB, lexical BLOB)")
                self._db.executemany("INSERT INTO used VALUES (?, ?)", used)
                self._db.execute("DELETE FROM vectors WHERE key NOT IN (SELECT dense FROM used)")
                self._db.execute("DELETE FROM sparse WHERE key NOT IN (SELECT lexical FROM used)")
                self._db.execute("DROP TABLE used")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            raise _unusable(self._path, error) from error

    def _select(
        self, table: str, columns: str, keys: Sequence[bytes]
    ) -> Iterator[tuple[bytes, ...]]:
        try:
            for start in range(0, len(keys), 500):
                part = list(keys[start : start + 500])
                marks = ",".join("?" * len(part))
                yield from self._db.execute(
                    f"SELECT key, {columns} FROM {table} WHERE key IN ({marks})", part
                )
        except sqlite3.Error as error:
            raise _unusable(self._path, error) from error

    def _insert(self, statement: str, rows: Sequence[tuple[bytes, ...]]) -> None:
        try:
            with self._db:
                self._db.executemany(statement, rows)
        except sqlite3.Error as error:
            raise _unusable(self._path, error) from error

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def _unusable(path: Path, error: sqlite3.Error) -> SetupError:
    if "full" in str(error):
        return SetupError(f"磁盘空间不足，无法写入向量缓存 {path}", mend="清理磁盘后重试")
    return SetupError(
        f"向量缓存 {path} 无法使用：{error}", mend=f"删除该文件后重试（会重新计算）：rm {path}"
    )


def embed_all(
    texts: Sequence[str],
    embedder: Embedder,
    cache: VectorCache,
    progress: Progress | None = None,
    *,
    advance: Callable[[int], None] | None = None,
) -> tuple[dict[bytes, Vectors], int]:
    """Return the vectors of all texts by key, and how many had to be computed.

    Computed vectors are saved batch by batch: a second call goes on where the first was killed.
    `progress` is told rate and time left about every two seconds, `advance` the size of each batch.
    """
    keyed = {vector_key(text, embedder.name): text for text in texts}
    found = cache.get(list(keyed))
    found = {key: vector for key, vector in found.items() if vector.shape == (embedder.dim,)}
    # Texts of like length side by side: the engine pads nothing, and time left is easier to tell.
    missing = sorted((key for key in keyed if key not in found), key=lambda k: len(keyed[k]))
    total_cost = sum(_cost(keyed[key]) for key in missing)
    begun, told, spent = time.monotonic(), 0.0, 0
    for start in range(0, len(missing), BATCH):
        batch = missing[start : start + BATCH]
        vectors = embedder.embed_passages([keyed[key] for key in batch])
        cache.put(batch, vectors)
        if advance is not None:
            advance(len(batch))
        found.update(zip(batch, vectors, strict=True))
        spent += sum(_cost(keyed[key]) for key in batch)
        elapsed = time.monotonic() - begun
        done = start + len(batch)
        if progress and (elapsed - told > 2 or done == len(missing)):
            told = elapsed
            left = elapsed / spent * (total_cost - spent)
            progress(
                f"计算向量 {done}/{len(missing)}，{done / max(elapsed, 1e-6):.1f} 条/秒，约剩 {left:.0f} 秒"
            )
    return found, len(missing)


def _cost(text: str) -> int:
    """Return what embedding a text costs, in arbitrary units: its length and a fixed part."""
    return len(text) + 40


def quantise(vectors: Vectors) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float16]]:
    """Return int8 codes, shape (n, dim), and the scale of each vector, shape (n,)."""
    scales = (np.abs(vectors).max(axis=1) / 127).astype(np.float16)
    safe = np.where(scales > 0, scales, 1).astype(np.float32)
    codes = np.clip(np.rint(vectors / safe[:, None]), -127, 127).astype(np.int8)
    return codes, scales


def restore(codes: npt.NDArray[np.int8], scales: npt.NDArray[np.float16]) -> Vectors:
    """Return unit vectors, shape (n, dim), from codes and scales."""
    vectors = codes.astype(np.float32) * scales.astype(np.float32)[:, None]
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), dtype=np.float32)


def ship(path: Path, embedder_name: str, vectors: dict[bytes, Vectors]) -> int:
    """Write the vectors, ordered by key, as one compressed file; return its size in bytes."""
    keys = sorted(vectors)
    codes, scales = quantise(np.stack([vectors[key] for key in keys]))
    names = np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(len(keys), KEY_BYTES)
    header = {
        "embedder": embedder_name,
        "recipe": RECIPE,
        "sha256": _digest(names, codes, scales),
    }
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        header=np.frombuffer(json.dumps(header).encode(), dtype=np.uint8),
        keys=names,
        codes=codes,
        scales=scales,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(buffer.getvalue())
    temporary.replace(path)
    return path.stat().st_size


def read_shipped(embedder_name: str, path: Path = SHIPPED) -> dict[bytes, Vectors]:
    """Read the shipped vectors; empty when there are none for this embedder and recipe.

    Raises:
        SetupError: the file is damaged (shape, type or checksum).
    """
    if not path.is_file():
        return {}
    mend = f"恢复该文件（git checkout -- {path.name} 所在目录），或删除它后重新计算向量"
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as data:
            header = json.loads(data["header"].tobytes())
            keys, codes, scales = data["keys"], data["codes"], data["scales"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise SetupError(f"随附的向量缓存已损坏：{path}（{error}）", mend=mend) from error
    n = len(keys)
    shapes_fit = (
        keys.dtype == np.uint8
        and keys.shape == (n, KEY_BYTES)
        and codes.dtype == np.int8
        and codes.ndim == 2
        and len(codes) == n
        and scales.dtype == np.float16
        and scales.shape == (n,)
    )
    if not shapes_fit or header.get("sha256") != _digest(keys, codes, scales):
        raise SetupError(f"随附的向量缓存校验不符：{path}", mend=mend)
    if (header["embedder"], header["recipe"]) != (embedder_name, RECIPE):
        return {}
    return dict(zip((key.tobytes() for key in keys), restore(codes, scales), strict=True))


def _digest(*arrays: npt.NDArray[np.generic]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
