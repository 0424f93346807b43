"""Nothing leaks over HTTP: every route of the knowledge base, every kind of principal, every text.

What a principal may not read must answer, byte for byte, as what does not exist; and a base that
holds a 敏感 text must answer those who may not know of it exactly as a base that does not hold it.
"""

import json
import re

import pytest

MISSING = "己市矿坑修复无此规定@00000000~f"
SUBJECT = "矿坑修复方案批准"

# (method, path) → requests that name one document, as (path, arguments)
BY_ID = {
    ("GET", "/v1/kb/documents/{document_id:path}"): lambda d: [(f"/v1/kb/documents/{d}", {})],
    ("PATCH", "/v1/kb/documents/{document_id:path}"): lambda d: [
        (f"/v1/kb/documents/{d}", {"json": {"note": "改"}})
    ],
    ("DELETE", "/v1/kb/documents/{document_id:path}"): lambda d: [(f"/v1/kb/documents/{d}", {})],
    ("GET", "/v1/kb/passages/{passage_id:path}"): lambda d: [(f"/v1/kb/passages/{d}%232", {})],
    ("GET", "/v1/kb/passages/{passage_id:path}/page.png"): lambda d: [
        (f"/v1/kb/passages/{d}%232/page.png", {}),
        (f"/v1/kb/passages/{d}%232/page.png?page=1&dpi=50", {}),
    ],
    ("GET", "/v1/kb/graph"): lambda d: [("/v1/kb/graph", {"params": {"passage_id": f"{d}#2"}})],
    ("GET", "/kb/open"): lambda d: [("/kb/open", {"params": {"passage": f"{d}#2"}})],
    ("GET", "/kb/document"): lambda d: [("/kb/document", {"params": {"id": d}})],
    ("GET", "/kb/graph"): lambda d: [("/kb/graph", {"params": {"passage_id": f"{d}#2"}})],
}
# requests that name a document by its title
BY_TITLE = {
    ("GET", "/v1/kb/articles"): lambda t: (
        "/v1/kb/articles",
        {"params": {"title": t, "article": "第二条"}},
    ),
    ("POST", "/v1/kb/cite"): lambda t: (
        "/v1/kb/cite",
        {"json": {"title": t, "article": "第二条", "quote": "矿坑修复应当编制修复方案"}},
    ),
    ("GET", "/v1/kb/graph"): lambda t: (
        "/v1/kb/graph",
        {"params": {"title": t, "article": "第二条"}},
    ),
    ("GET", "/kb/graph"): lambda t: ("/kb/graph", {"params": {"title": t, "article": "2"}}),
}
# requests that name none
OPEN = {
    ("GET", "/v1/kb/search"): [
        ("/v1/kb/search", {"params": {"query": SUBJECT, "k": 50, "include_repealed": True}}),
        ("/v1/kb/search", {"params": {"query": SUBJECT, "kinds": "部门规章"}}),
    ],
    ("POST", "/v1/kb/search"): [("/v1/kb/search", {"json": {"query": SUBJECT, "k": 50}})],
    ("GET", "/v1/kb/documents"): [
        ("/v1/kb/documents", {}),
        ("/v1/kb/documents", {"params": {"text": "矿坑"}}),
    ],
    ("GET", "/v1/kb/ingests"): [("/v1/kb/ingests", {})],
    ("GET", "/v1/kb/ingests/{ingest_id}"): [("/v1/kb/ingests/ingest-0", {})],
    ("DELETE", "/v1/kb/ingests/{ingest_id}"): [("/v1/kb/ingests/ingest-0", {})],
    ("GET", "/v1/kb/ingests/{ingest_id}/events"): [("/v1/kb/ingests/ingest-0/events", {})],
    ("GET", "/kb"): [("/kb", {}), ("/kb", {"params": {"q": SUBJECT, "repealed": True}})],
    ("GET", "/kb/documents"): [("/kb/documents", {})],
    ("GET", "/kb/ingest"): [("/kb/ingest", {})],
    ("GET", "/kb/assets/{name}"): [("/kb/assets/kb.css", {})],
    ("POST", "/v1/kb/documents"): [],  # its refusals are tested with uploads
}
NAMES = ("open", "internal", "sensitive", "department", "role")
WHO = ("public", "internal", "cleared", "member", "expert", "editor", "chief")


def ask(gateway, who, method, path, arguments):
    return gateway.http.request(method, f"{gateway.url}{path}", headers={"x-as": who}, **arguments)


def same(reply):
    """What a caller sees, but for the id of the request."""
    headers = {k: v for k, v in reply.headers.items() if k not in ("x-request-id", "date")}
    return reply.status_code, headers, reply.content


def escaped(text):
    """As the data in a page's script element has it."""
    return json.dumps(text).strip('"')


@pytest.fixture(scope="module")
def ids(restricted, kb_texts):
    """Document ids by the texts' names."""
    known = restricted.services.knowledge_base.documents(principal=kb_texts.PRINCIPALS["chief"])
    by_title = {document.title: document.id for document in known}
    found = {text.name: by_title[text.title] for text in kb_texts.TEXTS}
    assert sorted(found) == sorted(NAMES)
    return found


