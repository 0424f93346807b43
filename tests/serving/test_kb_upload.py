"""Uploads: role and ceilings, batches that outlive their client, progress, failures with their mend."""

import io
import json
import re
import threading
import time
import zipfile

import pytest

from serving.kb_received import document_name

REGULATION = (
    "# 辛市采石场关闭办法\n\n第一条 为了规范采石场关闭，制定本办法。\n\n"
    "第二条 采石场关闭应当编制关闭方案。\n\n第三条 本办法自2024年5月1日起施行。\n"
).encode()


def upload(gateway, *files, who="chief", **fields):
    return gateway.http.post(
        f"{gateway.url}/v1/kb/documents",
        files=[("file", file) for file in files],
        data=fields,
        headers={"x-as": who},
    )


def wait(gateway, number, who="chief"):
    """Follow a batch by its events to the end; return all that was said."""
    url = f"{gateway.url}/v1/kb/ingests/{number}/events"
    said = []
    with gateway.http.stream("GET", url, headers={"x-as": who}) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        for line in stream.iter_lines():
            if line.startswith("data: "):
                said.append(json.loads(line.removeprefix("data: ")))
    assert said[-1]["state"] not in ("queued", "running")
    return said


def titles(gateway, who="chief"):
    listed = gateway.http.get(f"{gateway.url}/v1/kb/documents", headers={"x-as": who}).json()
    return {view["document"]["title"] for view in listed["documents"]}


def zipped(**members):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in members.items():
            archive.writestr(name.replace("_md", ".md"), data)
    return content.getvalue()


@pytest.fixture
def slow(kb_gateway, monkeypatch):
    """A gateway whose ingest waits for a signal between two steps."""
    from knowledge_base.ingest import build

    real, gate = build.add_paths, threading.Event()

    def add_paths(folder, paths, *, progress, **given):
        progress("读取 1/4 个文件，0.5/2.0 MB，0.25 MB/秒，12 条，约剩 6 秒：甲.md")
        gate.wait(30)
        progress("读取 2/4 个文件")
        return real(folder, paths, progress=progress, **given)

    monkeypatch.setattr(build, "add_paths", add_paths)
    kb_gateway.gate = gate
    yield kb_gateway
    gate.set()


def test_files_and_a_zip_come_in_and_failures_say_the_mend(kb_gateway):
    reply = upload(
        kb_gateway,
        ("辛市采石场关闭办法.md", REGULATION),
        (
            "批量.zip",
            zipped(
                壬市堆场管理办法_md=REGULATION.replace("辛市采石场".encode(), "壬市堆场".encode())
            ),
        ),
        ("空.txt", b""),
        ("机密.md", "机密★十年\n\n关于某事项的通知\n".encode()),
        secrecy="内部",
    )
    assert reply.status_code == 202, reply.text
    batch = reply.json()
    assert reply.headers["location"] == f"/v1/kb/ingests/{batch['id']}"
    assert batch["state"] in ("queued", "running")
    end = wait(kb_gateway, batch["id"])[-1]
    assert end["state"] == "done", end
    assert len(end["added"]) == 2
    failed = {failure["file"]: failure for failure in end["failures"]}
    assert set(failed) == {"空.txt", "机密.md"}
    assert "涉密" in failed["机密.md"]["message"]
    assert all(failure["mend"] for failure in failed.values())
    assert str(kb_gateway.services.settings.home) not in json.dumps(end, ensure_ascii=False)
    assert {"辛市采石场关闭办法", "壬市堆场关闭办法"} <= titles(kb_gateway)
    assert "辛市采石场关闭办法" not in titles(kb_gateway, who="public")
    assert not list((kb_gateway.services.settings.home / "ingests").iterdir())
    lines = (kb_gateway.services.settings.home / "audit.jsonl").read_text(encoding="utf-8")
    records = [json.loads(line) for line in lines.splitlines()]
    states = [record["state"] for record in records if record["kind"] == "kb.ingest"]
    assert states == ["started", "done"]


