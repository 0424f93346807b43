"""Sessions of the pages: a signed cookie with the id of a key, and the page that hands it out.

The cookie holds no secret: `<key id>.<ends at>.<HMAC-SHA-256>`. A revoked key ends its sessions, because
the gate looks the key up at every request; so does one that was made anew since the session began.
"""

import hmac
import time
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

COOKIE = "cspon_session"
LASTS_S = 12 * 3600
SIGNED_IN = "oidc-"
"""Begins the ids of keys that stand for a person of the identity provider; no secret opens them."""


def sign(key_id: str, secret: bytes, *, now: float | None = None) -> str:
    """Return the value of a cookie for a key."""
    ends = int((time.time() if now is None else now) + LASTS_S)
    return f"{key_id}.{ends}.{_mac(key_id, ends, secret)}"


@dataclass(frozen=True, slots=True)
class Session:
    """A session: whose key, and since when (UTC seconds)."""

    key_id: str
    began: int


def session_of(cookies: str, secret: bytes, *, now: float | None = None) -> Session | None:
    """Return the session in a `Cookie` header; None where it is missing, false or over."""
    if COOKIE not in cookies:
        return None
    try:
        jar: SimpleCookie = SimpleCookie(cookies)
    except CookieError:
        return None
    parts = jar[COOKIE].value.split(".") if COOKIE in jar else []
    if len(parts) != 3 or not parts[1].isdecimal():
        return None
    key_id, ends = parts[0], int(parts[1])
    if not hmac.compare_digest(parts[2], _mac(key_id, ends, secret)):
        return None
    over = ends <= (time.time() if now is None else now)
    return None if over else Session(key_id, ends - LASTS_S)


def _mac(key_id: str, ends: int, secret: bytes) -> str:
    return hmac.digest(secret, f"session:{key_id}:{ends}".encode(), "sha256").hex()
