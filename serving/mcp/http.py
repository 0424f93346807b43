"""`/mcp`: the server over streamable HTTP, behind the gate and the meter, without sessions.

A page of another site must not reach it through a user's browser: an `Origin` must be this very
host, and who shows a key must show it in `Authorization`, not by the session of the pages. Without a
key only this machine gets here, under a loopback name (the gate sees to it): DNS rebinding ends there.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from serving.access.caller import Caller, caller_of
from serving.limits import MAX_JSON_BYTES
from serving.mcp.server import Context, make_server, new_request_id
from serving.problems import ApiError
from serving.services import Services


class McpEndpoint:
    """ASGI application for one path.

    Args:
        services: The gateway's parts.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._manager: StreamableHTTPSessionManager | None = None

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Serve while the context is open."""
        manager = StreamableHTTPSessionManager(
            make_server(self._services, _who),
            stateless=True,
            max_request_body_size=MAX_JSON_BYTES,
        )
        async with manager.run():
            self._manager = manager
            try:
                yield
            finally:
                self._manager = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        Raises:
            ApiError: 401, a key by cookie; 403, from a page of another site; 503, not running.
        """
        _own_site(Headers(scope=scope), caller_of(scope))
        if self._manager is None:
            raise ApiError(503, "MCP 服务尚未启动", code="not_ready")
        await self._manager.handle_request(scope, receive, send)


def _own_site(headers: Headers, caller: Caller) -> None:
    origin = headers.get("origin")
    if origin and urlsplit(origin).netloc != headers.get("host"):
        raise ApiError(403, "不接受其他网站页面发来的请求", code="cross_site")
    if caller.key is not None and not headers.get("authorization"):
        raise ApiError(
            401,
            "MCP 须在请求头写 Authorization: Bearer cspon-…，不接受页面登录",
            code="invalid_api_key",
            kind="authentication_error",
        )


def _who(ctx: Context) -> tuple[Caller, str]:
    if ctx.request is None:
        raise LookupError("a message without its request")
    scope = ctx.request.scope
    return caller_of(scope), scope["state"].get("request_id") or new_request_id()
