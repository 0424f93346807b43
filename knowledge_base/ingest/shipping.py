"""Maintenance: compute the vectors of the default list and ship them with the project."""

from pathlib import Path

from knowledge_base.ingest.vector_cache import Progress, VectorCache, embed_all, ship
from knowledge_base.laws import read_laws, read_list
from knowledge_base.passage_text import embedding_text
from llm.embeddings import Embedder


def ship_planning_laws(
    target: Path,
    *,
    laws_list: Path,
    laws_db: Path | None,
    cache: Path,
    embedder: Embedder,
    progress: Progress | None = None,
) -> tuple[int, int]:
    """Write the quantised vectors of every listed article; return their number and the file's size.

    Takes minutes the first time; what is computed is kept in `cache`, so a killed run goes on. The
    shipped file itself is not read: shipping twice does not quantise twice.

    Raises:
        SetupError: the law database or the cache cannot be used.
        InputError: the list is wrong, or names a law that the database lacks.
    """
    laws = read_laws(read_list(laws_list), laws_db)
    texts = [embedding_text(passage) for law in laws for passage in law.passages]
    vectors = VectorCache(cache)
    try:
        found, _ = embed_all(texts, embedder, vectors, progress)
    finally:
        vectors.close()
    return len(found), ship(target, embedder.name, found)
