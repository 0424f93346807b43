"""How large a request body may be, and how many heavy tools run at once.

A multipart upload may be as large as the upload limit, all else far less. Counted as it arrives, so a
missing or false `Content-Length` changes nothing. A body that a page of another site sends through a
user's browser is refused.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.problems import ApiError

MAX_JSON_BYTES = 16 << 20
"""Room for inline GeoJSON; larger boundaries are uploaded as files."""

MULTIPART_MARGIN = 1 << 20
"""Bytes of a multipart request beside the file itself."""

RETRY_AFTER_S = 15


class Slots:
    """Calls that may run at once; one more is told to come back, it does not wait in line.

    Args:
        most: Calls at once.
    """

    def __init__(self, most: int) -> None:
        self.most, self.taken = most, 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Hold a slot; only for the event loop's thread.

        Raises:
            ApiError: 429 with `Retry-After`, all are taken.
        """
        if self.taken >= self.most:
            error = ApiError(
                429,
                f"正在运行的计算已有 {self.taken} 个，请 {RETRY_AFTER_S} 秒后再试",
                code="too_many_running",
                kind="rate_limit_error",
            )
            error.headers = {"retry-after": str(RETRY_AFTER_S)}
            raise error
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1


heavy_tools = Slots(max(2, os.cpu_count() or 2))
"""Tools that run in a process of their own; each may take all of a core and more memory than a check."""


class BodyLimit:
    """ASGI middleware inside the error handlers: too large a body becomes a 413 of our format."""

    def __init__(self, app: ASGIApp, max_upload_bytes: int) -> None:
        self.app, self.max_upload_bytes = app, max_upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        multipart = headers.get("content-type", "").startswith("multipart/")
        limit = self.max_upload_bytes + MULTIPART_MARGIN if multipart else MAX_JSON_BYTES
        declared = headers.get("content-length", "")
        got = 0

        async def counted() -> Message:
            nonlocal got
            if headers.get("sec-fetch-site") == "cross-site":
                raise HTTPException(403)
            if declared.isdecimal() and int(declared) > limit:
                raise HTTPException(413)
            message = await receive()
            if message["type"] == "http.request":
                got += len(message.get("body", b""))
                if got > limit:
                    raise HTTPException(413)
            return message

        await self.app(scope, counted, send)
