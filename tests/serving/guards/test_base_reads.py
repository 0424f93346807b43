"""What is asked of the base passes the guards as a tool's arguments do; what it holds is not changed."""

import json
from dataclasses import replace

import pytest

pytestmark = pytest.mark.component

SECRET = "机密★10年"
KEY = "AKIAIOSFODNN7EXAMPLE"
TITLE = "甲市矿坑修复管理办法"
PHONE = "13800138000"
LONG = "矿坑修复完成后由所在地主管部门会同有关单位组织验收，验收不合格的限期整改，" * 2
"""In a line this long a mark is not taken for the document's own when it is read in."""


def records(gateway):
    file = gateway.services.settings.home / "audit.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def base(tmp_path_factory, fakes, kb_texts, start_kb):
    """A base into which, past the checks of an upload, came a phone number, a key and a secrecy mark."""
    given = kb_texts.Text("open", TITLE, "青石料场", f"电话{PHONE}，口令 {KEY} ")
    marked = replace(
        given, title="己市矿坑修复通知", more=f"\n\n第五条 {LONG}矿坑修复附图{SECRET}另发。"
    )
    home = kb_texts.build(tmp_path_factory.mktemp("guarded"), [given, marked])
    with start_kb(home, fakes, kb_texts) as started:
        yield started


def ask(base, method, path, who="public", **asked):
    given = {"params": asked} if method == "GET" else {"json": asked}
    url, headers = f"{base.url}{path}", {"x-as": who}
    return base.http.request(method, url, headers=headers, **given)


@pytest.mark.parametrize(
    ("method", "path", "asked", "param"),
    [
        ("GET", "/v1/kb/search", {"query": f"附图（{SECRET}）"}, "query"),
        ("POST", "/v1/kb/search", {"query": "矿坑", "regions": [SECRET]}, "regions"),
        ("POST", "/v1/kb/cite", {"title": TITLE, "quote": f"附图{SECRET}"}, "quote"),
        ("POST", "/v1/kb/cite", {"title": TITLE, "point": f"附图{SECRET}"}, "point"),
    ],
)
def test_what_must_not_come_in_is_refused_and_on_record(base, method, path, asked, param):
    before = len(records(base))
    reply = ask(base, method, path, **asked)
    assert reply.status_code == 400
    error = reply.json()["error"]
    assert (error["code"], error["side"], error["param"]) == ("guard_blocked", "input", param)
    lines = records(base)[before:]
    assert [line["kind"] for line in lines] == ["guards"]
    assert list(lines[0]["found"]) == ["tool_input.block"]
    assert SECRET not in json.dumps(lines, ensure_ascii=False)


def test_the_pages_search_is_refused_alike(base):
    reply = base.http.get(f"{base.url}/kb", params={"q": SECRET}, headers={"x-as": "public"})
    assert reply.status_code == 400
    assert "secrecy.mark" in reply.text


def test_a_query_is_noted_and_searched_for_as_it_stands(base):
    before = len(records(base))
    reply = ask(base, "GET", "/v1/kb/search", query=f"矿坑修复 {PHONE}")
    assert reply.status_code == 200
    assert reply.json()["query"].endswith(PHONE)
    lines = records(base)[before:]
    assert lines[0]["found"] == {"tool_input.flag": {"person.mobile": 1}}
    assert PHONE not in json.dumps(lines)
    assert 'side="tool_input"' in base.http.get(f"{base.url}/metrics").text


def test_passages_go_out_word_for_word_and_what_is_in_them_is_noted(base):
    before = len(records(base))
    hits = ask(base, "GET", "/v1/kb/search", query=f"{TITLE}第一条").json()["hits"]
    text = next(hit["text"] for hit in hits if hit["label"] == f"《{TITLE}》第一条")
    assert f"电话{PHONE}，口令 {KEY}" in text
    noted = records(base)[before:][-1]["found"]
    assert set(noted["output.flag"]) >= {"person.mobile", "secret.password"}
    quote = text.split("，", 1)[1]
    cited = ask(base, "POST", "/v1/kb/cite", title=TITLE, article="第一条", quote=quote).json()
    assert (cited["verification"], cited["quote_score"]) == ("verified", 1.0)
    assert KEY in cited["quote"]


def test_a_passage_with_a_secrecy_mark_is_not_given(base):
    before = len(records(base))
    reply = ask(base, "GET", "/v1/kb/search", query="己市矿坑修复通知第五条 附图另发", k=50).json()
    assert reply["hits"]
    assert SECRET not in json.dumps(reply, ensure_ascii=False)
    assert "1 条结果因防护规则没有给出" in reply["notice"]
    assert records(base)[before:][-1]["found"]["output.block"] == {"secrecy.mark": 1}
    asked = {"title": "己市矿坑修复通知", "article": "第五条"}
    cited = ask(base, "POST", "/v1/kb/cite", **asked)
    assert cited.status_code == 400
    error = cited.json()["error"]
    assert (error["code"], error["side"]) == ("guard_blocked", "output")
    assert ask(base, "GET", "/v1/kb/articles", **asked).json()["error"] == error


def test_a_passage_at_its_place_leaves_out_a_marked_neighbour_and_is_not_given_itself(base):
    hits = ask(base, "GET", "/v1/kb/search", query="己市矿坑修复通知第四条", k=50).json()["hits"]
    fourth = next(hit["passage_id"] for hit in hits if hit["label"] == "《己市矿坑修复通知》第四条")
    address = f"/v1/kb/passages/{fourth.replace('#', '%23')}"
    reply = ask(base, "GET", address, before=5, after=5)
    assert [p["article"] for p in reply.json()["before"]] == ["第一条", "第二条", "第三条"]
    assert reply.json()["after"] == []
    assert fourth in {p["id"] for p in reply.json()["parent"]}
    assert SECRET not in reply.text
    assert address.endswith("%234")
    for fifth in (f"{address[:-1]}5", f"{address[:-1]}5/page.png"):
        error = ask(base, "GET", fifth).json()["error"]
        assert (error["code"], error["side"]) == ("guard_blocked", "output")
