"""Requests to the issuer and to nobody else: no redirect followed, no proxy, bounded in time and size."""

import asyncio
import json
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from cspon.errors import SetupError
from serving.access.oidc.refused import SignInRefused

LONGEST_S = 10.0
MAX_BYTES = 256 << 10

Origin = tuple[str, str, int]


def origin_of(url: str) -> Origin | None:
    """Return scheme, host and port of an address; None where it is none that may be asked."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    except ValueError:
        return None
    plain = parts.username is None and not parts.fragment
    return (parts.scheme, parts.hostname, port) if plain and parts.hostname and port else None


class Fetcher:
    """Asks one origin.

    Args:
        origin: The only one that is asked.
        ca_file: Certificates that are trusted instead of the system's.

    Raises:
        SetupError: the file with certificates cannot be read.
    """

    def __init__(self, origin: Origin, ca_file: Path | None) -> None:
        try:
            context = ssl.create_default_context(cafile=ca_file)
        except (OSError, ssl.SSLError) as error:
            raise SetupError(
                f"统一身份认证的证书文件 {ca_file} 读不了（{error}）",
                mend="CSPON_OIDC_CA_FILE 写 PEM 格式的根证书文件",
            ) from None
        self._origin = origin
        self._client = httpx.AsyncClient(
            verify=context, trust_env=False, follow_redirects=False, timeout=LONGEST_S / 2
        )

    async def get(self, url: str) -> dict[str, Any]:
        """Return the JSON object at an address.

        Raises:
            SignInRefused: another origin, no answer in time, or not a JSON object of modest size.
        """
        status, content = await self._ask("GET", url)
        if status != 200:
            raise SignInRefused("provider_unavailable", f"{url}: {status}")
        return content

    async def post(
        self, url: str, form: dict[str, str], *, auth: tuple[str, str] | None
    ) -> tuple[int, dict[str, Any]]:
        """Send a form; return status and JSON object.

        Raises:
            SignInRefused: as for `get`, but for the status, and a redirect or a fault of the server.
        """
        status, content = await self._ask("POST", url, data=form, auth=auth)
        if 300 <= status < 400 or status >= 500:
            raise SignInRefused("provider_unavailable", f"{url}: {status}")
        return status, content

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _ask(self, method: str, url: str, **more: Any) -> tuple[int, dict[str, Any]]:
        if origin_of(url) != self._origin:
            raise SignInRefused("provider_unavailable", f"{url}: not of the issuer")
        headers = {"accept": "application/json", "accept-encoding": "identity"}
        body = bytearray()
        try:
            async with (
                asyncio.timeout(LONGEST_S),
                self._client.stream(method, url, headers=headers, **more) as reply,
            ):
                async for piece in reply.aiter_raw():
                    body += piece
                    if len(body) > MAX_BYTES:
                        raise SignInRefused("provider_unavailable", f"{url}: too large")
        except (httpx.HTTPError, TimeoutError, OSError) as error:
            raise SignInRefused(
                "provider_unavailable", f"{url}: {type(error).__name__} {error}"
            ) from None
        return reply.status_code, _object(url, bytes(body))


def _object(url: str, body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise SignInRefused("provider_unavailable", f"{url}: no JSON object")
    return content
