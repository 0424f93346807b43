"""What was removed leaves the disk: old generations, vectors, readings, originals.

A mark is set before the removal is published and taken away when nothing is left, so that a killed
removal is finished by whoever writes next.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from cspon.errors import SetupError
from knowledge_base.catalogue import current_generation, disk_errors, read_catalogue, sweep
from knowledge_base.ingest.engine import Engine, open_store
from knowledge_base.ingest.index import CACHE, sparse_key
from knowledge_base.ingest.journal import remove_journal
from knowledge_base.ingest.originals import collect
from knowledge_base.ingest.vector_cache import VectorCache
from knowledge_base.passage_text import embedding_text, lexical_text, vector_key
from knowledge_base.store.protocol import Where

MARK = "ERASING"


@contextlib.contextmanager
def erasing(folder: Path, wanted: bool) -> Iterator[None]:
    """Mark the base before a removal is published."""
    if wanted:
        with disk_errors(folder):
            (folder / MARK).touch()
    yield


def finish_erasure(folder: Path, engine: Engine) -> None:
    """Delete everything that no document of the base needs, if a removal was marked.

    The caller holds the base for writing. A base that cannot be opened is left to a rebuild.
    """
    mark = folder / MARK
    if not mark.exists():
        return
    try:
        generation = current_generation(folder)
        catalogue = read_catalogue(generation) if generation else None
        store = open_store(generation, catalogue, engine) if generation and catalogue else None
    except SetupError:  # the mark stays: the rebuild that this base needs finishes the erasure
        return
    with disk_errors(folder):
        sweep(folder)
        remove_journal(folder)
        entries = catalogue.entries if catalogue else ()
        collect(folder, {e.document.original for e in entries if e.document.original})
        cache = VectorCache(folder / CACHE)
        try:
            if store is not None and catalogue is not None:
                used = (
                    (vector_key(embedding_text(p), catalogue.embedder), sparse_key(lexical_text(p)))
                    for p in store.scroll(Where())
                )
                cache.keep_only(used)
            else:
                cache.keep_only(())
        finally:
            cache.close()
            if store is not None:
                store.close()
        mark.unlink()
