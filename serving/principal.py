"""Who asks, for the routes: what the gate found out."""

from typing import Annotated

from fastapi import Depends, Request

from cspon.schemas.agent import Principal
from cspon.schemas.base import Secrecy
from cspon.schemas.spatial import ToolResult
from serving.access.caller import Caller, caller_of
from serving.problems import ApiError


def current_caller(request: Request) -> Caller:
    """Return who makes the request, with their key."""
    return caller_of(request.scope)


def current_principal(caller: Annotated[Caller, Depends(current_caller)]) -> Principal:
    """Return what the one who makes the request may see."""
    return caller.principal


def require_tool(caller: Caller, name: str) -> None:
    """Refuse a tool that the caller's key does not open.

    Raises:
        ApiError: 403.
    """
    if not caller.may_use_tool(name):
        raise ApiError(
            403,
            f"此密钥不能调用工具 {name[:80]}",
            code="tool_not_allowed",
            kind="permission_error",
        )


def require_clearance(principal: Principal, result: ToolResult) -> None:
    """Refuse a result above the caller's clearance.

    Raises:
        ApiError: 403.
    """
    require_clearance_of(principal, result.secrecy)


def require_clearance_of(principal: Principal, secrecy: Secrecy) -> None:
    """Refuse what is above the caller's clearance.

    Raises:
        ApiError: 403.
    """
    if secrecy.rank > principal.clearance.rank:
        raise ApiError(
            403,
            f"所用图层的密级“{secrecy}”高于您的权限“{principal.clearance}”",
            code="beyond_permission",
            kind="permission_error",
        )


def require_scope(caller: Caller, scope: str) -> None:
    """Refuse what the caller's key does not open; who is at this machine has no key.

    Raises:
        ApiError: 403.
    """
    if caller.key is not None and scope not in caller.key.scopes:
        raise ApiError(403, f"密钥没有“{scope}”权限", code="scope_missing", kind="permission_error")
