"""What a person of the identity provider may do here, by a YAML file: nothing that is not granted in it."""

import hmac
from base64 import b32encode
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

from pydantic import Field, ValidationError

from cspon.schemas.base import Frozen, Secrecy
from serving.access.keys import Key, Scope
from serving.access.oidc.refused import SignInRefused
from serving.access.session import LASTS_S, SIGNED_IN
from tools.library.reading import field_error, read_yaml

LONGEST_NAME, LONGEST_VALUE = 80, 500


class Grant(Frozen):
    """What holders of one value of a claim get."""

    claim: str = Field(min_length=1)
    value: str = Field(min_length=1)
    scopes: tuple[Scope, ...] = ()
    level: Secrecy = Secrecy.PUBLIC
    roles: tuple[str, ...] = ()
    departments: tuple[str, ...] = ()


class Rights(Frozen):
    """Which claims say who somebody is, and what they may do.

    `user` decides whose files and jobs are whose: it must be a claim that is unique and that people
    cannot change themselves.
    """

    user: str = "sub"
    tenant: str = ""
    """The claim with the unit; empty: `tenant_name` for all."""
    tenant_name: str = ""
    department: str = ""
    """The claim with the departments; empty: those of the grants alone."""
    grants: tuple[Grant, ...] = ()


def read_rights(file: Path) -> Rights:
    """Read the rights; a missing file grants nothing.

    Raises:
        InputError: the file is not as it should be; names the field.
    """
    if not file.exists():
        return Rights()
    content = read_yaml(file)
    try:
        return Rights.model_validate(content or {})
    except ValidationError as error:
        raise field_error(file, error) from None


def key_of(claims: dict[str, Any], rights: Rights, secret: bytes) -> Key:
    """Return the key that stands for a signed-in person; no secret opens it, only a session.

    Args:
        claims: Of a verified ID token.
        rights: What is granted.
        secret: Keyed into the id, so that it tells nobody who it is.

    Raises:
        SignInRefused: nobody is named, or nothing is granted that opens the pages.
    """
    grants = [g for g in rights.grants if g.value in _values(claims, g.claim)]
    granted = {scope for grant in grants for scope in grant.scopes}
    if "pages" not in granted:
        raise SignInRefused("no_permission")
    users, tenants = _names(claims, rights.user), _names(claims, rights.tenant)
    if len(users) != 1:
        raise SignInRefused("claims_invalid", rights.user)
    said = _names(claims, rights.department)
    now = datetime.now(UTC)
    person = f"{claims['iss']}\n{claims['sub']}"
    return Key(
        id=SIGNED_IN + _id(person, secret),
        user=users[0],
        tenant=tenants[0] if tenants else rights.tenant_name,
        roles=_joined(grant.roles for grant in grants),
        departments=_joined([said, *(grant.departments for grant in grants)]),
        clearance=max((grant.level for grant in grants), key=lambda level: level.rank),
        scopes=tuple(scope for scope in get_args(Scope) if scope in granted),
        note=f"{claims['iss']} {claims['sub']}"[:200],
        created_at=now,
        created_by="oidc",
        expires_at=now + timedelta(seconds=LASTS_S),
    )


def _id(person: str, secret: bytes) -> str:
    mac = hmac.digest(secret, f"person:{person}".encode(), "sha256")
    return b32encode(mac[:10]).decode().lower()


def _values(claims: dict[str, Any], name: str) -> tuple[str, ...]:
    """Return the texts of a claim; `a.b` is `b` inside `a` where no claim has the whole name."""
    found: Any = claims.get(name)
    if found is None:
        found = claims
        for part in name.split("."):
            found = found.get(part) if isinstance(found, dict) else None
    listed = found if isinstance(found, list) else [found]
    return tuple(v for v in listed if isinstance(v, str) and 0 < len(v) <= LONGEST_VALUE)


def _names(claims: dict[str, Any], name: str) -> tuple[str, ...]:
    found = _values(claims, name)
    return tuple(v for v in found if len(v) <= LONGEST_NAME and v.isprintable() and v.strip())


def _joined(parts: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for part in parts for text in part))
