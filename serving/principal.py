"""Who asks. Today everyone on this machine is the local user; keys and sign-on come in here."""

from fastapi import Request

from cspon.schemas.agent import Principal

LOCAL_ROLES = ("知识库管理员",)
"""Roles of a person at this very machine; a caller from the network has none."""

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def current_principal(request: Request) -> Principal:
    """Return who makes the request.

    Both ends must be this machine: a proxy shows in the client's address, a page of another site
    that resolves its name to 127.0.0.1 in the host.
    """
    client = request.client.host if request.client else ""
    local = client in LOOPBACK and (request.url.hostname or "") in LOOPBACK
    return Principal(roles=LOCAL_ROLES if local else ())
