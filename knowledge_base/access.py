"""Who may read what: a condition inside every store query, and the one place that makes it.

A passage is readable when its secrecy does not rank above the reader's clearance, it belongs to no
department or to one of the reader's, and it is reserved to no role or to one of the reader's.

What a reader may not read is told from what the base does not hold ("no permission") up to level
内部 only. A 敏感 text is answered like one that is not there, so that its existence does not leak.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from cspon.schemas.agent import Principal
from cspon.schemas.base import Secrecy
from knowledge_base.store.protocol import Where

NO_PERMISSION = "库内有与此相关、但您无权查看的材料"
"""What a reader is told of it: names nothing and counts nothing."""

Access = Literal["readable", "no_permission", "not_in_base"]


@dataclass(frozen=True)
class Everyone:
    """All readers of the house together: any department, any role, up to a level.

    Nobody's permission: only compared with a reader's own, to tell "no permission" apart.
    """

    clearance: Secrecy = Secrecy.INTERNAL


EVERYONE = Everyone()
Reader = Principal | Everyone


class Restricted(Protocol):
    """What carries a level, a department and roles: a document, a passage, a repeal."""

    @property
    def secrecy(self) -> Secrecy:
        """Level."""
        ...

    @property
    def department(self) -> str | None:
        """Department that may read it; None for all."""
        ...

    @property
    def roles(self) -> tuple[str, ...]:
        """Roles that may read it; empty for all."""
        ...


def readable_by(reader: Reader, where: Where | None = None) -> Where:
    """Narrow a condition to what the reader may read."""
    narrowed = replace(where or Where(), max_secrecy=reader.clearance.rank)
    if isinstance(reader, Everyone):
        return narrowed
    return replace(narrowed, departments=("", *reader.departments), roles=("", *reader.roles))


def may_read(reader: Reader, item: Restricted) -> bool:
    """Return whether the reader may know of an item: the same rule, for titles and notes."""
    if item.secrecy.rank > reader.clearance.rank:
        return False
    if isinstance(reader, Everyone):
        return True
    return (not item.department or item.department in reader.departments) and (
        not item.roles or bool(set(item.roles) & set(reader.roles))
    )


def access(reader: Reader, items: Iterable[Restricted]) -> Access:
    """Say whether any of the items is readable, or at least may be spoken of."""
    found = list(items)
    if any(may_read(reader, item) for item in found):
        return "readable"
    return "no_permission" if any(may_read(EVERYONE, item) for item in found) else "not_in_base"


def as_open_as(item: Restricted, other: Restricted) -> bool:
    """Return whether everybody who may read `other` may read `item` too.

    Only then may `item` change what is said of `other`: else a reader would see its traces.
    """
    return (
        item.secrecy.rank <= other.secrecy.rank
        and (not item.department or item.department == other.department)
        and (not item.roles or (bool(other.roles) and set(other.roles) <= set(item.roles)))
    )
