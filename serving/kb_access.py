"""The knowledge base as a request sees it: opened or 503, permitted or 404, edited by role or 403.

What a caller may not read is answered exactly as what does not exist: same status, same bytes.
"""

import asyncio
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from anyio import to_thread
from fastapi import Depends, Request

from cspon.schemas.agent import Principal
from cspon.schemas.knowledge import Document, Passage
from knowledge_base.access import may_read, readable_by
from knowledge_base.store.protocol import Where
from knowledge_base.validity import caveats, standing
from serving.kb_schema import MAX_ID, DocumentView
from serving.principal import current_principal
from serving.problems import ApiError
from serving.services import Services, threads

if TYPE_CHECKING:
    from knowledge_base.base import KnowledgeBase

EDITOR = "知识库管理员"
"""The role that may add, edit and remove documents."""

READ_S = 30.0
"""Seconds that a reading request may take."""

T = TypeVar("T")


def services_of(request: Request) -> Services:
    """Return the gateway's parts."""
    services: Services = request.app.state.services
    return services


Who = Annotated[Principal, Depends(current_principal)]
Parts = Annotated[Services, Depends(services_of)]


def opened_base(services: Services) -> "KnowledgeBase":
    """Return the open base.

    Raises:
        ApiError: 503, it could not be opened; says why.
    """
    if services.knowledge_base is None:
        why = services.missing.get("store", "知识库未打开")
        raise ApiError(503, why, code="not_ready", mend="运行 cspon kb build-laws 建库后重启服务")
    return services.knowledge_base


async def reading(work: Callable[[], T]) -> T:
    """Run a blocking read in a thread, for so long and no longer.

    Raises:
        ApiError: 503, it took too long.
    """
    try:
        async with asyncio.timeout(READ_S):
            return await to_thread.run_sync(work, abandon_on_cancel=True, limiter=threads)
    except TimeoutError:
        raise ApiError(
            503, "知识库繁忙，本次查询超时；请稍后再试或缩小范围", code="timeout"
        ) from None


def absent() -> ApiError:
    """The one answer for what is not there and for what the caller may not know of."""
    return ApiError(404, "没有这份内容，或无权查看", code="not_found_or_not_permitted")


def may_edit(principal: Principal) -> bool:
    """Return whether the principal may add, edit and remove documents that they can read."""
    return EDITOR in principal.roles


def require_editor(principal: Principal) -> None:
    """Refuse everyone without the role.

    Raises:
        ApiError: 403.
    """
    if not may_edit(principal):
        raise ApiError(
            403,
            f"需要“{EDITOR}”角色",
            code="role_required",
            kind="permission_error",
            mend="请联系系统管理员授予该角色",
        )


def require_reach(principal: Principal, document: Document) -> None:
    """Refuse to put a document where its editor could not see it any more.

    Raises:
        ApiError: 403, says which of level, department and roles is beyond the principal.
    """
    if may_read(principal, document):
        return
    if document.secrecy.rank > principal.clearance.rank:
        what, param = f"密级“{document.secrecy}”高于您的权限“{principal.clearance}”", "secrecy"
    elif document.department and document.department not in principal.departments:
        what, param = "您不属于该部门", "department"
    else:
        what, param = "您不具有所列的任何角色", "roles"
    raise ApiError(
        403,
        f"不能把文献设为自己无权查看：{what}",
        code="beyond_permission",
        param=param,
        kind="permission_error",
    )


def document_of(base: "KnowledgeBase", document_id: str, principal: Principal) -> Document:
    """Return a document that the principal may know of.

    Raises:
        ApiError: 404, unknown or not permitted alike.
    """
    if len(document_id) <= MAX_ID:
        for document in base.documents(principal=principal):
            if document.id == document_id:
                return document
    raise absent()


def passage_of(
    base: "KnowledgeBase", passage_id: str, principal: Principal
) -> tuple[Passage, Document]:
    """Return a passage that the principal may read, and its document.

    Raises:
        ApiError: 404, unknown or not permitted alike.
    """
    found = base.passage(passage_id, principal=principal) if len(passage_id) <= MAX_ID else None
    if found is None:
        raise absent()
    return found, document_of(base, found.document_id, principal)


def passages_of(base: "KnowledgeBase", document_id: str, principal: Principal) -> list[Passage]:
    """Return the passages of a document in the order of its text."""
    where = readable_by(principal, Where(document_ids=(document_id,)))
    return sorted(base.opened().store.scroll(where), key=_order)


def view_of(document: Document, on_date: date) -> DocumentView:
    """Add a document's standing on a day and what a reader must be told of it."""
    return DocumentView(
        document=document, validity=standing(document, on_date), note=caveats(document, on_date)
    )


def _order(passage: Passage) -> tuple[Any, ...]:
    ordinal = passage.ordinal if passage.ordinal is not None else -1
    return (ordinal, passage.span or (0, 0), _number(passage.article_key), passage.id)


def _number(article_key: str | None) -> tuple[int, ...]:
    parts = (article_key or "0").split("-")
    return tuple(int(part) for part in parts if part.isdigit())
