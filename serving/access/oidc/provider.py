"""The identity provider: what it says of itself, its keys, and a code redeemed for an ID token.

OpenID Connect Discovery 1.0 and Core 1.0, section 3.1. Every endpoint must lie at the issuer's origin.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.access.oidc.fetch import Fetcher, origin_of
from serving.access.oidc.refused import SignInRefused

KEPT_S = 600.0
"""What the issuer says of itself, and its keys, are asked again after this long."""


@dataclass(frozen=True)
class Client:
    """What the issuer knows us by."""

    issuer: str
    id: str
    secret: str
    redirect_uri: str
    scope: str = "openid profile"
    ca_file: Path | None = None


class Provider:
    """One issuer.

    Args:
        client: Who we are to it.
        clock: Seconds that never jump.

    Raises:
        SetupError: the file with certificates cannot be read.
    """

    def __init__(self, client: Client, *, clock: Callable[[], float] = time.monotonic) -> None:
        origin = origin_of(client.issuer)
        assert origin is not None, "checked with the settings"
        self._origin, self._client, self._clock = origin, client, clock
        self._fetch = Fetcher(origin, client.ca_file)
        self._kept: dict[str, tuple[float, dict[str, Any]]] = {}

    async def endpoint(self, name: str) -> str:
        """Return the address of an endpoint by its name in the discovery document.

        Raises:
            SignInRefused: the issuer is away, is another, or names an address that is not its own.
        """
        address = (await self._discovered()).get(name)
        if not isinstance(address, str) or origin_of(address) != self._origin:
            raise SignInRefused("provider_unavailable", f"{name}: {address!r}")
        return address

    async def keys(self, *, fresh: bool = False) -> dict[str, Any]:
        """Return the issuer's key set.

        Args:
            fresh: Ask for it even where it is kept: the issuer may have changed its keys.

        Raises:
            SignInRefused: the issuer is away.
        """
        return await self._document(await self.endpoint("jwks_uri"), fresh=fresh)

    async def redeem(self, code: str, verifier: str) -> str:
        """Return the ID token for a code.

        Raises:
            SignInRefused: the issuer is away, or does not accept the code.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._client.redirect_uri,
            "code_verifier": verifier,
        }
        ways = (await self._discovered()).get("token_endpoint_auth_methods_supported")
        auth: tuple[str, str] | None = None
        if isinstance(ways, list) and "client_secret_basic" not in ways:
            form |= {"client_id": self._client.id, "client_secret": self._client.secret}
        else:
            auth = (_encoded(self._client.id), _encoded(self._client.secret))
        status, said = await self._fetch.post(
            await self.endpoint("token_endpoint"), form, auth=auth
        )
        token = said.get("id_token")
        if status != 200 or not isinstance(token, str):
            raise SignInRefused("code_refused", f"{status} {str(said.get('error'))[:80]}")
        return token

    async def aclose(self) -> None:
        """Close the connections."""
        await self._fetch.aclose()

    async def _discovered(self) -> dict[str, Any]:
        place = f"{self._client.issuer.rstrip('/')}/.well-known/openid-configuration"
        found = await self._document(place)
        if found.get("issuer") != self._client.issuer:
            self._kept.pop(place, None)
            raise SignInRefused("provider_unavailable", f"issuer {found.get('issuer')!r}")
        return found

    async def _document(self, url: str, *, fresh: bool = False) -> dict[str, Any]:
        now = self._clock()
        at, kept = self._kept.get(url, (float("-inf"), {}))
        if fresh or now - at > KEPT_S:
            kept = await self._fetch.get(url)
            self._kept[url] = now, kept
        return kept


def _encoded(text: str) -> str:
    """Encode a part of the client's credentials (RFC 6749, section 2.3.1)."""
    from urllib.parse import quote_plus

    return quote_plus(text)
