"""The issuer: its keys change, it goes away, it misbehaves; nobody else is asked in its place."""

import ssl

import pytest

from serving.access.oidc import fetch
from serving.access.oidc import provider as provider_module

pytestmark = pytest.mark.component


def test_new_keys_of_the_issuer_are_found_and_old_ones_forgotten(sso, provider, a_browser):
    started = sso()
    assert a_browser(started).sign_in().status_code == 200
    provider.tell(rotate=True)
    assert a_browser(started).sign_in().status_code == 200
    provider.tell("old_key")
    assert "拒绝种类：token_invalid" in a_browser(started).sign_in().text


def test_what_the_issuer_says_is_kept_for_a_while(sso, provider, a_browser):
    started = sso()
    before = len(provider.asked())
    for _ in range(3):
        assert a_browser(started).sign_in().status_code == 200
    asked = provider.asked()[before:]
    assert asked.count("/.well-known/openid-configuration") == asked.count("/keys") == 1
    assert asked.count("/authorize") == 3


def test_with_the_issuer_away_nobody_is_signed_in(sso, start_provider, a_browser, monkeypatch):
    away = start_provider()
    started = sso(issuer=away.issuer)
    browser = a_browser(started)
    address = browser.approve(browser.begin())
    away.stop()
    assert "拒绝种类：provider_unavailable" in browser.http.get(address).text
    monkeypatch.setattr(provider_module, "KEPT_S", -1.0)
    reply = browser.begin()
    assert reply.status_code == 503
    assert "拒绝种类：provider_unavailable" in reply.text
    assert browser.http.get("/login").status_code == 200  # keys still work


@pytest.mark.parametrize("mode", ["lying", "redirected", "huge", "slow"])
def test_an_issuer_that_misbehaves_is_taken_for_away(sso, provider, a_browser, mode, monkeypatch):
    monkeypatch.setattr(fetch, "LONGEST_S", 1.0)
    started = sso()
    provider.tell(mode)
    before = len(provider.asked())
    assert "拒绝种类：provider_unavailable" in a_browser(started).begin().text
    assert "/keys" not in provider.asked()[before:]  # no redirect was followed


def test_no_other_host_is_asked(sso, provider, start_provider, a_browser):
    other = start_provider()
    started = sso()
    provider.tell(claims={"jwks": f"{other.issuer}/keys"})
    assert "拒绝种类：provider_unavailable" in a_browser(started).sign_in().text
    assert other.asked() == []


def test_the_secret_may_be_sent_in_the_form(sso, provider, a_browser):
    started = sso()
    provider.tell("post")
    assert a_browser(started).sign_in().status_code == 200


def test_the_issuer_is_trusted_by_its_certificate(sso, start_provider, a_browser, certificate):
    right, wrong = certificate("sso"), certificate("other")
    trusted = ssl.create_default_context(cafile=right[0])
    issuer = start_provider(*right, trusted=trusted).issuer
    started = sso(issuer=issuer, oidc_ca_file=right[0])
    assert a_browser(started, verify=trusted).sign_in().status_code == 200
    for file in (None, wrong[0]):
        started = sso(issuer=issuer, oidc_ca_file=file)
        assert "拒绝种类：provider_unavailable" in a_browser(started, verify=trusted).begin().text
