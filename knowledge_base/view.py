"""One generation of a base, opened for reading."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cspon.errors import SetupError
from knowledge_base.catalogue import (
    CURRENT,
    MEND_BUILD,
    Catalogue,
    current_generation,
    read_catalogue,
)
from knowledge_base.citing.reference_index import ReferenceIndex
from knowledge_base.ingest.engine import Engine, open_store
from knowledge_base.ingest.recipe import index_recipe
from knowledge_base.passage_text import RECIPE
from knowledge_base.store.protocol import Store
from llm.embeddings import Embedder


@dataclass(frozen=True)
class View:
    """One generation, opened."""

    stamp: int
    generation: Path
    catalogue: Catalogue
    store: Store

    @cached_property
    def references(self) -> ReferenceIndex:
        """The references of its texts, opened at first use."""
        return ReferenceIndex.open(self.generation, self.catalogue, self.store)


def open_view(folder: Path, embedder: Embedder, engine: Engine) -> View:
    """Open the current generation.

    Raises:
        SetupError: never built, damaged, or built with another embedder, store or recipe.
    """
    stamp = published_stamp(folder)
    generation = current_generation(folder)
    if generation is None:
        raise SetupError(f"知识库尚未建立：{folder}", mend=MEND_BUILD)
    catalogue = read_catalogue(generation)
    if catalogue.store != engine.kind:
        raise SetupError(
            f"知识库建在 {catalogue.store} 上，当前设置为 {engine.kind}",
            mend=f"设 CSPON_STORE={catalogue.store}，或{MEND_BUILD} 重建",
        )
    if catalogue.embedder != embedder.name or catalogue.recipe != RECIPE:
        raise SetupError(
            f"知识库的向量由 {catalogue.embedder}（{catalogue.recipe}）计算，当前为 {embedder.name}（{RECIPE}）",
            mend=f"{MEND_BUILD} 重建，或改回 CSPON_EMBEDDING",
        )
    if catalogue.lexical != index_recipe(embedder):
        raise SetupError(
            "知识库的字词索引与当前的词典或检索参数不一致", mend=f"{MEND_BUILD} 更新索引"
        )
    return View(stamp, generation, catalogue, open_store(generation, catalogue, engine))


def published_stamp(folder: Path) -> int:
    """Return what changes when a generation is published; 0 when none can be seen."""
    try:
        return (folder / CURRENT).stat().st_mtime_ns
    except OSError:  # none is published, or the disk is away: the opened generation goes on
        return 0
