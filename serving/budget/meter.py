"""Counts every call of the API, and holds a place of those that may run at once while it is open."""

from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from cspon.errors import SetupError
from serving.access.caller import caller_of
from serving.budget.ledger import Ledger
from serving.budget.limits import Weight
from serving.budget.metered import matter_of, who_of
from serving.problems import ApiError, answer, as_api_error

COUNTED = ("/v1/", "/ogc/")
MCP = "/mcp"
LONGEST_S = 3600.0
ONE = Weight(requests=1)


class Meter:
    """ASGI middleware behind the gate.

    Args:
        app: What lies behind.
        ledger: Returns the ledger.
    """

    def __init__(self, app: ASGIApp, *, ledger: Callable[[], Ledger]) -> None:
        self.app, self._ledger = app, ledger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not _counts(scope["path"]):
            await self.app(scope, receive, send)
            return
        caller, ledger = caller_of(scope), self._ledger()
        endpoint = "/".join(scope["path"].split("/")[:4])
        matter = matter_of(caller, endpoint, scope["state"].get("request_id", ""))
        try:
            held = await ledger.reserve(who_of(caller), ONE, matter, ttl_s=LONGEST_S)
        except (ApiError, SetupError) as error:
            await answer(as_api_error(error), scope["path"])(scope, receive, send)
            return
        try:
            await self.app(scope, receive, send)
        finally:
            await ledger.settle(held, ONE)


def _counts(path: str) -> bool:
    return path == MCP or path.startswith(COUNTED)
