"""Who makes a request, as the gate found out; read by every part that decides or counts."""

from contextvars import ContextVar
from dataclasses import dataclass

from starlette.types import Scope as AsgiScope

from cspon.schemas.agent import Principal
from serving.access.keys import Key

LOCAL_ROLES = ("知识库管理员",)
"""Roles of a person at this very machine."""

LOCAL_KEY = "local"
"""What stands for the key of a person at this very machine in counters and records."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A person or a system.

    Args:
        principal: What they may see.
        key: Their key; None for a person at this machine.
        case_number: 案卷号 of the matter that the request belongs to; attribution only.
    """

    principal: Principal
    key: Key | None = None
    case_number: str = ""

    @property
    def key_id(self) -> str:
        """The id of the key, or `local`."""
        return self.key.id if self.key else LOCAL_KEY

    @property
    def tenant(self) -> str:
        """The unit that answers for the use."""
        return self.key.tenant if self.key else ""

    def may_use_model(self, name: str) -> bool:
        """Say whether the key opens a model of this name."""
        return self.key is None or not self.key.models or name in self.key.models

    def may_use_tool(self, name: str) -> bool:
        """Say whether the key opens a tool of this name."""
        return self.key is None or not self.key.tools or name in self.key.tools


LOCAL = Caller(Principal(roles=LOCAL_ROLES))
"""A person at this machine."""

current: ContextVar[Caller] = ContextVar("caller")
"""The caller of the request that runs; tasks that it starts inherit it."""


def caller_of(scope: AsgiScope) -> Caller:
    """Return who makes a request.

    Raises:
        LookupError: the gate was not passed; a bug.
    """
    found = scope.get("state", {}).get("caller")
    if not isinstance(found, Caller):
        raise LookupError("a request that did not pass the gate")
    return found
