"""A change of a base: from what is wanted to the next generation.

Every change makes a new generation (see `catalogue`): copied from the current one when the
embedder and the recipe are the same, made afresh otherwise, and published only when complete.
Vectors come from the cache, so a killed build goes on where it stopped.
"""

import time
from pathlib import Path

from cspon.errors import SetupError
from knowledge_base.catalogue import Catalogue, current_generation, read_catalogue, writer
from knowledge_base.ingest.build_report import BuildReport, Chunks
from knowledge_base.ingest.editions import without_held
from knowledge_base.ingest.engine import Engine, open_store
from knowledge_base.ingest.erasure import erasing, finish_erasure
from knowledge_base.ingest.index import write_generation
from knowledge_base.ingest.plan import kept_entries, plan_generation
from knowledge_base.ingest.vector_cache import Progress
from knowledge_base.ingest.wanted import Change
from knowledge_base.store.protocol import Store
from llm.embeddings import Embedder


def apply_change(
    folder: Path, change: Change, embedder: Embedder, engine: Engine, tell: Progress
) -> BuildReport:
    """Make the next generation of a base, or leave it as it is when nothing changed."""
    with writer(folder):
        return apply_locked(folder, change, embedder, engine, tell)


def apply_locked(
    folder: Path, change: Change, embedder: Embedder, engine: Engine, tell: Progress
) -> BuildReport:
    """Do what `apply_change` does; the caller holds the base for writing."""
    begun = time.monotonic()
    finish_erasure(folder, engine)
    current, old, store = _current(folder, change, engine)
    try:
        fresh = without_held(change, kept_entries(change, old), store)
        plan = plan_generation(old, store, change, fresh, embedder, engine)
        report = BuildReport(
            documents=len(plan.entries),
            passages=sum(e.passages for e in plan.entries),
            read_documents=len(change.incoming),
            read_passages=sum(text.read for text in fresh),
            added=tuple(sorted(plan.added)),
            changed=tuple(sorted(plan.changed)),
            removed=tuple(sorted(plan.removed)),
            unchanged=tuple(dict.fromkeys(change.unchanged)),
            resumed=change.resumed,
            gaps={e.document.id: e.gaps for e in plan.entries if e.gaps},
            failures=tuple(change.failures),
            notices=tuple(change.notices),
        )
        if plan.nothing:
            tell("知识库已是最新")
        else:
            with erasing(folder, change.erase):
                written = write_generation(folder, current, plan, embedder, engine, tell)
            report = report.model_copy(
                update={
                    "embedded": written.embedded,
                    "chunks": written.chunks.plus(Chunks(removed=plan.gone)),
                }
            )
    finally:
        if store is not None:
            store.close()
    finish_erasure(folder, engine)
    return report.model_copy(update={"seconds": round(time.monotonic() - begun, 3)})


def _current(
    folder: Path, change: Change, engine: Engine
) -> tuple[Path | None, Catalogue | None, Store | None]:
    """Open the current generation; there is none when it is damaged and the change is a rebuild."""
    old: Catalogue | None = None
    try:
        current = current_generation(folder)
        if current is None:
            return None, None, None
        old = read_catalogue(current)
        return current, old, open_store(current, old, engine)
    except SetupError as error:
        if not change.rebuild:
            raise
        files = [e.document.source for e in old.entries if e.origin == "file"] if old else []
        change.notices.append(
            f"原知识库无法读取，已重建（{error.message}）"
            + (f"；请重新入库：{'、'.join(dict.fromkeys(files))}" if files else "")
        )
        return None, None, None


def silent(message: str) -> None:
    """Tell nobody."""
