"""What a base holds, as far as a reader may know."""

from collections import Counter
from datetime import date, datetime
from pathlib import Path

from cspon.schemas.agent import Principal
from cspon.schemas.base import Frozen
from cspon.schemas.knowledge import Document
from knowledge_base.access import may_read, readable_by
from knowledge_base.validity import caveats
from knowledge_base.view import View


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


def status_of(folder: Path, view: View, principal: Principal | None) -> KnowledgeBaseStatus:
    """Say what an opened generation holds; None as principal is its operator, who may know all."""
    catalogue = view.catalogue
    entries = [e for e in catalogue.entries if principal is None or may_read(principal, e.document)]
    documents = [e.document for e in entries]
    where = readable_by(principal) if principal else None
    return KnowledgeBaseStatus(
        folder=str(folder),
        generation=view.generation.name,
        store=catalogue.store,
        embedder=catalogue.embedder,
        recipe=catalogue.recipe,
        built_at=catalogue.built_at,
        documents=len(entries),
        passages=view.store.count(where),
        by_kind=dict(Counter(d.kind for d in documents)),
        by_source=dict(
            Counter(e.document.source if e.origin == "laws" else "文件" for e in entries)
        ),
        gaps={e.document.id: e.gaps for e in entries if e.gaps},
        doubtful=tuple(_doubts(documents)),
    )


def _doubts(documents: list[Document]) -> list[str]:
    today = date.today()
    return [
        f"《{d.title}》（{d.version}）：{note}" for d in documents if (note := caveats(d, today))
    ]
