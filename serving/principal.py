"""Who asks. Today everyone on this machine is the local user; keys and sign-on come in here."""

from fastapi import Request

from cspon.schemas.agent import Principal


def current_principal(request: Request) -> Principal:
    """Return who makes the request."""
    return Principal()
