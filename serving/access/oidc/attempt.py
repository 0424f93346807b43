"""One attempt to sign in: what binds the issuer's answer to the browser that asked.

The browser keeps a signed cookie with a random seed; state, nonce and PKCE verifier (RFC 7636) are
derived from it with the server's secret, so that neither is stored anywhere nor readable in the cookie.
"""

import hashlib
import hmac
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

COOKIE = "cspon_sign_in"
LASTS_S = 600


@dataclass(frozen=True)
class Attempt:
    """An attempt.

    Args:
        seed: 256 random bits.
        target: The page to go to afterwards.
        ends: UTC seconds.
    """

    seed: str
    target: str
    ends: int

    def state(self, secret: bytes) -> str:
        """Return what the issuer must send back."""
        return self._derived("state", secret)

    def nonce(self, secret: bytes) -> str:
        """Return what the ID token must name."""
        return self._derived("nonce", secret)

    def verifier(self, secret: bytes) -> str:
        """Return what proves to the issuer that who redeems the code asked for it."""
        return self._derived("verifier", secret)

    def challenge(self, secret: bytes) -> str:
        """Return the verifier's hash (method S256)."""
        return _text(hashlib.sha256(self.verifier(secret).encode()).digest())

    def cookie(self, secret: bytes) -> str:
        """Return the value of the cookie."""
        said = f"{self.seed}.{self.ends}.{_text(self.target.encode())}"
        return f"{said}.{_mac(said, secret)}"

    def _derived(self, what: str, secret: bytes) -> str:
        return _text(hmac.digest(secret, f"sign-in {what}:{self.seed}".encode(), "sha256"))


def new_attempt(target: str, *, now: float | None = None) -> Attempt:
    """Begin an attempt."""
    ends = int((time.time() if now is None else now) + LASTS_S)
    return Attempt(secrets.token_urlsafe(32), target, ends)


def read_attempt(cookie: str, secret: bytes, *, now: float | None = None) -> Attempt | None:
    """Return the attempt in a cookie; None where it is missing, false or over."""
    said, _, mac = cookie.rpartition(".")
    if not hmac.compare_digest(mac.encode(), _mac(said, secret).encode()):
        return None
    seed, ends, target = said.split(".")
    if int(ends) <= (time.time() if now is None else now):
        return None
    return Attempt(seed, urlsafe_b64decode(f"{target}==").decode(), int(ends))


def _mac(said: str, secret: bytes) -> str:
    return hmac.digest(secret, f"sign-in:{said}".encode(), "sha256").hex()


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
