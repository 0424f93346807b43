"""How large a request body may be: multipart uploads up to the upload limit, all else far less.

Counted as it arrives, so a missing or false `Content-Length` changes nothing. A body that a page of
another site sends through a user's browser is refused.
"""

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_JSON_BYTES = 16 << 20
"""Room for inline GeoJSON; larger boundaries are uploaded as files."""

MULTIPART_MARGIN = 1 << 20
"""Bytes of a multipart request beside the file itself."""


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