def test_every_route_is_tried(restricted):
    included = [
        getattr(route, "original_router", restricted.app) for route in restricted.app.routes
    ]
    routes = {
        (method, route.path)
        for router in included
        for route in router.routes
        if getattr(route, "path", "").startswith(("/v1/kb", "/kb"))
        for method in route.methods - {"HEAD"}
    }
    assert routes == set(BY_ID) | set(BY_TITLE) | set(OPEN)


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("route", BY_ID, ids=lambda r: f"{r[0]} {r[1]}")
def test_what_may_not_be_read_answers_as_what_is_not_there(restricted, kb_texts, ids, who, route):
    method = route[0]
    for text in kb_texts.TEXTS:
        readable = text.name in kb_texts.READABLE[who]
        if method != "GET" and readable and who in ("editor", "chief"):
            continue  # it would be changed
        missing = MISSING.replace("己市", "己" + text.title[1])
        for (path, arguments), (no_path, no_arguments) in zip(
            BY_ID[route](ids[text.name]), BY_ID[route](missing), strict=True
        ):
            reply = ask(restricted, who, method, path, arguments)
            if readable and method == "GET" and "page.png" not in path:
                assert reply.status_code == 200, reply.text
                assert text.title in reply.text
                continue
            if not readable:
                assert text.word not in reply.text
                assert text.title not in reply.text
                assert same(reply) == same(ask(restricted, who, method, no_path, no_arguments))
            assert reply.status_code == (
                404 if method == "GET" or who in ("editor", "chief") else 403
            )


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("route", BY_TITLE, ids=lambda r: f"{r[0]} {r[1]}")
def test_a_title_that_may_not_be_known_answers_as_an_unknown_one(restricted, kb_texts, who, route):
    for text in kb_texts.TEXTS:
        path, arguments = BY_TITLE[route](text.title)
        reply = ask(restricted, who, route[0], path, arguments)
        if text.name in kb_texts.READABLE[who]:
            assert reply.status_code == 200, reply.text
            continue
        assert text.word not in reply.text
        if text.name == "sensitive":
            unknown = text.title.replace("丙市", "庚市")
            path, arguments = BY_TITLE[route](unknown)
            other = ask(restricted, who, route[0], path, arguments)
            assert reply.status_code == other.status_code
            said = reply.text.replace(text.title, unknown)
            assert said.replace(escaped(text.title), escaped(unknown)) == other.text


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("route", OPEN, ids=lambda r: f"{r[0]} {r[1]}")
def test_lists_and_hits_hold_only_what_may_be_read(restricted, kb_texts, ids, who, route):
    for path, arguments in OPEN[route]:
        reply = ask(restricted, who, route[0], path, arguments)
        assert reply.status_code in (200, 404), reply.text
        for text in kb_texts.TEXTS:
            if text.name not in kb_texts.READABLE[who]:
                assert text.word not in reply.text
                assert text.title not in reply.text
                assert ids[text.name] not in reply.text


def test_search_finds_all_that_may_be_read(restricted, kb_texts):
    for who in WHO:
        found = ask(restricted, who, *("GET", *OPEN["GET", "/v1/kb/search"][0])).json()["hits"]
        titles = {text.title for text in kb_texts.TEXTS if text.name in kb_texts.READABLE[who]}
        assert {hit["title"] for hit in found} == titles


@pytest.mark.parametrize("who", ["public", "internal", "member", "expert", "editor"])
def test_a_sensitive_text_leaves_no_trace(
    restricted, fakes, kb_texts, ids, tmp_path_factory, who, without_sensitive
):
    requests = [(route[0], *request) for route, requests in OPEN.items() for request in requests]
    for name in NAMES:
        if name != "sensitive" and name in kb_texts.READABLE[who]:
            requests += [
                (route[0], *request)
                for route, make in BY_ID.items()
                if route[0] == "GET"
                for request in make(ids[name])
            ]
    for text in kb_texts.TEXTS:
        requests += [(route[0], *make(text.title)) for route, make in BY_TITLE.items()]
    requests += [("GET", "/readyz", {})]
    assert len(requests) > 30
    for method, path, arguments in requests:
        with_it = ask(restricted, who, method, path, arguments)
        without_it = ask(without_sensitive, who, method, path, arguments)
        assert same(with_it)[0::2] == same(without_it)[0::2], (path, arguments)


@pytest.fixture(scope="module")
def without_sensitive(tmp_path_factory, fakes, kb_texts, start_kb):
    """A gateway on a base that holds everything but the 敏感 text."""
    texts = [text for text in kb_texts.TEXTS if text.name != "sensitive"]
    home = kb_texts.build(tmp_path_factory.mktemp("blind"), texts)
    with start_kb(home, fakes, kb_texts) as started:
        yield started


def test_errors_do_not_tell_the_folder(restricted, kb_home, ids):
    replies = [
        ask(restricted, "chief", "GET", "/v1/kb/passages/%2e%2e%2f%2e%2e%2fetc%2fpasswd", {}),
        ask(restricted, "chief", "GET", "/v1/kb/passages/..%2F..%2Fkb%2FCURRENT/page.png", {}),
        ask(restricted, "chief", "GET", f"/v1/kb/documents/{'x' * 5000}", {}),
        ask(restricted, "chief", "GET", "/kb/assets/..%2ftemplates%2fframe.html", {}),
        ask(restricted, "chief", "GET", "/kb/assets/kb.css%00", {}),
        ask(restricted, "chief", "GET", f"/v1/kb/passages/{ids['open']}%232/page.png", {}),
    ]
    for reply in replies:
        assert reply.status_code == 404
        assert str(kb_home) not in reply.text
        assert not re.search(r"root:|generation", reply.text)
