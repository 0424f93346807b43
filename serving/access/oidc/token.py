"""An ID token verified: signature by one of the issuer's keys, issuer, audience, times, nonce.

The algorithm comes from a list of asymmetric ones, so neither `none` nor a public key taken for a shared
secret (HS256) passes. OpenID Connect Core 1.0, section 3.1.3.7; RFC 8725.
"""

import hmac
from typing import Any, Final

import jwt

from serving.access.oidc.refused import SignInRefused

ALGORITHMS: Final = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
)  # fmt: skip
KINDS: Final = ("RSA", "EC", "OKP")
LEEWAY_S = 60
LONGEST = 32 << 10
REQUIRED = ["iss", "sub", "aud", "exp", "iat"]


class NoSuchKey(SignInRefused):
    """None of the keys is the one that signed; the issuer may have changed its keys."""

    def __init__(self, why: str) -> None:
        super().__init__("token_invalid", why)


def claims_of(
    token: str, keys: dict[str, Any], *, issuer: str, client_id: str, nonce: str
) -> dict[str, Any]:
    """Return the claims of a token that holds.

    Args:
        token: As the issuer gave it for a code.
        keys: The issuer's key set.
        issuer: Must be named in it.
        client_id: Must be its audience.
        nonce: Of this very sign-in.

    Raises:
        NoSuchKey: no key of the set signed it.
        SignInRefused: it does not hold; `why` says what is wrong.
    """
    if len(token) > LONGEST:
        raise SignInRefused("token_invalid", "too long")
    try:
        header = jwt.get_unverified_header(token)
        algorithm = header.get("alg")
        if algorithm not in ALGORITHMS:
            raise SignInRefused("token_invalid", f"alg {str(algorithm)[:20]!r}")
        claims: dict[str, Any] = jwt.decode(
            token,
            _key(keys, header.get("kid"), algorithm),
            algorithms=[algorithm],
            issuer=issuer,
            audience=client_id,
            leeway=LEEWAY_S,
            options={"require": REQUIRED},
        )
    except jwt.InvalidSignatureError:
        raise NoSuchKey("signature") from None
    except jwt.PyJWTError as error:
        raise SignInRefused("token_invalid", type(error).__name__) from None
    _check_party(claims, client_id)
    said = claims.get("nonce")
    if not isinstance(said, str) or not hmac.compare_digest(said.encode(), nonce.encode()):
        raise SignInRefused("nonce_mismatch")
    return claims


def _key(keys: dict[str, Any], kid: str | None, algorithm: str) -> jwt.PyJWK:
    """Return the one key that may have signed; a token without `kid` needs a set of one."""
    listed = keys.get("keys")
    found = [
        key
        for key in (listed if isinstance(listed, list) else ())
        if isinstance(key, dict)
        and key.get("kty") in KINDS
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and (kid is None or key.get("kid") == kid)
    ]
    if len(found) != 1:
        raise NoSuchKey(f"{len(found)} keys")
    return jwt.PyJWK(found[0], algorithm)


def _check_party(claims: dict[str, Any], client_id: str) -> None:
    """A token for several audiences must name us as the party that it was given to."""
    party = claims.get("azp")
    if party is None and isinstance(claims["aud"], list) and len(claims["aud"]) > 1:
        raise SignInRefused("token_invalid", "azp missing")
    if party is not None and party != client_id:
        raise SignInRefused("token_invalid", "azp")
