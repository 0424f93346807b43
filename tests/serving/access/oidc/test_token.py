"""ID tokens as they may come: which key, which algorithm, and whatever is no token at all."""

import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from serving.access.oidc.refused import SignInRefused
from serving.access.oidc.token import NoSuchKey, claims_of

ASKED = {"issuer": "https://sso.example", "client_id": "plan", "nonce": "n" * 43}
KEY = ec.generate_private_key(ec.SECP256R1())
OTHER = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)
RSA_ALGORITHM = jwt.algorithms.RSAAlgorithm


def public(key, **more):
    kind = RSA_ALGORITHM if key is RSA_KEY else jwt.algorithms.ECAlgorithm
    return {**kind.to_jwk(key.public_key(), as_dict=True), **more}


def token(key=KEY, algorithm="ES256", **more):
    now = int(time.time())
    claims = {"iss": ASKED["issuer"], "sub": "u", "aud": "plan", "iat": now, "exp": now + 60}
    headers = {"kid": more.pop("kid")} if "kid" in more else None
    return jwt.encode({**claims, "nonce": ASKED["nonce"], **more}, key, algorithm, headers=headers)


@pytest.mark.parametrize(
    ("keys", "asked"),
    [
        ([public(KEY)], {}),
        ([public(KEY, kid="a"), public(OTHER, kid="b")], {"kid": "a"}),
        ([public(KEY, use="sig"), public(OTHER, use="enc")], {}),
        ([public(KEY), public(RSA_KEY, alg="RS256")], {}),
        ([public(RSA_KEY)], {"key": RSA_KEY, "algorithm": "PS256"}),
        ([public(KEY)], {"aud": ["plan"]}),
        ([public(KEY)], {"aud": ["plan", "other"], "azp": "plan"}),
    ],
)
def test_the_key_that_signed_is_found(keys, asked):
    assert claims_of(token(**asked), {"keys": keys}, **ASKED)["sub"] == "u"


@pytest.mark.parametrize(
    ("keys", "asked"),
    [
        ([], {}),
        ([public(OTHER)], {}),
        ([public(KEY), public(OTHER)], {}),
        ([public(KEY, kid="a")], {"kid": "b"}),
        ([public(KEY, use="enc")], {}),
        ([public(RSA_KEY, alg="RS256")], {"key": RSA_KEY, "algorithm": "PS256"}),
        ([{"kty": "oct", "k": "c2VjcmV0"}], {}),
        ([5, None], {}),
        ("none", {}),
    ],
)
def test_another_key_is_asked_for_again(keys, asked):
    with pytest.raises(NoSuchKey):
        claims_of(token(**asked), {"keys": keys}, **ASKED)


@pytest.mark.parametrize(
    "key",
    [
        {"kty": "EC"}, {"kty": "EC", "crv": "P-256", "x": 5, "y": None}, {"kty": "RSA", "n": "é", "e": "AQAB"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}, {"kty": "OKP", "crv": "Ed25519", "x": ""},
        public(RSA_KEY),
    ],
)  # fmt: skip
def test_a_key_that_is_none_signs_nobody_in(key):
    with pytest.raises(SignInRefused):
        claims_of(token(), {"keys": [key]}, **ASKED)


@given(st.text(max_size=80) | st.lists(st.binary(max_size=60), min_size=3, max_size=3))
def test_whatever_is_no_token_is_refused(parts):
    made = (
        parts
        if isinstance(parts, str)
        else ".".join(jwt.utils.base64url_encode(p).decode() for p in parts)
    )
    with pytest.raises(SignInRefused):
        claims_of(made, {"keys": [public(KEY)]}, **ASKED)


@given(st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64"]), st.none() | st.integers() | st.text(max_size=9) | st.lists(st.text(max_size=3))))  # fmt: skip
def test_no_header_lets_anybody_in(header):
    encode = jwt.utils.base64url_encode
    _, body, signature = token().split(".")
    made = f"{encode(json.dumps(header).encode()).decode()}.{body}.{signature}"
    with pytest.raises(SignInRefused):
        claims_of(made, {"keys": [public(KEY)]}, **ASKED)


def test_a_huge_token_is_not_looked_at():
    with pytest.raises(SignInRefused, match="校验"):
        claims_of(token(more="x" * 40_000), {"keys": [public(KEY)]}, **ASKED)
