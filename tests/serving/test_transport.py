"""What every answer carries, whoever gives it, and what is refused before it reaches a route."""

import http.client

import pytest

SECURITY = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


@pytest.fixture
def closed(gateway):
    """A gateway that wants a key from everybody."""
    return gateway(auth="keys")


def ask(started, method, path, headers=None, body=None):
    host = started.url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=10)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        reply = connection.getresponse()
        reply.read()
        return reply.status, {name.lower(): value for name, value in reply.getheaders()}
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/models", 200),
        ("GET", "/healthz", 200),
        ("GET", "/login", 200),
        ("GET", "/nowhere", 404),
        ("DELETE", "/v1/models", 405),
        ("POST", "/v1/chat/completions", 400),
        ("GET", "/v1/usage/", 307),
        ("TRACE", "/v1/models", 405),
        ("OPTIONS", "/v1/models", 405),
    ],
)
def test_every_answer_has_an_id_and_the_security_headers(plain, method, path, status):
    got, headers = ask(plain, method, path, {"origin": "http://elsewhere.example"})
    assert got == status
    assert headers["x-request-id"].startswith("req-")
    assert SECURITY.items() <= headers.items()
    assert "frame-ancestors" in headers["content-security-policy"]
    assert not [name for name in headers if name.startswith("access-control-")]
    assert "location" not in headers or headers["location"].endswith("/v1/usage")


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 401), ({"authorization": "Bearer cspon-wrong"}, 401), ({"x-cspon-case": "a b"}, 400)],
)
def test_refusals_at_the_gate_carry_them_too(closed, headers, status):
    got, told = ask(closed, "GET", "/v1/models", {"x-request-id": "mine-12345", **headers})
    assert got == status
    assert told["x-request-id"] == "mine-12345"
    assert SECURITY.items() <= told.items()
    assert "content-security-policy" in told
    assert ("www-authenticate" in told) == (status == 401)


@pytest.mark.parametrize("path", ["//v1/models", "/v1//models", "/v1/%2e%2e/healthz", "/V1/models",
                                  "/healthz/../v1/models", "/v1/models%00", "/healthz%2f..%2fv1%2fmodels"])  # fmt: skip
def test_tricks_with_paths_open_nothing(closed, path):
    assert ask(closed, "GET", path)[0] == 401


def test_a_browser_is_led_to_the_sign_in_page_and_nowhere_else(closed):
    status, headers = ask(
        closed, "GET", "//elsewhere.example/%0d%0aset-cookie:a=b", {"accept": "text/html"}
    )
    assert status == 303
    assert headers["location"].startswith("/login?next=")
    assert "set-cookie" not in headers
    assert "\n" not in headers["location"]


def test_no_server_is_named(plain):
    for path in ("/v1/models", "/nowhere"):
        _, headers = ask(plain, "GET", path)
        assert "x-powered-by" not in headers


def test_only_https_is_told_to_stay_so(plain):
    assert "strict-transport-security" not in ask(plain, "GET", "/healthz")[1]
