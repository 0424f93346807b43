"""The facade of a base: open, search, cite, read an article, say what is in it.

A base may be open in any number of processes while another builds: it goes on with the generation
that it has, and takes up the new one at the next call.
"""

import threading
from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from cspon.errors import SetupError
from cspon.schemas.agent import Principal
from cspon.schemas.base import Frozen
from cspon.schemas.knowledge import Basis, Citation, Document, Passage, SearchHit
from knowledge_base.access import readable_by
from knowledge_base.catalogue import (
    CURRENT,
    MEND_BUILD,
    Catalogue,
    Entry,
    current_generation,
    read_catalogue,
)
from knowledge_base.cite import preferred, verify_citation
from knowledge_base.index import Engine, open_store
from knowledge_base.lexical import lexical_recipe
from knowledge_base.numerals import article_key
from knowledge_base.passage_text import RECIPE
from knowledge_base.search import Timing, hybrid_search
from knowledge_base.store.protocol import Store, Where
from llm.embeddings import Embedder


class KnowledgeBaseStatus(Frozen):
    """What a base holds."""

    folder: str
    generation: str
    store: str
    embedder: str
    recipe: str
    built_at: datetime
    documents: int
    passages: int
    by_kind: dict[str, int]
    """Documents by kind."""
    by_source: dict[str, int]
    """Documents by source package; files count as 文件."""
    gaps: dict[str, tuple[str, ...]]
    """Articles that a source lacks, by document id."""
    doubtful: tuple[str, ...]
    """Documents that carry a caveat or an unconfirmed status, one sentence each."""


@dataclass(frozen=True)
class View:
    """One generation, opened."""

    stamp: int
    generation: Path
    catalogue: Catalogue
    store: Store


class KnowledgeBase:
    """A base of cited passages. Thread-safe for reading."""

    def __init__(self, folder: Path, embedder: Embedder, engine: Engine, view: View) -> None:
        self._folder, self._embedder, self._engine, self._view = folder, embedder, engine, view
        self._lock = threading.Lock()

    @classmethod
    def open(
        cls,
        folder: Path,
        embedder: Embedder,
        *,
        store: str = "edge",
        qdrant_url: str | None = None,
        qdrant_api_key: str | None = None,
    ) -> "KnowledgeBase":
        """Open a base for reading.

        Raises:
            SetupError: it was never built, is damaged, or was built with another embedder or store.
        """
        engine = Engine(store, qdrant_url, qdrant_api_key)
        return cls(folder, embedder, engine, _open_view(folder, embedder, engine))

    def search(
        self,
        query: str,
        *,
        k: int = 8,
        on_date: date,
        principal: Principal,
        include_repealed: bool = False,
        timing: Timing | None = None,
    ) -> list[SearchHit]:
        """Return the k best passages that the principal may read; see `search.hybrid_search`."""
        view = self._current()
        return hybrid_search(
            query,
            store=view.store,
            catalogue=view.catalogue,
            embedder=self._embedder,
            k=k,
            on_date=on_date,
            principal=principal,
            include_repealed=include_repealed,
            timing=timing,
        )

    def cite(self, basis: Basis, *, on_date: date, principal: Principal) -> Citation:
        """Check that a clause exists in the version of that day and that its quote stands in it."""
        view = self._current()
        return verify_citation(
            basis, store=view.store, catalogue=view.catalogue, on_date=on_date, principal=principal
        )

    def article(
        self, title: str, article: str, *, on_date: date, principal: Principal
    ) -> Passage | None:
        """Return an article in the version in force, else in the nearest to it; None if unknown.

        Args:
            title: Title or well-known short name.
            article: 第三十五条, 第35条, or 35.
            on_date: The day whose version counts.
            principal: Who asks.
        """
        view = self._current()
        number = article_key(article) or article_key(f"第{article.strip().removesuffix('条')}条")
        versions = self.versions(title, on_date=on_date, principal=principal)
        if number is None or not versions:
            return None
        where = Where(document_ids=tuple(e.document.id for e in versions), article_key=number)
        found = {p.document_id: p for p in view.store.scroll(readable_by(principal, where))}
        return next((found[e.document.id] for e in versions if e.document.id in found), None)

    def versions(self, title: str, *, on_date: date, principal: Principal) -> list[Entry]:
        """Return the versions of a title that the principal may know of, the one that counts first."""
        catalogue = self._current().catalogue
        return preferred(catalogue.titled(catalogue.resolve(title)), on_date, principal)

    def passage(self, passage_id: str, *, principal: Principal) -> Passage | None:
        """Return a passage by id, e.g. that of a citation; None if unknown or not permitted."""
        document_id = passage_id.partition("#")[0]
        where = readable_by(principal, Where(document_ids=(document_id,)))
        passages = self._current().store.scroll(
            replace(where, article_key=article_key_of(passage_id))
        )
        return next((p for p in passages if p.id == passage_id), None)

    def titles(self, *, principal: Principal) -> list[str]:
        """Return the titles in the base that the principal may know of."""
        from knowledge_base.access import may_read

        documents = self._current().catalogue.documents
        return list(dict.fromkeys(d.title for d in documents if may_read(principal, d)))

    def status(self) -> KnowledgeBaseStatus:
        """Say what the base holds."""
        view = self._current()
        catalogue = view.catalogue
        return KnowledgeBaseStatus(
            folder=str(self._folder),
            generation=view.generation.name,
            store=catalogue.store,
            embedder=catalogue.embedder,
            recipe=catalogue.recipe,
            built_at=catalogue.built_at,
            documents=len(catalogue.entries),
            passages=view.store.count(),
            by_kind=dict(Counter(d.kind for d in catalogue.documents)),
            by_source=dict(
                Counter(
                    e.document.source if e.origin == "laws" else "文件" for e in catalogue.entries
                )
            ),
            gaps={e.document.id: e.gaps for e in catalogue.entries if e.gaps},
            doubtful=tuple(_doubts(catalogue.documents)),
        )

    def opened(self) -> View:
        """Return the generation that is open, for measurements below the facade."""
        return self._current()

    def close(self) -> None:
        """Release files and connections."""
        self._view.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _current(self) -> View:
        """Return the opened generation, after a new one was published the new one."""
        stamp = _stamp(self._folder)
        if stamp != self._view.stamp and stamp:
            with self._lock:
                if stamp != self._view.stamp:
                    # The old store is left to its last reader: another thread may be in a query.
                    self._view = _open_view(self._folder, self._embedder, self._engine)
        return self._view


def article_key_of(passage_id: str) -> str | None:
    """Return the article key in a passage id, e.g. 土地管理法@2019-08-26#35 → "35"."""
    key = passage_id.rpartition("#")[2]
    return key if key.replace("-", "").isdigit() else None


def _stamp(folder: Path) -> int:
    try:
        return (folder / CURRENT).stat().st_mtime_ns
    except OSError:
        return 0


def _open_view(folder: Path, embedder: Embedder, engine: Engine) -> View:
    stamp = _stamp(folder)
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
    if catalogue.lexical != lexical_recipe():
        raise SetupError(
            "知识库的字词索引与当前的词典或检索参数不一致", mend=f"{MEND_BUILD} 更新索引"
        )
    return View(stamp, generation, catalogue, open_store(generation, catalogue, engine))


def _doubts(documents: list[Document]) -> list[str]:
    from knowledge_base.validity import caveats

    today = date.today()
    return [
        f"《{d.title}》（{d.version}）：{note}" for d in documents if (note := caveats(d, today))
    ]
