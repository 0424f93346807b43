"""No way of writing a path reaches a route under another scope than its own."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.routing import Match, Route

from cspon.settings import Settings
from serving.access.scopes import RULES, rule_for
from serving.relay.engines import PATHS

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW")


@pytest.fixture(scope="module")
def routes(tmp_path_factory):
    from serving.app import create_app

    folder = tmp_path_factory.mktemp("paths")
    app = create_app(Settings(_env_file=None, home=folder, layers=folder))
    found = list(_flat(app.routes))
    assert len(found) > 50
    return found


def _flat(routes):
    """Routers that are included may stand as one entry with routes of their own."""
    for route in routes:
        if isinstance(route, Route):
            yield route
        else:
            inner = getattr(route, "effective_route_contexts", None)
            yield from (
                (context.starlette_route or context.original_route for context in inner())
                if inner
                else _flat(getattr(route, "routes", ()))
            )


def sample(route):
    return re.sub(r"\{[^}]*\}", "x", route.path)


def matching(routes, method, path):
    scope = {"type": "http", "method": method, "path": path, "root_path": "", "headers": []}
    return next((r for r in routes if r.matches(scope)[0] == Match.FULL), None)


PIECES = (
    "/", "//", "/./", "/../", "..", ".", "%2e", "%2F", "\\", ";", "?", "#", "\n", "\r", "\x00", " ", "x",
    "v1", "V1", "healthz", "login", "metrics", "models", "kb", "assets", "ui", "enable", "search",
    "chat", "completions", "é", "／",
)  # fmt: skip


@settings(max_examples=400)
@given(data=st.data())
def test_a_path_that_reaches_a_route_needs_the_scope_of_that_route(routes, data):
    start = data.draw(st.sampled_from(sorted({sample(route) for route in routes})))
    method = data.draw(st.sampled_from(METHODS))
    path = start
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(path)))
        cut = data.draw(st.integers(0, 6))
        path = path[:at] + data.draw(st.sampled_from(PIECES)) + path[at + cut :]
    route = matching(routes, method, path)
    if route is None:
        return
    rule = rule_for(method, path)
    assert rule is None or rule == rule_for(method, sample(route)), (method, path, route.path)


def test_the_search_for_routes_finds_them(routes):
    assert matching(routes, "GET", "/v1/models").path == "/v1/models"
    assert matching(routes, "GET", "//v1/models") is None
    assert matching(routes, "GET", "/v1/kb/../models/x") is not matching(
        routes, "GET", "/v1/models"
    )


@pytest.mark.parametrize("path", sorted(PATHS))
def test_what_the_relay_takes_needs_a_scope(path):
    rule = rule_for("POST", path)
    assert rule is not None and rule.scope in ("chat", "embeddings")


def test_only_what_anybody_may_see_is_open():
    open_rules = [rule.path.pattern for rule in RULES if rule.scope is None and not rule.any_key]
    assert open_rules == [
        r"/healthz|/readyz", r"/login", r"/login/oidc(/callback)?", r"/favicon\.ico|/manifest\.json|/kb/assets/[^/]+",
    ]  # fmt: skip
