"""`/v1/kb/documents`: what is in the base, as far as the caller may know, and its management."""

from collections.abc import Callable
from datetime import date
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Query, Request

from cspon.schemas.agent import Principal
from cspon.schemas.knowledge import Document
from knowledge_base.describe.metadata import Metadata, apply
from knowledge_base.ingest.build_report import BuildReport
from serving.assembly import store_engine
from serving.kb_access import (
    Parts,
    Who,
    document_of,
    may_edit,
    opened_base,
    passages_of,
    require_editor,
    require_reach,
    view_of,
)
from serving.kb_reading import audited
from serving.kb_schema import (
    MAX_LINES,
    DocumentList,
    DocumentReply,
    DocumentsQuery,
    DocumentView,
    PassageLine,
    Removed,
    label_of,
)
from serving.problems import ApiError
from serving.services import Services

router = APIRouter(prefix="/v1/kb/documents", tags=["knowledge base"])

BEGINNING = 60
"""Characters of a passage in the list of its document."""


@router.get("")
async def list_documents(
    request: Request, services: Parts, principal: Who, asked: Annotated[DocumentsQuery, Query()]
) -> DocumentList:
    """List the documents that the caller may know of."""
    return await documents_for(services, asked, principal, request.state.request_id)


@router.get("/{document_id:path}")
async def get_document(
    request: Request, services: Parts, principal: Who, document_id: str
) -> DocumentReply:
    """Return a document's metadata, who found each field, and its passages."""
    return await document_for(services, document_id, principal, request.state.request_id)


@router.patch("/{document_id:path}")
async def edit_metadata(
    request: Request, services: Parts, principal: Who, document_id: str, metadata: Metadata
) -> DocumentView:
    """Correct a document's metadata; a field that is left out stays. Needs 知识库管理员."""

    def change(document: Document) -> BuildReport:
        from knowledge_base.ingest.build import edit_document

        assert services.embedder is not None
        return edit_document(
            services.settings.kb_dir,
            document.id,
            metadata,
            embedder=services.embedder,
            engine=store_engine(services.settings),
        )

    def check(document: Document) -> None:
        require_reach(principal, apply(document, metadata, "person"))

    changed = metadata.model_dump(mode="json", exclude_none=True)
    before, report = await _manage(
        request, services, principal, document_id, "kb.edit", check, change, {"changed": changed}
    )

    def after() -> DocumentView:
        base = opened_base(services)
        now = report.added[0] if before.id in report.removed and report.added else before.id
        return view_of(document_of(base, now, principal), date.today())

    return await to_thread.run_sync(after)


@router.delete("/{document_id:path}")
async def remove_document(
    request: Request, services: Parts, principal: Who, document_id: str
) -> Removed:
    """Remove a document with all its passages. Needs 知识库管理员."""

    def change(document: Document) -> BuildReport:
        from knowledge_base.ingest.build import remove_documents

        assert services.embedder is not None
        return remove_documents(
            services.settings.kb_dir,
            [document.id],
            embedder=services.embedder,
            engine=store_engine(services.settings),
        )

    await _manage(
        request, services, principal, document_id, "kb.remove", lambda document: None, change, {}
    )
    return Removed(id=document_id)


async def documents_for(
    services: Services, asked: DocumentsQuery, principal: Principal, request_id: str
) -> DocumentList:
    """List documents for a request of the API or a page."""
    base = opened_base(services)

    def fits(document: Document) -> bool:
        words = asked.text.split()
        text = f"{document.title} {document.number or ''} {document.issuer or ''}"
        return (
            all(word in text for word in words)
            and asked.kind in (None, document.kind)
            and asked.level in (None, document.level)
            and asked.region in (None, document.region or "")
        )

    def work() -> DocumentList:
        known = [d for d in base.documents(principal=principal) if fits(d)]
        known.sort(key=lambda d: (d.title, d.version or "", d.id))
        shown = known[asked.offset : asked.offset + asked.limit]
        return DocumentList(
            total=len(known), documents=tuple(view_of(d, date.today()) for d in shown)
        )

    return await audited(
        services,
        principal,
        request_id,
        "kb.documents",
        work,
        lambda reply: {"documents": reply.total},
    )


async def document_for(
    services: Services, document_id: str, principal: Principal, request_id: str
) -> DocumentReply:
    """Read a document for a request of the API or a page."""
    base = opened_base(services)

    def work() -> DocumentReply:
        document = document_of(base, document_id, principal)
        passages = passages_of(base, document.id, principal)
        return DocumentReply(
            **dict(view_of(document, date.today())),
            editable=may_edit(principal),
            total=len(passages),
            passages=tuple(
                PassageLine(
                    id=p.id,
                    label=p.article or " › ".join(p.heading_path[-1:]) or label_of(p.title, None),
                    heading_path=p.heading_path,
                    page=p.page,
                    beginning=f"{p.text[:BEGINNING]}{'…' if len(p.text) > BEGINNING else ''}",
                )
                for p in passages[:MAX_LINES]
            ),
        )

    return await audited(
        services,
        principal,
        request_id,
        "kb.document",
        work,
        lambda reply: {"documents": [reply.document.id]},
    )


async def _manage(
    request: Request,
    services: Services,
    principal: Principal,
    document_id: str,
    kind: str,
    check: Callable[[Document], None],
    change: Callable[[Document], BuildReport],
    facts: dict[str, object],
) -> tuple[Document, BuildReport]:
    """Change the base for an editor: role, then reach, then one change at a time; all on record.

    Raises:
        ApiError: 403, 404, or 409 while files are being taken in.
    """
    base, request_id = opened_base(services), request.state.request_id

    def permitted() -> Document:
        require_editor(principal)
        document = document_of(base, document_id, principal)
        check(document)
        return document

    document = await audited(
        services,
        principal,
        request_id,
        kind,
        permitted,
        lambda found: {"documents": [found.id], "state": "permitted", **facts},
    )
    if services.ingests.busy:
        raise ApiError(409, "正在入库或修改，请等本批完成后再试", code="ingest_running")
    async with services.ingests.turn:
        report = await to_thread.run_sync(lambda: change(document))
    await to_thread.run_sync(
        lambda: services.audit.knowledge(
            kind,
            principal=principal,
            request_id=request_id,
            documents=[document.id],
            state="done",
        )
    )
    return document, report