@pytest.mark.parametrize(
    ("who", "fields", "code"),
    [
        ("internal", {}, "role_required"),
        ("cleared", {}, "role_required"),
        ("editor", {"secrecy": "敏感"}, "beyond_permission"),
        ("editor", {"department": "规划科"}, "beyond_permission"),
        ("editor", {"roles": "评审专家"}, "beyond_permission"),
    ],
)
def test_role_and_ceilings(restricted, who, fields, code):
    reply = upload(restricted, ("甲.md", REGULATION), who=who, **fields)
    assert (reply.status_code, reply.json()["error"]["code"]) == (403, code)
    assert not list((restricted.services.settings.home / "ingests").glob("*"))


@pytest.mark.parametrize(
    ("files", "fields", "status"),
    [
        ((), {}, 400),
        ((("无扩展名", b"x"),), {}, 422),
        ((("甲.md", REGULATION),), {"secrecy": "绝密"}, 400),
        ((("甲.md", REGULATION),), {"colour": "red"}, 400),
        ((("甲.md", REGULATION),), {"ocr": "perhaps"}, 400),
    ],
)
def test_wrong_requests(restricted, files, fields, status):
    reply = upload(restricted, *(files or [("", b"")]), **fields)
    assert reply.status_code == status, reply.text
    assert reply.json()["error"]["message"]


def test_a_client_that_leaves_stops_nothing_and_batches_queue(slow):
    first = upload(slow, ("辛市采石场关闭办法.md", REGULATION)).json()["id"]
    url = f"{slow.url}/v1/kb/ingests/{first}"
    with slow.http.stream("GET", f"{url}/events", headers={"x-as": "chief"}) as stream:
        next(stream.iter_lines())  # then the client goes
    for _ in range(100):
        shown = slow.http.get(url).json()
        if shown["done"]:
            break
        time.sleep(0.05)
    assert (shown["state"], shown["done"], shown["total"]) == ("running", 1, 4)
    assert shown["rate"] == "0.25 MB/秒，约剩 6 秒"
    waiting = [
        upload(
            slow, (f"{name}市采石场关闭办法.md", REGULATION.replace("辛".encode(), name.encode()))
        )
        for name in "壬癸子丑"
    ]
    assert [reply.status_code for reply in waiting] == [202, 202, 202, 409]
    assert waiting[0].json()["state"] == "queued"
    number = slow.http.get(f"{slow.url}/v1/kb/documents").json()["documents"][0]["document"]["id"]
    busy = slow.http.patch(f"{slow.url}/v1/kb/documents/{number}", json={"note": "x"})
    assert (busy.status_code, busy.json()["error"]["code"]) == (409, "ingest_running")
    cancelled = waiting[1].json()["id"]
    slow.http.delete(f"{slow.url}/v1/kb/ingests/{cancelled}")
    slow.gate.set()
    ends = {n: wait(slow, n)[-1]["state"] for n in (first, *(r.json()["id"] for r in waiting[:3]))}
    assert ends.pop(cancelled) == "cancelled"
    assert set(ends.values()) == {"done"}
    assert "壬市采石场关闭办法" in titles(slow)
    assert "癸市采石场关闭办法" not in titles(slow)
    listed = slow.http.get(f"{slow.url}/v1/kb/ingests").json()
    assert len(listed) == 4


def test_another_user_does_not_see_the_batch(slow):
    number = upload(slow, ("辛市采石场关闭办法.md", REGULATION)).json()["id"]
    for who in ("editor", "cleared"):
        for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/events")):
            reply = slow.http.request(
                method, f"{slow.url}/v1/kb/ingests/{number}{path}", headers={"x-as": who}
            )
            assert reply.status_code == 404
    slow.gate.set()
    assert wait(slow, number)[-1]["state"] == "done"


