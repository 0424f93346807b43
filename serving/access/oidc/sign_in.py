"""Signing in: the way to the issuer, its answer, the key of the person, and the way out."""

import hmac
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from ipaddress import ip_address
from urllib.parse import urlencode

from cspon.errors import SetupError
from cspon.settings import Settings
from serving.access.keys import Key
from serving.access.oidc.attempt import Attempt, new_attempt, read_attempt
from serving.access.oidc.fetch import origin_of
from serving.access.oidc.provider import Client, Provider
from serving.access.oidc.refused import SignInRefused
from serving.access.oidc.rights import Rights, key_of, read_rights
from serving.access.oidc.token import NoSuchKey, claims_of
from serving.access.store import KeyStore
from serving.watched import Watched

BACK = "/login/oidc/callback"
OUT = "/login"


class SignIn:
    """Signs people in by an identity provider.

    Args:
        client: What the issuer knows us by.
        rights: What is granted now.
        store: Where the keys of people are kept.
        secret: Signs the attempts.
        out_url: Where the issuer leads back to after signing out.

    Raises:
        SetupError: the file with the issuer's certificates cannot be read.
    """

    def __init__(
        self,
        client: Client,
        rights: Callable[[], Rights],
        store: KeyStore,
        secret: bytes,
        out_url: str,
    ) -> None:
        self._client, self._rights, self._store = client, rights, store
        self._secret, self._out_url = secret, out_url
        self._provider = Provider(client)
        self._used: dict[str, int] = {}

    async def begin(self, target: str) -> tuple[str, str]:
        """Return the issuer's address to go to, and the cookie of the attempt.

        Raises:
            SignInRefused: the issuer is away.
        """
        attempt = new_attempt(target)
        asked = {
            "response_type": "code",
            "client_id": self._client.id,
            "redirect_uri": self._client.redirect_uri,
            "scope": self._client.scope,
            "state": attempt.state(self._secret),
            "nonce": attempt.nonce(self._secret),
            "code_challenge": attempt.challenge(self._secret),
            "code_challenge_method": "S256",
        }
        address = _with(await self._provider.endpoint("authorization_endpoint"), asked)
        return address, attempt.cookie(self._secret)

    async def finish(self, said: Mapping[str, str], cookie: str) -> tuple[Key, str]:
        """Return the key of who was signed in, and the page that they came for.

        Args:
            said: What the issuer sent the browser back with.
            cookie: Of the attempt.

        Raises:
            SignInRefused: nobody is signed in.
            SetupError: the keys are away.
        """
        attempt = self._attempt(said, cookie)
        if "error" in said:
            raise SignInRefused("provider_refused", said["error"][:80])
        if said.get("iss", self._client.issuer) != self._client.issuer:  # RFC 9207
            raise SignInRefused("provider_refused", f"iss {said['iss'][:80]!r}")
        token = await self._provider.redeem(said.get("code", ""), attempt.verifier(self._secret))
        claims = await self._claims(token, attempt.nonce(self._secret))
        key = self._store.sign_in(key_of(claims, self._rights(), self._secret))
        if key.refusal(datetime.now(UTC)):
            raise SignInRefused("revoked", key.id)
        return key, attempt.target

    async def sign_out(self, key: Key) -> str:
        """End a person's sessions; return where to end the issuer's, empty where it offers none.

        Raises:
            SetupError: the keys are away.
        """
        self._store.sign_out(key.id)
        try:
            address = await self._provider.endpoint("end_session_endpoint")
        except SignInRefused:
            return ""
        back = {"client_id": self._client.id, "post_logout_redirect_uri": self._out_url}
        return _with(address, back)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._provider.aclose()

    def _attempt(self, said: Mapping[str, str], cookie: str) -> Attempt:
        """Return the attempt that an answer belongs to; each is good for one answer."""
        while self._used and next(iter(self._used.values())) <= time.time():
            self._used.pop(next(iter(self._used)))
        attempt = read_attempt(cookie, self._secret)
        if attempt is None:
            raise SignInRefused("state_mismatch", "no attempt")
        state = said.get("state", "").encode()
        if not hmac.compare_digest(state, attempt.state(self._secret).encode()):
            raise SignInRefused("state_mismatch", "state")
        if attempt.seed in self._used:
            raise SignInRefused("state_mismatch", "used")
        self._used[attempt.seed] = attempt.ends
        return attempt

    async def _claims(self, token: str, nonce: str) -> dict[str, object]:
        asked = {"issuer": self._client.issuer, "client_id": self._client.id, "nonce": nonce}
        try:
            return claims_of(token, await self._provider.keys(), **asked)
        except NoSuchKey:  # the issuer may have changed its keys since they were asked for
            return claims_of(token, await self._provider.keys(fresh=True), **asked)


def open_sign_in(settings: Settings, store: KeyStore, secret: bytes) -> SignIn:
    """Return what signs people in by the issuer that the settings name.

    Raises:
        SetupError: the settings do not go together, or a file cannot be read.
        InputError: the rights are not as they should be.
    """
    issuer, public = settings.oidc_issuer or "", (settings.public_url or "").rstrip("/")
    _check_address("CSPON_OIDC_ISSUER", issuer)
    _check_address("CSPON_PUBLIC_URL", public)
    client = Client(
        issuer=issuer,
        id=settings.oidc_client_id,
        secret=_client_secret(settings),
        redirect_uri=f"{public}{BACK}",
        scope=settings.oidc_scope,
        ca_file=settings.oidc_ca_file,
    )
    rights = Watched(settings.oidc_rights_file, read_rights)
    return SignIn(client, rights, store, secret, f"{public}{OUT}")


def _client_secret(settings: Settings) -> str:
    file, given = settings.oidc_client_secret_file, settings.oidc_client_secret
    if file is None and given is not None:
        return given.get_secret_value()
    mend = "CSPON_OIDC_CLIENT_SECRET_FILE 写密文文件的路径，或 CSPON_OIDC_CLIENT_SECRET 写密文"
    try:
        secret = file.read_text(encoding="utf-8").strip() if file is not None else ""
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"统一身份认证的客户端密文读不了（{error}）", mend=mend) from None
    if not secret:
        raise SetupError("没有统一身份认证的客户端密文", mend=mend)
    return secret


def _check_address(name: str, address: str) -> None:
    """Plain http is for this very machine alone."""
    origin = origin_of(address)
    if origin is None or "?" in address or (origin[0] == "http" and not _is_here(origin[1])):
        raise SetupError(
            f"{name} 的值 {address!r} 不是 https 地址",
            mend=f"{name} 写完整的地址，如 https://sso.example",
        )


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _with(address: str, query: dict[str, str]) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}"
