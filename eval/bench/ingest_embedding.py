"""What the build's own path to vectors costs, beside a bare loop over the embedder, in turns."""

import os
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from knowledge_base.cut.chunk import split
from knowledge_base.ingest.read_pool import cores
from knowledge_base.ingest.vector_cache import VectorCache, embed_all
from knowledge_base.parse.read import read_source
from knowledge_base.passage_text import embedding_text
from llm.embeddings import Embedder

EMBEDDED = 96


def _times(work: Callable[[], object]) -> tuple[float, float]:
    """Return wall and CPU seconds."""
    begun, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - begun, time.process_time() - used


def embedding_cost(embedder: Embedder, paths: Iterable[Path], folder: Path) -> dict[str, Any]:
    """Return passages per second of the build's path and of the bare embedder, in turns."""
    texts = [
        embedding_text(passage)
        for path in paths
        for passage in split(read_source(path), path.name).passages
    ][:EMBEDDED]
    if not texts:
        return {"value": None}
    embedder.embed_passages(texts[:4])
    own: list[tuple[float, float]] = []
    bare: list[tuple[float, float]] = []
    for turn in range(2):
        cache = VectorCache(folder / f"vectors-{turn}.sqlite")
        own.append(_times(partial(embed_all, texts, embedder, cache)))
        cache.close()
        bare.append(_times(partial(embedder.embed_passages, sorted(texts, key=len))))
    (wall, cpu), (bare_wall, bare_cpu) = min(own), min(bare)
    return {
        "embedder": embedder.name,
        "passages": len(texts),
        "passages_per_s": round(len(texts) / wall, 2),
        "passages_per_cpu_s": round(len(texts) / max(cpu, 1e-9), 2),
        "vs_bare_loop": round(bare_cpu / max(cpu, 1e-9), 3),
        "vs_bare_loop_wall": round(bare_wall / wall, 3),
        "cores": round(bare_cpu / bare_wall, 2),
        "threads": os.environ.get("OMP_NUM_THREADS") or cores(),
    }
