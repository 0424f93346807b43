"""What takes files into the base for whoever handed them in, and what is done when that has ended."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cspon.schemas.agent import Principal
from knowledge_base.access import may_read
from knowledge_base.catalogue import current_generation, read_catalogue
from knowledge_base.ingest.build_report import BuildReport
from serving.assembly import store_engine
from serving.guards.documents import DocumentGuard
from serving.kb_ingest import Tell
from serving.kb_schema import Ingest
from serving.services import Services

if TYPE_CHECKING:
    from llm.embeddings import Embedder


def taking_in(
    services: Services,
    embedder: "Embedder",
    principal: Principal,
    request_id: str,
    ocr: bool,
    restriction: dict[str, Any],
) -> Callable[[Sequence[Path], Tell], BuildReport]:
    """Return what takes the files of a batch into the base and reports as the caller may know.

    Args:
        services: The gateway's parts.
        embedder: Makes the vectors.
        principal: Who hands the files in.
        request_id: For the record.
        ocr: Whether scans are recognised.
        restriction: Level, department and roles.
    """

    def work(paths: Sequence[Path], tell: Tell) -> BuildReport:
        from knowledge_base.ingest.build import add_paths

        report = add_paths(
            services.settings.kb_dir,
            paths,
            embedder=embedder,
            progress=tell,
            engine=store_engine(services.settings),
            ocr=ocr,
            may_touch=lambda document: may_read(principal, document),
            look=DocumentGuard(services.guards, principal, request_id).look,
            **restriction,
        )
        return as_known_to(principal, report, services.settings.kb_dir)

    return work


def when_ended(
    services: Services, principal: Principal, request_id: str
) -> Callable[[Ingest], None]:
    """Return what opens the new generation when a batch has ended, and records the outcome."""

    def ended(batch: Ingest) -> None:
        services.adopt_base()
        services.audit.knowledge(
            "kb.ingest",
            principal=principal,
            request_id=request_id,
            state=batch.state,
            documents=[*batch.added, *batch.changed],
            failures=len(batch.failures),
        )

    return ended


def as_known_to(principal: Principal, report: BuildReport, folder: Path) -> BuildReport:
    """Leave out of a report what tells of documents that the principal may not know of."""
    generation = current_generation(folder)
    documents = read_catalogue(generation).documents if generation else []
    known = [document for document in documents if may_read(principal, document)]
    named = {name for document in known for name in (document.title, document.source)}
    hidden = {
        name
        for document in documents
        for name in (document.id, document.title, document.source)
        if not may_read(principal, document) and name not in named
    }
    return report.model_copy(
        update={
            "added": tuple(i for i in report.added if i not in hidden),
            "changed": tuple(i for i in report.changed if i not in hidden),
            "unchanged": tuple(i for i in report.unchanged if i not in hidden),
            "notices": tuple(n for n in report.notices if not any(h in n for h in hidden)),
        }
    )
