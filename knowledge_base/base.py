"""The facade of a base: open, search, cite, read an article, say what is in it.

A base may be open in any number of processes while another builds: it goes on with the generation
that it has, and takes up the new one at the next call.
"""

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Self

from cspon.errors import InputError
from cspon.schemas.agent import Principal
from cspon.schemas.knowledge import (
    Basis,
    Citation,
    Document,
    GraphView,
    Passage,
    SearchHit,
    SearchOutcome,
)
from knowledge_base.access import EVERYONE, Access, Reader, access, may_read, readable_by
from knowledge_base.catalogue import (
    Entry,
)
from knowledge_base.citing.cite import preferred, verify_citation
from knowledge_base.citing.graph import CitationGraph
from knowledge_base.ingest.engine import Engine
from knowledge_base.known import known_key
from knowledge_base.numerals import article_key
from knowledge_base.retrieve.coverage import speak_better
from knowledge_base.retrieve.search import Timing, hybrid_search
from knowledge_base.status import KnowledgeBaseStatus, status_of
from knowledge_base.store.protocol import Where
from knowledge_base.titles import title_key
from knowledge_base.view import View, open_view, published_stamp
from llm.embeddings import Embedder
from llm.rerank import Reranker


class KnowledgeBase:
    """A base of cited passages. Thread-safe for reading."""

    def __init__(
        self,
        folder: Path,
        embedder: Embedder,
        engine: Engine,
        view: View,
        reranker: Reranker | None = None,
    ) -> None:
        self._folder, self._embedder, self._engine, self._view = folder, embedder, engine, view
        self._reranker = reranker
        self._lock = threading.Lock()

    @classmethod
    def open(
        cls,
        folder: Path,
        embedder: Embedder,
        *,
        reranker: Reranker | None = None,
        store: str = "edge",
        qdrant_url: str | None = None,
        qdrant_api_key: str | None = None,
    ) -> "KnowledgeBase":
        """Open a base for reading.

        Raises:
            SetupError: it was never built, is damaged, or was built with another embedder or store.
        """
        engine = Engine(store, qdrant_url, qdrant_api_key)
        return cls(folder, embedder, engine, open_view(folder, embedder, engine), reranker)

    def search(
        self,
        query: str,
        *,
        k: int = 8,
        on_date: date,
        principal: Principal,
        kinds: Sequence[str] | None = None,
        levels: Sequence[str] | None = None,
        regions: Sequence[str] | None = None,
        include_repealed: bool = False,
        timing: Timing | None = None,
    ) -> list[SearchHit]:
        """Return the k best passages that the principal may read; see `search.hybrid_search`.

        Args:
            query: A question, key words, a law's name, “土地管理法35条” or a document number.
            k: Most hits.
            on_date: Only versions in force on this day, and those whose standing is unclear.
            principal: Who asks.
            kinds: Only documents of these kinds (法律, 规划成果, …).
            levels: Only documents of these levels (国家, 省, …).
            regions: Only documents of these regions; "" for those without one.
            include_repealed: Bring repealed, replaced and coming versions too, marked.
            timing: Filled in when given.
        """
        within = _within(kinds, levels, regions)
        return self._search(query, k, on_date, principal, include_repealed, within, timing)

    def outcome(
        self,
        query: str,
        *,
        k: int = 8,
        on_date: date,
        principal: Principal,
        kinds: Sequence[str] | None = None,
        levels: Sequence[str] | None = None,
        regions: Sequence[str] | None = None,
        include_repealed: bool = False,
    ) -> SearchOutcome:
        """Search, and tell "no permission" from "not in the base".

        The same search is always run a second time as everybody up to level 内部, so that neither
        the answer nor its time says anything of 敏感 texts. `withheld` when hits that the reader may
        not read answer what their own do not, or clearly better.
        """
        within = _within(kinds, levels, regions)
        own = self._search(query, k, on_date, principal, include_repealed, within)
        all_hits = self._search(query, k, on_date, EVERYONE, include_repealed, within)
        beyond = [hit for hit in all_hits if not may_read(principal, hit.passage)]
        return SearchOutcome(hits=tuple(own), withheld=speak_better(query, beyond, own))

    def _search(
        self,
        query: str,
        k: int,
        on_date: date,
        reader: Reader,
        include_repealed: bool,
        within: Where,
        timing: Timing | None = None,
    ) -> list[SearchHit]:
        view = self._current()
        return hybrid_search(
            query,
            store=view.store,
            catalogue=view.catalogue,
            embedder=self._embedder,
            k=k,
            on_date=on_date,
            principal=reader,
            include_repealed=include_repealed,
            within=within,
            reranker=self._reranker,
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
        number = _number(article)
        versions = self.versions(title, on_date=on_date, principal=principal)
        if number is None or not versions:
            return None
        where = Where(document_ids=tuple(e.document.id for e in versions), article_key=number)
        found = {p.document_id: p for p in view.store.scroll(readable_by(principal, where))}
        return next((found[e.document.id] for e in versions if e.document.id in found), None)

    def versions(self, title: str, *, on_date: date, principal: Principal) -> list[Entry]:
        """Return the versions of a title that the principal may know of, the one that counts first."""
        catalogue = self._current().catalogue
        return preferred(
            catalogue.titled(known_key(catalogue, title, principal)), on_date, principal
        )

    def access(self, title: str, *, principal: Principal) -> Access:
        """Say whether a title is readable; `no_permission` only up to level 内部.

        A 敏感 document that the principal may not read is `not_in_base`, as if it were not there.
        """
        catalogue = self._current().catalogue
        keys = dict.fromkeys((known_key(catalogue, title, principal), title_key(title)))
        return access(principal, [e.document for key in keys for e in catalogue.titled(key)])

    def graph(
        self,
        passage_id: str | None = None,
        *,
        title: str | None = None,
        article: str | None = None,
        up: int = 2,
        down: int = 2,
        on_date: date,
        principal: Principal,
        limit: int = 60,
    ) -> GraphView:
        """Return which provisions a clause rests on, and which rest on it.

        Args:
            passage_id: The clause; or give its title, and its article for a clause of it.
            title: Title or well-known short name.
            article: 第三十五条, 第35条, or 35; None for the document as a whole.
            up: Hops towards what it rests on.
            down: Hops towards what rests on it.
            on_date: The day whose versions count.
            principal: Who asks; what they may not read is left out.
            limit: Most nodes.

        Returns:
            The root first; a root that the base does not hold for this reader has `in_base` False.

        Raises:
            InputError: neither a passage nor a title is given, or the article cannot be read.
        """
        view = self._current()
        graph = CitationGraph(
            view.references, view.catalogue, view.store, on_date=on_date, principal=principal
        )
        if passage_id is not None:
            return graph.around_passage(passage_id, up=up, down=down, limit=limit)
        if not title:
            raise InputError("没有给出条文", mend="给出文件名称，查条文时加条号")
        number = _number(article) if article else None
        if article and number is None:
            raise InputError(f"条号无法识别：{article}", mend="写作 第三十五条 或 35")
        return graph.around(title, number, up=up, down=down, limit=limit)

    def passage(self, passage_id: str, *, principal: Principal) -> Passage | None:
        """Return a passage by id, e.g. that of a citation; None if unknown or not permitted."""
        document_id = passage_id.partition("#")[0]
        where = readable_by(principal, Where(document_ids=(document_id,)))
        passages = self._current().store.scroll(
            replace(where, article_key=article_key_of(passage_id))
        )
        return next((p for p in passages if p.id == passage_id), None)

    def neighbours(
        self, passage: Passage, *, before: int = 1, after: int = 1, principal: Principal
    ) -> list[Passage]:
        """Return the passages around one in its document, itself among them, in order."""
        if passage.ordinal is None:
            return []
        span = (passage.ordinal - max(0, before), passage.ordinal + max(0, after))
        where = Where(document_ids=(passage.document_id,), ordinals=span)
        return self._in_order(readable_by(principal, where))

    def parent(self, passage: Passage, *, principal: Principal) -> list[Passage]:
        """Return all passages under the same heading, in order; only itself when it has none."""
        where = readable_by(principal, Where(document_ids=(passage.document_id,)))
        return [
            other
            for other in self._in_order(where)
            if other.id == passage.id
            or (passage.heading_path and other.heading_path == passage.heading_path)
        ]

    def _in_order(self, where: Where) -> list[Passage]:
        return sorted(self._current().store.scroll(where), key=lambda p: (p.ordinal or 0, p.id))

    def documents(self, *, principal: Principal) -> list[Document]:
        """Return the documents in the base that the principal may know of."""
        return [d for d in self._current().catalogue.documents if may_read(principal, d)]

    def titles(self, *, principal: Principal) -> list[str]:
        """Return the titles in the base that the principal may know of."""
        return list(dict.fromkeys(d.title for d in self.documents(principal=principal)))

    def status(self, *, principal: Principal | None = None) -> KnowledgeBaseStatus:
        """Say what the base holds, as far as the principal may know; None for its operator: all."""
        return status_of(self._folder, self._current(), principal)

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
        stamp = published_stamp(self._folder)
        if stamp != self._view.stamp and stamp:
            with self._lock:
                if stamp != self._view.stamp:
                    # The old store is left to its last reader: another thread may be in a query.
                    self._view = open_view(self._folder, self._embedder, self._engine)
        return self._view


def _number(article: str) -> str | None:
    """Return the key of 第三十五条, 第35条 or 35."""
    return article_key(article) or article_key(f"第{article.strip().removesuffix('条')}条")


def _within(
    kinds: Sequence[str] | None, levels: Sequence[str] | None, regions: Sequence[str] | None
) -> Where:
    return Where(
        kinds=tuple(kinds) if kinds is not None else None,
        levels=tuple(levels) if levels is not None else None,
        regions=tuple(regions) if regions is not None else None,
    )


def article_key_of(passage_id: str) -> str | None:
    """Return the article key in a passage id, e.g. 土地管理法@2019-08-26#35 → "35"."""
    key = passage_id.rpartition("#")[2]
    return key if key.replace("-", "").isdigit() else None
