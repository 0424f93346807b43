"""Who may read which passage: a principal becomes a condition inside the store's query.

A passage is readable when its secrecy does not rank above the reader's clearance, it belongs to no
department or to one of the reader's, and it is reserved to no role or to one of the reader's.
"""

from dataclasses import replace

from cspon.schemas.agent import Principal
from cspon.schemas.knowledge import Document
from knowledge_base.store.protocol import Where


def readable_by(principal: Principal, where: Where | None = None) -> Where:
    """Narrow a condition to what the principal may read."""
    return replace(
        where or Where(),
        max_secrecy=principal.clearance.rank,
        departments=("", *principal.departments),
        roles=("", *principal.roles),
    )


def may_read(principal: Principal, document: Document) -> bool:
    """Return whether the principal may know of the document: the same rule, for titles and notes."""
    return (
        document.secrecy.rank <= principal.clearance.rank
        and (not document.department or document.department in principal.departments)
        and (not document.roles or bool(set(document.roles) & set(principal.roles)))
    )