def test_a_failure_of_the_whole_batch_leaves_the_base_as_it_was(kb_gateway, monkeypatch):
    from knowledge_base.ingest import build

    def add_paths(folder, paths, **given):
        raise OSError(28, "No space left on device", str(folder))

    before = titles(kb_gateway)
    monkeypatch.setattr(build, "add_paths", add_paths)
    number = upload(kb_gateway, ("辛市采石场关闭办法.md", REGULATION)).json()["id"]
    end = wait(kb_gateway, number)[-1]
    assert end["state"] == "failed"
    assert number in end["mend"]
    assert str(kb_gateway.services.settings.home) not in json.dumps(end)
    assert titles(kb_gateway) == before


def test_the_same_bytes_as_a_hidden_text_come_in_as_any_other(kb_gateway, kb_home, kb_texts):
    sensitive = next(text for text in kb_texts.TEXTS if text.name == "sensitive")
    content = (kb_home / "sources" / f"{sensitive.title}.md").read_bytes()
    reply = upload(kb_gateway, ("另名.md", content), who="editor")
    end = wait(kb_gateway, reply.json()["id"], who="editor")[-1]
    assert (len(end["added"]), end["unchanged"], end["notices"]) == (1, [], [])
    assert f"{sensitive.title}.md" not in json.dumps(end, ensure_ascii=False)
    other = upload(kb_gateway, ("他.md", REGULATION), who="editor").json()
    shape = re.compile(r".+@[0-9a-f]{8}~f~[0-9a-f]{6}")
    for number in (*end["added"], *wait(kb_gateway, other["id"], who="editor")[-1]["added"]):
        assert shape.fullmatch(number)


@pytest.mark.parametrize("name", ["癸市要点规定.md", "癸市要点规定(2024-05-01).md"])
def test_an_uploader_replaces_nothing_that_they_may_not_know(kb_gateway, name):
    """A file of the name, title and version of a hidden text comes in beside it."""
    text = "# 癸市要点规定\n\n第一条 {}。\n\n第二条 本规定自2024年5月1日起施行。\n"
    hidden = upload(kb_gateway, (name, text.format("原有内容").encode()), secrecy="敏感")
    assert wait(kb_gateway, hidden.json()["id"])[-1]["state"] == "done"
    own = upload(kb_gateway, (name, text.format("另一份同名规定").encode()), who="editor")
    end = wait(kb_gateway, own.json()["id"], who="editor")[-1]
    assert (end["state"], len(end["added"]), end["notices"]) == ("done", 1, [])
    listed = kb_gateway.http.get(f"{kb_gateway.url}/v1/kb/documents", params={"text": "癸市"})
    levels = [view["document"]["secrecy"] for view in listed.json()["documents"]]
    assert sorted(levels) == ["公开", "敏感"]


def test_the_first_batch_makes_the_base(fakes, kb_texts, start_kb, tmp_path):
    with start_kb(tmp_path / "home", fakes, kb_texts) as started:
        assert started.services.knowledge_base is None
        started.services.missing["store"] = "知识库尚未建立"
        fresh = kb_texts.embedder()
        started.services.embedder = fresh
        number = upload(started, ("辛市采石场关闭办法.md", REGULATION)).json()["id"]
        assert wait(started, number)[-1]["state"] == "done"
        assert titles(started) == {"辛市采石场关闭办法"}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("土地管理法(2019-08-26).md", "土地管理法(2019-08-26).md"),
        ("../../etc/passwd.TXT", "passwd.txt"),
        ("C:\\文件\\城市、镇规划.docx", "城市、镇规划.docx"),
        (".隐藏.md", "隐藏.md"),
        ("甲\x00乙\u202e.pdf", "甲乙.pdf"),
        ("长" * 300 + ".pdf", "长" * 65 + ".pdf"),
    ],
)
def test_names_are_safe_and_keep_the_title(given, kept):
    assert document_name(given) == kept
