"""Files taken into the base as a durable job: killed and gone on with, sent twice, cancelled, refused."""

import time

import pytest

from knowledge_base.catalogue import writer
from serving.access.secret import server_secret
from serving.access.store import KeyStore

ASYNC = {"prefer": "respond-async"}


def regulation(name):
    return (
        f"# {name}管理办法\n\n第一条 为了规范{name}的管理，制定本办法。\n\n"
        f"第二条 {name}应当编制方案，报县级人民政府批准。\n\n第三条 本办法自2024年5月1日起施行。\n"
    ).encode()


NAMES = ("甲市采石场", "乙市堆场", "丙市码头", "丁市取土场", "戊市渡口")


def upload(server, *names, again=None, headers=None, **fields):
    given = {**ASYNC, **(headers or {}), **({"idempotency-key": again} if again else {})}
    files = [("file", (f"{name}管理办法.md", regulation(name))) for name in names]
    return server.http.post("/v1/kb/documents", files=files, data=fields, headers=given)


def titles(server, headers=None):
    listed = server.http.get("/v1/kb/documents", headers=headers).json()["documents"]
    return sorted(view["document"]["title"] for view in listed)


def starts(server, number):
    """Return how often each step began."""
    folder = server.home / "jobs" / number
    return {int(file.stem): file.stat().st_size for file in folder.glob("*.attempts")}


def test_a_killed_ingest_goes_on_where_it_was(server):
    reply = upload(server, *NAMES, again="once")
    assert reply.status_code == 202, reply.text
    job = reply.json()
    number = job["id"]
    assert reply.headers["location"] == f"/v1/jobs/{number}"
    assert job["kind"] == "ingest"
    assert [step["title"] for step in job["steps"]][-1] == "写入知识库"
    while server.job(number)["steps"][1]["state"] != "done":
        pass
    server.kill()
    before = starts(server, number)
    server.start()
    ended = server.until(number, "done", "failed", seconds=120)
    assert ended["state"] == "done", ended
    assert {step["state"] for step in ended["steps"]} == {"done"}
    after = starts(server, number)
    assert after[0] == after[1] == 1
    assert sum(after.values()) <= len(NAMES) + 2, (
        before,
        after,
    )  # only the step that was broken off
    assert titles(server) == sorted(f"{name}管理办法" for name in NAMES)
    report = server.http.get(f"/v1/jobs/{number}/result").json()
    assert len(report["added"]) == len(NAMES)
    assert report["state"] == "done"
    assert not report["failures"]
    events = server.events(number)
    assert events[-1][0] == "end"
    assert not list((server.home / "jobs").glob("received-*"))
    twice = upload(server, *NAMES, again="once")
    assert (twice.status_code, twice.json()["id"]) == (200, number)
    other = upload(server, *NAMES[:2], again="once")
    assert other.status_code == 409
    assert titles(server) == sorted(f"{name}管理办法" for name in NAMES)


def test_a_broken_file_is_told_and_the_others_come_in(server):
    files = [
        ("file", ("甲市采石场管理办法.md", regulation("甲市采石场"))),
        ("file", ("空.txt", b"")),
        ("file", ("乙市堆场管理办法.md", regulation("乙市堆场"))),
    ]
    reply = server.http.post("/v1/kb/documents", files=files, headers=ASYNC)
    ended = server.until(reply.json()["id"], "done", "failed")
    report = server.http.get(f"/v1/jobs/{ended['id']}/result").json()
    assert len(report["added"]) == 2
    assert [failure["file"] for failure in report["failures"]] == ["空.txt"]
    assert report["failures"][0]["mend"]
    assert str(server.home) not in str(report)


def test_it_waits_while_another_process_writes(server):
    with writer(server.home / "kb"):
        number = upload(server, NAMES[0]).json()["id"]
        end = time.monotonic() + 3
        while time.monotonic() < end:
            assert server.job(number)["state"] in ("queued", "running")
            time.sleep(0.1)
    assert server.until(number, "done", "failed")["state"] == "done"
    assert titles(server) == [f"{NAMES[0]}管理办法"]


def test_a_report_above_what_one_may_see_by_now_is_kept_back(server):
    editor = {"scopes": ("kb.read", "kb.write", "jobs"), "roles": ("知识库管理员",)}
    _, headers = server.key("丁", clearance="内部", **editor)
    number = upload(server, NAMES[0], headers=headers, secrecy="内部").json()["id"]
    end = time.monotonic() + 60
    while (job := server.job(number, headers=headers))["state"] in ("queued", "running"):
        assert time.monotonic() < end, job
        time.sleep(0.1)
    assert job["state"] == "done", job
    result = f"/v1/jobs/{number}/result"
    assert len(server.http.get(result, headers=headers).json()["added"]) == 1
    _, lower = server.key("丁", clearance="公开", **editor)
    refused = server.http.get(result, headers=lower)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "beyond_permission")


def test_a_cancelled_ingest_leaves_the_base_as_it_was(server):
    number = upload(server, *NAMES).json()["id"]
    while server.job(number)["state"] == "queued":
        pass
    server.http.post(f"/v1/jobs/{number}/cancel")
    server.until(number, "cancelled", "done")
    assert server.http.get(f"/v1/jobs/{number}/result").status_code == 409
    again = server.until(upload(server, NAMES[0]).json()["id"], "done", "failed")
    assert again["state"] == "done"
    assert titles(server) == [f"{NAMES[0]}管理办法"]


@pytest.mark.parametrize(
    ("scopes", "roles", "code"),
    [
        (("kb.read", "jobs"), ("知识库管理员",), "scope_missing"),
        (("kb.read", "kb.write"), ("知识库管理员",), "scope_missing"),
        (("kb.read", "kb.write", "jobs"), (), "role_required"),
    ],
)
def test_who_may_not_is_refused(server, scopes, roles, code):
    _, headers = server.key("乙", scopes=scopes, roles=roles)
    reply = upload(server, NAMES[0], headers=headers)
    assert (reply.status_code, reply.json()["error"]["code"]) == (403, code)
    assert not list((server.home / "jobs").glob("job-*"))


def test_a_right_that_ended_meanwhile_ends_the_job(server):
    editor = {"scopes": ("kb.read", "kb.write", "jobs"), "roles": ("知识库管理员",)}
    key, headers = server.key("丙", **editor)
    number = upload(server, *NAMES, headers=headers).json()["id"]
    store = KeyStore(server.home / "keys.sqlite", server_secret(server.home / "server.secret"))
    store.revoke(key)
    store.close()
    _, same = server.key("丙", scopes=("jobs", "kb.read"))
    end = time.monotonic() + 60
    while (job := server.job(number, headers=same))["state"] in ("queued", "running"):
        assert time.monotonic() < end, job
        time.sleep(0.1)
    assert job["state"] == "failed", job
    assert "已失效" in job["steps"][-1]["error"]["message"]
    assert server.http.get("/v1/kb/documents").json().get("documents", []) == []
