"""Sign-in by a real identity provider in a process of its own, the attacks on it included."""

import json
import re
import time
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

pytestmark = pytest.mark.component


def refusal_of(reply):
    """The kind that the page names."""
    assert "未能登录" in reply.text
    return re.search("拒绝种类：([a-z_]+)", reply.text)[1]


def records(started):
    lines = started.services.settings.audit_file.read_text(encoding="utf-8").splitlines()
    return [line for line in map(json.loads, lines) if line["kind"].startswith("sign_in.")]


def test_a_person_of_the_bureau_signs_in(sso, a_browser):
    started = sso()
    browser = a_browser(started)
    assert "用统一身份认证登录" in browser.http.get("/login", params={"next": "/kb"}).text
    begun = browser.begin()
    asked = parse_qs(urlsplit(begun.headers["location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert len(asked["code_challenge"][0]) == len(asked["nonce"][0]) == len(asked["state"][0]) == 43
    reply = browser.http.get(browser.approve(begun))
    assert reply.status_code == 200
    assert 'content="0;url=/kb"' in reply.text
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["content-security-policy"].startswith(
        "default-src 'none'; script-src 'self'"
    )
    assert reply.headers["referrer-policy"] == "no-referrer"  # the address holds the code
    given = next(c for c in reply.headers.get_list("set-cookie") if c.startswith("cspon_session="))
    assert "HttpOnly" in given and "SameSite=strict" in given
    assert browser.http.get("/v1/usage/limits").status_code == 200
    assert browser.http.get("/v1/tools").status_code == 403
    (key,) = started.services.keys.all()
    assert (key.user, key.tenant, key.clearance.value) == ("张工", "自然资源局", "内部")
    assert key.scopes == ("usage", "pages")
    (line,) = records(started)
    assert (line["kind"], line["user"], line["key"]) == ("sign_in.in", "张工", key.id)
    assert started.services.keys.of_secret(f"cspon-{key.id}-{'x' * 43}") is None


def test_by_tls_the_cookies_travel_by_tls_alone(sso, a_browser):
    started = sso()
    started.services.settings = started.services.settings.model_copy(
        update={"public_url": "https://plan.example"}
    )
    begun = a_browser(started).begin()
    assert "Secure" in begun.headers["set-cookie"]


@pytest.mark.parametrize(
    ("mode", "kind", "why"),
    [
        ("none", "token_invalid", "alg 'none'"),
        ("hs256_public", "token_invalid", "alg 'HS256'"),
        ("hs256_secret", "token_invalid", "alg 'HS256'"),
        ("expired", "token_invalid", "ExpiredSignatureError"),
        ("future", "token_invalid", "ImmatureSignatureError"),
        ("no_end", "token_invalid", "MissingRequiredClaimError"),
        ("other_audience", "token_invalid", "InvalidAudienceError"),
        ("two_audiences", "token_invalid", "azp missing"),
        ("other_party", "token_invalid", "azp"),
        ("other_issuer", "token_invalid", "InvalidIssuerError"),
        ("changed", "token_invalid", "signature"),
        ("other_nonce", "nonce_mismatch", ""),
        ("no_nonce", "nonce_mismatch", ""),
        ("denied", "provider_refused", "access_denied"),
        ("mixed_up", "provider_refused", "iss 'https://evil.example'"),
        ("redirected_token", "provider_unavailable", None),
    ],
)
def test_what_does_not_hold_signs_nobody_in(sso, provider, a_browser, mode, kind, why):
    started = sso()
    provider.tell(mode)
    browser = a_browser(started)
    reply = browser.sign_in()
    assert refusal_of(reply) == kind
    assert reply.status_code in (401, 403, 503)
    assert browser.session is None
    assert started.services.keys.all() == []
    (line,) = records(started)
    assert (line["kind"], line["refusal"], line["user"]) == ("sign_in.refused", kind, "")
    assert why is None or line["why"] == why


def test_an_answer_that_this_browser_did_not_ask_for_is_refused(sso, a_browser):
    started = sso()
    mine, other = a_browser(started), a_browser(started)
    address = other.approve(other.begin())
    assert refusal_of(mine.http.get(address)) == "state_mismatch"  # no attempt of its own
    mine.begin()
    assert refusal_of(mine.http.get(address)) == "state_mismatch"  # another attempt
    begun = mine.begin()
    wrong = re.sub("state=[^&]+", f"state={'x' * 43}", mine.approve(begun))
    assert refusal_of(mine.http.get(wrong)) == "state_mismatch"
    assert mine.session is None


def test_a_code_of_another_attempt_is_of_no_use(sso, a_browser):
    started = sso()
    mine, other = a_browser(started), a_browser(started)
    stolen = parse_qs(urlsplit(other.approve(other.begin())).query)["code"][0]
    address = mine.approve(mine.begin())
    injected = re.sub("code=[^&]+", f"code={stolen}", address)
    assert refusal_of(mine.http.get(injected)) == "code_refused"  # PKCE: the verifier is mine
    assert mine.session is None


@pytest.mark.parametrize("mode", ["", "careless"])
def test_an_answer_is_good_once(sso, provider, a_browser, mode):
    started = sso()
    provider.tell(mode)
    browser = a_browser(started)
    begun = browser.begin()
    attempt, address = browser.http.cookies.get("cspon_sign_in"), browser.approve(begun)
    assert browser.http.get(address).status_code == 200
    again = a_browser(started)
    reply = again.http.get(address, headers={"cookie": f"cspon_sign_in={attempt}"})
    assert refusal_of(reply) == "state_mismatch"
    assert again.session is None


def test_an_attempt_that_was_tampered_with_or_is_over_is_none(sso, a_browser):
    started = sso()
    browser = a_browser(started)
    begun = browser.begin()
    address, attempt = browser.approve(begun), browser.http.cookies["cspon_sign_in"]
    seed, ends, target, mac = attempt.split(".")
    for false in (
        f"{seed}.{int(ends) + 1}.{target}.{mac}",
        f"{seed}.{ends}.L2E.{mac}",
        "",
        "a.b",
        "é.x",
    ):
        browser.http.cookies.clear()
        reply = browser.http.get(address, headers={"cookie": f"cspon_sign_in={false}".encode()})
        assert refusal_of(reply) == "state_mismatch"


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "https://evil.example/", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)",
     "/kb\r\nset-cookie: a=b", "/%2f/evil.example", "http:evil.example", "", "/" + "a" * 3000],
)  # fmt: skip
def test_after_signing_in_nobody_is_led_elsewhere(sso, a_browser, target):
    reply = a_browser(sso()).sign_in(target)
    assert reply.status_code == 200
    led = re.search('content="0;url=([^"]*)"', reply.text)[1]
    assert led == "/" or re.fullmatch("/a+", led)


