"""The gate: who gets in, from where, with what."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from starlette.responses import JSONResponse

from cspon.errors import SetupError
from cspon.schemas.base import Secrecy
from serving.access.caller import LOCAL_ROLES, caller_of
from serving.access.gate import Gate
from serving.access.keys import Key
from serving.access.scopes import rule_for
from serving.access.session import COOKIE, sign
from serving.access.store import LOOK_EVERY_S, KeyStore

SECRET = b"s" * 32
NOW = datetime.now(UTC)


def a_key(**given):
    facts = {
        "id": "", "user": "审查科", "created_at": NOW, "expires_at": NOW + timedelta(days=1),
        "clearance": Secrecy.SENSITIVE,
    }  # fmt: skip
    return Key(**{**facts, **given})


@pytest.fixture
def store(tmp_path):
    opened = KeyStore(tmp_path / "keys.sqlite", SECRET)
    yield opened
    opened.close()


async def who(scope, receive, send):
    caller = caller_of(scope)
    facts = {"user": caller.principal.user, "roles": caller.principal.roles, "key": caller.key_id}
    await JSONResponse({**facts, "case": caller.case_number})(scope, receive, send)


def client(store, *, auth="local", address="10.0.0.8", host="plan.example"):
    gate = Gate(who, store=store, session_secret=SECRET, auth=auth)
    transport = httpx.ASGITransport(gate, client=(address, 5000))
    return httpx.AsyncClient(transport=transport, base_url=f"http://{host}:8765")


def bearer(secret):
    return {"authorization": f"Bearer {secret}"}


@pytest.mark.parametrize(
    ("address", "host", "status"),
    [
        ("127.0.0.1", "127.0.0.1", 200),
        ("127.0.0.1", "localhost", 200),
        ("::1", "[::1]", 200),
        ("10.0.0.8", "plan.example", 401),
        ("10.0.0.8", "127.0.0.1", 401),
        ("127.0.0.1", "evil.example", 401),
    ],
)
async def test_only_a_person_at_this_machine_needs_no_key(store, address, host, status):
    async with client(store, address=address, host=host) as http:
        reply = await http.get("/v1/models")
    assert reply.status_code == status
    if status == 200:
        assert reply.json()["roles"] == list(LOCAL_ROLES)
    else:
        assert reply.json()["error"]["code"] == "invalid_api_key"
        assert reply.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "x-real-ip", "via"])
async def test_behind_a_proxy_nobody_is_local(store, header):
    async with client(store, address="127.0.0.1", host="127.0.0.1") as http:
        reply = await http.get("/v1/models", headers={header: "10.1.1.1"})
    assert reply.status_code == 401


async def test_with_keys_demanded_this_machine_needs_one_too(store):
    async with client(store, auth="keys", address="127.0.0.1", host="127.0.0.1") as http:
        assert (await http.get("/v1/models")).status_code == 401
        assert (await http.get("/v1/models", headers=bearer("none"))).status_code == 401
        assert (await http.get("/healthz")).status_code == 200


async def test_a_key_opens_what_its_scopes_say(store):
    made = store.create(a_key(scopes=("chat",)))
    async with client(store) as http:
        reply = await http.post("/v1/chat/completions", headers=bearer(made.secret))
        assert reply.json() == {"user": "审查科", "roles": [], "key": made.key.id, "case": ""}
        refused = await http.post("/v1/tools/compliance", headers=bearer(made.secret))
        assert refused.status_code == 403
        assert refused.json()["error"]["code"] == "scope_missing"
        unknown = await http.get("/v1/nothing", headers=bearer(made.secret))
        assert unknown.status_code == 403


async def test_wrong_ended_and_expired_keys_are_refused(store):
    good = store.create(a_key())
    expired = store.create(a_key(expires_at=NOW - timedelta(seconds=1)))
    ended = store.create(a_key())
    store.revoke(ended.key.id)
    wrong = good.secret[:-1] + ("A" if good.secret[-1] != "A" else "B")
    async with client(store) as http:
        for secret in (wrong, expired.secret, ended.secret, "cspon-x", "", "ü"):
            reply = await http.get("/v1/models", headers=bearer(secret.encode()))
            assert reply.status_code == 401, secret
        basic = {"authorization": f"Basic {good.secret}"}
        assert (await http.get("/v1/models", headers=basic)).status_code == 401
        assert (await http.get("/v1/models", headers=bearer(good.secret))).status_code == 200


async def test_a_key_revoked_by_another_process_is_refused_at_once(store, tmp_path):
    made = store.create(a_key())
    async with client(store) as http:
        assert (await http.get("/v1/models", headers=bearer(made.secret))).status_code == 200
        other = KeyStore(tmp_path / "keys.sqlite", SECRET)
        other.revoke(made.key.id)
        other.close()
        await asyncio.sleep(LOOK_EVERY_S)
        assert (await http.get("/v1/models", headers=bearer(made.secret))).status_code == 401


async def test_a_session_lasts_as_long_as_its_key(store):
    made = store.create(a_key())
    cookie = sign(made.key.id, SECRET)
    async with client(store) as http:
        page = {"cookie": f"{COOKIE}={cookie}"}
        assert (await http.get("/kb", headers=page)).status_code == 200
        false = {"cookie": f"{COOKIE}={cookie[:-1]}0"}
        assert (await http.get("/kb", headers=false)).status_code == 401 or cookie[-1] == "0"
        store.revoke(made.key.id)
        assert (await http.get("/kb", headers=page)).status_code == 401


async def test_a_session_that_has_ended_does_not_bar_the_way_to_sign_in(store):
    made = store.create(a_key())
    page = {"cookie": f"{COOKIE}={sign(made.key.id, SECRET)}", "accept": "text/html"}
    store.revoke(made.key.id)
    async with client(store) as http:
        assert (await http.get("/kb", headers=page)).headers["location"] == "/login?next=/kb"
        reply = await http.get("/login", headers=page)
        assert (reply.status_code, reply.json()["user"]) == (200, "")
        wrong = {**page, **bearer(made.secret), "accept": "*/*"}
        assert (await http.get("/healthz", headers=wrong)).status_code == 401


async def test_a_session_from_before_its_key_was_made_anew_is_over(store):
    made = store.create(a_key(created_at=NOW - timedelta(hours=1)))
    async with client(store) as http:
        for ago, status in ((3000, 200), (3700, 401)):
            cookie = sign(made.key.id, SECRET, now=NOW.timestamp() - ago)
            reply = await http.get("/kb", headers={"cookie": f"{COOKIE}={cookie}"})
            assert reply.status_code == status


async def test_refusals_have_the_format_of_the_routes(store):
    async with client(store) as http:
        for path in ("/ogc", "/ogc/processes/check_compliance"):
            reply = await http.get(path)
            assert reply.status_code == 401
            assert reply.headers["content-type"] == "application/problem+json"
            assert reply.headers["www-authenticate"].startswith("Bearer")
            told = reply.json()
            assert (told["status"], told["title"], told["instance"]) == (401, "需要密钥", path)
            assert (told["type"], told["code"]) == ("about:blank", "invalid_api_key")
        assert "error" in (await http.get("/ogcx")).json()


async def test_a_browser_is_led_to_the_login_page(store):
    async with client(store) as http:
        reply = await http.get("/kb/documents", headers={"accept": "text/html"})
    assert reply.status_code == 303
    assert reply.headers["location"] == "/login?next=/kb/documents"


async def test_a_case_number_is_taken_along_or_refused(store):
    made = store.create(a_key())
    async with client(store) as http:
        head = bearer(made.secret)
        good = await http.get("/v1/models", headers={**head, "x-cspon-case": "2026-17"})
        assert good.json()["case"] == "2026-17"
        named = {**head, "x-cspon-case": "自然资〔2026〕17号".encode()}
        assert (await http.get("/v1/models", headers=named)).json()["case"] == "自然资〔2026〕17号"
        bad = await http.get("/v1/models", headers={**head, "x-cspon-case": "a b<script>"})
        assert bad.status_code == 400


async def test_without_the_store_nobody_is_let_in(store):
    made = store.create(a_key())
    store.close()
    async with client(store) as http:
        reply = await http.get("/v1/models", headers=bearer(made.secret))
    assert reply.status_code == 503
    assert reply.json()["error"]["code"] == "not_ready"


def test_every_route_of_the_gateway_has_a_rule(tmp_path):
    from cspon.settings import Settings
    from serving.app import create_app

    app = create_app(Settings(_env_file=None, home=tmp_path))
    paths = app.openapi()["paths"]
    closed = [
        (method, path)
        for path, methods in paths.items()
        for method in methods
        if rule_for(method.upper(), path) is None
    ]
    assert len(paths) > 30
    assert closed == []


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "/v1/kb/search", "kb.read"),
        ("GET", "/v1/kb/documents/a/b", "kb.read"),
        ("DELETE", "/v1/kb/documents/a", "kb.write"),
        ("POST", "/v1/kb/documents", "kb.write"),
        ("POST", "/v1/library/rule/x/disable", "library.write"),
        ("POST", "/v1/library/rule/x/run", "library"),
        ("GET", "/ui/config", "pages"),
        ("GET", "/metrics", "metrics"),
    ],
)
def test_which_scope_a_route_needs(method, path, scope):
    assert rule_for(method, path).scope == scope


def test_what_is_not_listed_is_closed():
    assert rule_for("POST", "/healthz") is None
    assert rule_for("GET", "/v2/anything") is None
    assert rule_for("GET", "/v1/modelsx") is None


def test_a_store_that_cannot_be_opened_says_so(tmp_path):
    (tmp_path / "keys.sqlite").mkdir()
    with pytest.raises(SetupError, match="密钥库"):
        KeyStore(tmp_path / "keys.sqlite", SECRET)
