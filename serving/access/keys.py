"""Keys of callers: what one may do, how its secret looks, and how the secret is kept.

A secret carries 256 random bits, so a keyed hash is enough: HMAC-SHA-256 with the server's own secret
(RFC 2104). Neither the secret nor anything it could be guessed from is stored; the prefix tells people
which key it is.
"""

import hmac
import re
import secrets
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Literal

from pydantic import Field

from cspon.schemas.agent import Principal
from cspon.schemas.base import Frozen, Secrecy
from serving.model_names import ModelName

SECRET = re.compile(r"cspon-([a-z0-9]{10})-([A-Za-z0-9_-]{43})")
"""`cspon-<id of the key>-<256 bits>`."""

Scope = Literal[
    "chat", "embeddings", "tools", "files", "kb.read", "kb.write", "library", "library.write",
    "jobs", "usage", "metrics", "pages",
]  # fmt: skip
"""What a key may be used for; `serving.access.scopes` says which route needs which."""

DEFAULT_SCOPES: tuple[Scope, ...] = (
    "chat", "embeddings", "tools", "files", "kb.read", "library", "jobs", "usage", "pages",
)  # fmt: skip
LONGEST_DAYS = 3660


class Key(Frozen):
    """A key without its secret. Times are UTC."""

    id: str
    user: str = Field(min_length=1, max_length=80)
    tenant: str = Field("", max_length=80)
    """The unit that answers for the use: a bureau, an institute, another system."""
    roles: tuple[str, ...] = ()
    departments: tuple[str, ...] = ()
    clearance: Secrecy = Secrecy.PUBLIC
    scopes: tuple[Scope, ...] = DEFAULT_SCOPES
    models: tuple[ModelName, ...] = ()
    """Models by their names in `/v1/models`; empty: all."""
    tools: tuple[str, ...] = ()
    """Tools by name; empty: all."""
    note: str = Field("", max_length=200)
    created_at: datetime
    created_by: str = ""
    expires_at: datetime
    revoked_at: datetime | None = None
    replaces: str = ""
    """The key that this one was rotated from."""

    @property
    def prefix(self) -> str:
        """What people see of the secret."""
        return f"cspon-{self.id}-…"

    def refusal(self, now: datetime) -> str:
        """Say in Chinese why the key does not open anything at `now`; empty if it does."""
        if self.revoked_at is not None and self.revoked_at <= now:
            return "密钥已停用"
        if self.expires_at <= now:
            return f"密钥已于 {self.expires_at.astimezone():%Y-%m-%d} 到期"
        return ""

    @cached_property
    def principal(self) -> Principal:
        """Who calls with this key."""
        return Principal(
            user=self.user,
            roles=self.roles,
            departments=self.departments,
            clearance=self.clearance,
        )


class NewKey(Frozen):
    """A key and its secret, which is shown once."""

    key: Key
    secret: str


def new_secret(key_id: str) -> str:
    """Make the secret of a key."""
    return f"cspon-{key_id}-{secrets.token_urlsafe(32)}"


def new_id() -> str:
    """Make the id of a key: ten small letters and digits."""
    alphabet = "abcdefghijkmnpqrstuvwxyz23456789"
    return "".join(secrets.choice(alphabet) for _ in range(10))


def id_of(secret: str) -> str | None:
    """Return the id in a secret; None where the text is no secret of ours."""
    found = SECRET.fullmatch(secret)
    return found[1] if found else None


def secret_hash(secret: str, server_secret: bytes) -> bytes:
    """Return the 32 bytes that are stored of a secret."""
    return hmac.digest(server_secret, secret.encode(), "sha256")


def expiry(days: int, now: datetime | None = None) -> datetime:
    """Return when a key made now ends.

    Raises:
        ValueError: not between one day and ten years.
    """
    if not 1 <= days <= LONGEST_DAYS:
        raise ValueError(f"有效期应为 1 到 {LONGEST_DAYS} 天")
    return (now or datetime.now(UTC)) + timedelta(days=days)