@pytest.mark.parametrize(
    ("claims", "kind"),
    [
        ({"groups": ["无关科室"]}, "no_permission"),
        ({"groups": []}, "no_permission"),
        ({"groups": "规划科室"}, "no_permission"),
        ({"groups": ["只用接口"]}, "no_permission"),
        ({"groups": [{"规划科": True}, 3]}, "no_permission"),
        ({"preferred_username": ""}, "claims_invalid"),
        ({"preferred_username": "长" * 81}, "claims_invalid"),
        ({"preferred_username": ["甲", "乙"]}, "claims_invalid"),
    ],
)
def test_who_was_granted_nothing_is_told_so(sso, provider, a_browser, claims, kind):
    started = sso()
    provider.tell(claims=claims)
    browser = a_browser(started)
    assert refusal_of(browser.sign_in()) == kind
    assert browser.session is None


def test_without_a_file_of_rights_nobody_has_any(sso, a_browser):
    assert refusal_of(a_browser(sso(rights={})).sign_in()) == "no_permission"


def test_rights_of_several_groups_add_up(sso, provider, a_browser):
    started = sso()
    provider.tell(claims={"groups": ["规划科", "局领导"]})
    assert a_browser(started).sign_in().status_code == 200
    (key,) = started.services.keys.all()
    assert key.scopes == ("kb.write", "usage", "pages")
    assert key.clearance.value == "敏感"
    provider.tell()  # demoted: from the next sign-in on
    a_browser(started).sign_in()
    (key,) = started.services.keys.all()
    assert (key.scopes, key.clearance.value) == (("usage", "pages"), "内部")


def test_one_who_was_revoked_stays_out_until_restored(sso, a_browser):
    started = sso()
    browser = a_browser(started)
    browser.sign_in()
    (key,) = started.services.keys.all()
    started.services.keys.revoke(key.id)
    assert browser.http.get("/v1/usage/limits").status_code == 401
    other = a_browser(started)
    assert refusal_of(other.sign_in()) == "revoked"
    started.services.keys.restore(key.id)
    assert other.sign_in().status_code == 200
    assert other.http.get("/v1/usage/limits").status_code == 200


def test_signing_out_ends_it_here_and_at_the_issuer(sso, provider, a_browser):
    started = sso()
    browser = a_browser(started)
    browser.sign_in()
    kept = browser.session
    reply = browser.http.post("/logout")
    (address,) = re.findall('content="0;url=([^"]*)"', reply.text)
    left = urlsplit(address.replace("&amp;", "&"))
    assert f"{left.scheme}://{left.netloc}{left.path}" == f"{provider.issuer}/end"
    assert parse_qs(left.query) == {
        "client_id": ["plan"], "post_logout_redirect_uri": [f"{started.url}/login"],
    }  # fmt: skip
    assert browser.session is None
    stolen = {"cookie": f"cspon_session={kept}"}
    other = a_browser(started)
    assert other.http.get("/v1/usage/limits", headers=stolen).status_code == 401
    time.sleep(1.1)  # sessions are told apart by the second
    browser.sign_in()
    assert browser.http.get("/v1/usage/limits").status_code == 200
    assert other.http.get("/v1/usage/limits", headers=stolen).status_code == 401
    assert [line["kind"] for line in records(started)] == [
        "sign_in.in",
        "sign_in.out",
        "sign_in.in",
    ]


def test_without_an_issuer_there_is_no_such_way(gateway):
    started = gateway(auth="keys")
    reply = httpx.get(f"{started.url}/login/oidc", trust_env=False)
    assert reply.status_code == 404
    assert "统一身份认证" not in httpx.get(f"{started.url}/login", trust_env=False).text
