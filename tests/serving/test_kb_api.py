"""The knowledge base's API: shapes, limits, places, citations, records; management by role."""

import json

import pytest


@pytest.fixture(scope="module")
def get(restricted):
    def ask(path, who="chief", **params):
        return restricted.http.get(f"{restricted.url}{path}", params=params, headers={"x-as": who})

    return ask


def records(gateway):
    lines = (gateway.services.settings.home / "audit.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in lines.splitlines()]


def test_search_gives_citation_label_validity_and_place(get):
    reply = get("/v1/kb/search", query="甲市矿坑修复管理办法第二条", k=3)
    assert reply.status_code == 200
    hit = reply.json()["hits"][0]
    assert hit["label"] == "《甲市矿坑修复管理办法》第二条"
    assert hit["validity"] == "现行有效"
    assert hit["effective_from"] == "2024-01-01"
    assert hit["place"]["open"].startswith("/kb/open?passage=")
    assert hit["place"]["image"] is None
    assert hit["place"]["ordinal"] == 1
    assert hit["routes"]


def test_search_by_body_and_by_parameters_agree(get, restricted):
    asked = {"query": "矿坑修复方案", "k": 4, "date": "2024-06-01", "levels": ["国家", "市"]}
    posted = restricted.http.post(
        f"{restricted.url}/v1/kb/search", json=asked, headers={"x-as": "chief"}
    )
    assert posted.json() == get("/v1/kb/search", **asked).json()


def test_search_for_a_day_before_the_law_finds_it_only_on_request(get):
    query = "甲市矿坑修复管理办法第二条"
    before = get("/v1/kb/search", query=query, date="2020-01-01").json()["hits"]
    assert not [hit for hit in before if hit["validity"] == "现行有效"]
    asked = get("/v1/kb/search", query=query, date="2020-01-01", include_repealed=True).json()
    assert asked["hits"][0]["validity"] == "尚未施行"
    assert "尚未施行" in asked["hits"][0]["note"]


@pytest.mark.parametrize(
    ("path", "params", "param"),
    [
        ("/v1/kb/search", {}, "query"),
        ("/v1/kb/search", {"query": "  "}, "query"),
        ("/v1/kb/search", {"query": "甲" * 501}, "query"),
        ("/v1/kb/search", {"query": "甲", "k": 51}, "k"),
        ("/v1/kb/search", {"query": "甲", "date": "昨天"}, "date"),
        ("/v1/kb/search", {"query": "甲", "kinds": ["法"] * 21}, "kinds"),
        ("/v1/kb/search", {"query": "甲", "kindz": "法律"}, "kindz"),
        ("/v1/kb/articles", {"title": "甲市矿坑修复管理办法"}, "article"),
        ("/v1/kb/graph", {"title": "甲", "up": 9}, "up"),
        ("/v1/kb/graph", {}, "passage_id"),
        ("/v1/kb/documents", {"limit": 501}, "limit"),
        ("/v1/kb/passages/x/page.png", {"dpi": 4000}, "dpi"),
    ],
)
def test_limits_name_the_parameter(get, path, params, param):
    reply = get(path, **params)
    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == param


def test_article_with_its_versions(get):
    reply = get("/v1/kb/articles", title="甲市矿坑修复管理办法", article="2").json()
    assert reply["label"] == "《甲市矿坑修复管理办法》第二条"
    assert reply["passage"]["article_key"] == "2"
    assert [v["validity"] for v in reply["versions"]] == ["现行有效"]


def test_cite_verifies_the_words(restricted):
    def cite(quote):
        return restricted.http.post(
            f"{restricted.url}/v1/kb/cite",
            json={"title": "甲市矿坑修复管理办法", "article": "第二条", "quote": quote},
            headers={"x-as": "chief"},
        ).json()

    right = cite("矿坑修复应当编制修复方案")
    assert (right["verification"], right["quote_score"]) == ("verified", 1.0)
    assert cite("矿坑修复由国务院统一审批并公告")["verification"] == "contradicted"


def test_graph_goes_both_ways(get):
    view = get("/v1/kb/graph", title="甲市矿坑修复管理办法", article="第二条").json()
    assert view["root"]["in_base"] is True
    relations = {(edge["source"].partition("市")[0], edge["relation"]) for edge in view["edges"]}
    assert ("乙", "引用") in relations


def test_passage_with_its_neighbours(get):
    hit = get("/v1/kb/search", query="甲市矿坑修复管理办法第二条", k=1).json()["hits"][0]
    address = f"/v1/kb/passages/{hit['passage_id'].replace('#', '%23')}"
    reply = get(address, before=1, after=1).json()
    assert [p["article"] for p in reply["before"]] == ["第一条"]
    assert [p["article"] for p in reply["after"]] == ["第三条"]
    image = get(f"{address}/page.png")
    assert (image.status_code, image.json()["error"]["code"]) == (404, "no_page_image")


def test_document_says_who_found_each_field_and_lists_its_passages(get):
    documents = get("/v1/kb/documents", text="甲市").json()
    assert documents["total"] == 1
    number = documents["documents"][0]["document"]["id"]
    reply = get(f"/v1/kb/documents/{number}").json()
    assert [line["label"] for line in reply["passages"]] == [
        "第一条",
        "第二条",
        "第三条",
        "第四条",
    ]
    assert reply["editable"] is True
    assert get(f"/v1/kb/documents/{number}", who="internal").json()["editable"] is False


def test_every_read_is_on_record_without_the_question(get, restricted):
    get("/v1/kb/search", who="internal", query="何处可以查到矿坑")
    last = records(restricted)[-1]
    assert (last["kind"], last["user"]) == ("kb.search", "internal")
    assert last["question"].startswith("sha256:")
    assert "何处" not in json.dumps(last, ensure_ascii=False)
    get("/v1/kb/documents/no-such", who="internal")
    last = records(restricted)[-1]
    assert (last["kind"], last["refused"]) == ("kb.document", "not_found_or_not_permitted")


def test_withheld_says_that_there_is_more_but_not_what(get):
    """A cleared reader has it all; the public one is told, but for 敏感 texts never."""
    inner = get("/v1/kb/search", who="public", query="赤铜料场内部工作程序").json()
    assert inner["withheld"] is True
    assert "没有查看权限" in inner["notice"]
    secret = get("/v1/kb/search", who="public", query="玄铁料场知悉范围").json()
    assert secret["withheld"] is False


def test_without_a_base_every_route_says_how_to_build_one(gateway):
    started = gateway()
    import httpx

    for path in ("/v1/kb/search?query=甲", "/v1/kb/documents", "/kb?q=甲", "/kb/documents"):
        reply = httpx.get(f"{started.url}{path}", timeout=60)
        assert reply.status_code == 503
        assert "cspon kb build-laws" in reply.text


class TestManagement:
    """Metadata and removal, on a base of its own."""

    def document(self, gateway, text="甲市"):
        listed = gateway.http.get(f"{gateway.url}/v1/kb/documents", params={"text": text}).json()
        return listed["documents"][0]["document"]["id"]

    def test_edit_then_remove(self, kb_gateway):
        http, url = kb_gateway.http, kb_gateway.url
        number = self.document(kb_gateway)
        changes = {"issuer": "甲市人民政府", "effective_to": "2025-01-01"}
        edited = http.patch(f"{url}/v1/kb/documents/{number}", json=changes)
        assert edited.status_code == 200, edited.text
        document = edited.json()["document"]
        assert document["issuer"] == "甲市人民政府"
        assert document["found_by"]["issuer"] == "person"
        assert edited.json()["validity"] == "已废止"
        hits = http.get(f"{url}/v1/kb/search", params={"query": "甲市矿坑修复管理办法第二条"})
        assert "甲市矿坑修复管理办法" not in {h["title"] for h in hits.json()["hits"]}

        assert http.delete(f"{url}/v1/kb/documents/{document['id']}").json()["deleted"] is True
        assert http.get(f"{url}/v1/kb/documents/{document['id']}").status_code == 404
        kinds = [(r["kind"], r.get("state")) for r in records(kb_gateway)]
        assert ("kb.edit", "permitted") in kinds
        assert ("kb.edit", "done") in kinds
        assert ("kb.remove", "done") in kinds

    def test_wrong_values_are_refused(self, kb_gateway):
        url = f"{kb_gateway.url}/v1/kb/documents/{self.document(kb_gateway)}"
        for changes, status in (
            ({"titel": "x"}, 400),
            ({"kind": "小说"}, 422),
            ({"effective_to": "2001-01-01"}, 422),
        ):
            reply = kb_gateway.http.patch(url, json=changes)
            assert reply.status_code == status, reply.text
            assert reply.json()["error"]["message"]

    def test_roles_and_reach(self, kb_gateway):
        url = f"{kb_gateway.url}/v1/kb/documents/{self.document(kb_gateway)}"
        http = kb_gateway.http
        reader = http.patch(url, json={"note": "x"}, headers={"x-as": "expert"})
        assert (reader.status_code, reader.json()["error"]["code"]) == (403, "role_required")
        for changes in ({"secrecy": "敏感"}, {"department": "规划科"}, {"roles": ["评审专家"]}):
            beyond = http.patch(url, json=changes, headers={"x-as": "editor"})
            assert (beyond.status_code, beyond.json()["error"]["code"]) == (
                403,
                "beyond_permission",
            )
        raised = http.patch(url, json={"secrecy": "敏感"})
        assert raised.status_code == 200, raised.text
        assert http.get(url, headers={"x-as": "editor"}).status_code == 404
