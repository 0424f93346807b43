"""Files of a call, and who may have them."""

import io
import json
import os
import time
import zipfile

import httpx
import pytest

from cspon.schemas.agent import Principal
from cspon.schemas.base import Secrecy
from serving import limits, tool_results
from serving.access.caller import Caller
from serving.principal import current_caller
from serving.problems import ApiError
from serving.tool_results import ResultFiles

CALLERS = {
    "甲": Principal(user="甲"),
    "乙": Principal(user="乙"),
    "管理员": Principal(user="管理员", roles=("知识库管理员",)),
    "甲-公开": Principal(user="甲", clearance=Secrecy.PUBLIC),
}
KEYS = {"甲": "jia", "乙": "yi", "管理员": "admin", "甲-公开": "low"}


@pytest.fixture
def served(gateway, county):
    from fastapi import Request

    by_key = {KEYS[name]: principal for name, principal in CALLERS.items()}

    def who(request: Request):
        return Caller(by_key[request.headers["x-as"]])

    started = gateway(layers=county.folder)
    started.app.dependency_overrides[current_caller] = who
    return started


def http(served, name):
    return httpx.Client(base_url=served.url, headers={"x-as": KEYS[name]}, timeout=120)


def zip_of(folder):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder))
    return out.getvalue()


def send(client, name, content, purpose="data"):
    reply = client.post("/v1/files", files={"file": (name, content)}, data={"purpose": purpose})
    assert reply.status_code == 200, reply.text
    return reply.json()["id"]


def test_the_files_of_a_call_are_had_by_its_caller_alone(served, geojson):
    with http(served, "甲") as own:
        reply = own.post(
            "/v1/tools/check_compliance", params={"files": True}, json={"boundary": geojson}
        )
        assert reply.status_code == 200, reply.text
        files = {f["filename"].rpartition(".")[2]: f for f in reply.json()["files"]}
        assert "gpkg" in files
        got = own.get(files["gpkg"]["content"])
        assert got.status_code == 200
        assert got.content.startswith(b"SQLite format 3")
        assert len(got.content) == files["gpkg"]["bytes"]
        for name in ("乙", "管理员"):
            with http(served, name) as other:
                for answer in (
                    other.get(files["gpkg"]["content"]),
                    other.delete(f"/v1/files/{files['gpkg']['id']}"),
                ):
                    assert answer.status_code == 404
        assert own.delete(f"/v1/files/{files['gpkg']['id']}").status_code == 200
        assert own.get(files["gpkg"]["content"]).status_code == 404


def test_base_data_come_as_an_archive(served):
    with http(served, "甲") as own:
        reply = own.post(
            "/v1/tools/extract_base_data", params={"files": True}, json={"names": ["DLTB"]}
        )
        assert reply.status_code == 200, reply.text
        (archive,) = (f for f in reply.json()["files"] if f["filename"].endswith(".zip"))
        names = zipfile.ZipFile(io.BytesIO(own.get(archive["content"]).content)).namelist()
    assert any(name.endswith(".gpkg") for name in names)
    assert "cspon-made-" not in reply.text


def test_nobody_uses_or_removes_what_another_sent(served, county, geojson):
    with http(served, "甲") as own:
        ids = {
            "boundary": send(own, "a.geojson", json.dumps(geojson).encode(), "boundary"),
            "before": send(own, "a.zip", zip_of(county.folder)),
        }
        for name in ("乙", "管理员"):
            with http(served, name) as other:
                answers = [
                    other.post("/v1/tools/check_compliance", json={"boundary": ids["boundary"]}),
                    other.post("/v1/tools/check_plan_database", json={"database": ids["before"]}),
                    other.post(
                        "/v1/tools/compare_plan_versions",
                        json={"before": ids["before"], "after": ids["before"]},
                    ),
                    *(other.delete(f"/v1/files/{number}") for number in ids.values()),
                ]
            for answer in answers:
                assert answer.status_code == 404, answer.text
                assert answer.json()["error"]["code"] == "file_not_found"
        for number in ids.values():
            assert own.delete(f"/v1/files/{number}").status_code == 200
    kinds = [
        (line["kind"], line["user"])
        for line in map(
            json.loads, (served.services.settings.home / "audit.jsonl").read_text().splitlines()
        )
    ]
    assert kinds.count(("file.delete", "甲")) == 2
    assert ("file.delete", "乙") not in kinds


def test_a_plan_comparison_over_http_is_that_of_python(served, county):
    from tools.plan_versions.compare import compare_plan_versions

    with http(served, "甲") as own:
        number = send(own, "一版.zip", zip_of(county.folder))
        reply = own.post(
            "/v1/tools/compare_plan_versions",
            params={"files": True},
            json={"before": number, "after": number, "role": "land_use"},
        )
    assert reply.status_code == 200, reply.text
    here = compare_plan_versions(county.folder, county.folder, role="land_use")
    assert reply.json()["data"] == here.model_dump(mode="json")["data"]
    assert any(f["filename"].endswith(".docx") for f in reply.json()["files"])
    assert str(served.services.settings.home) not in reply.text


def test_too_many_heavy_calls_are_told_to_come_back(served, county, monkeypatch):
    monkeypatch.setattr(limits.heavy_tools, "most", 0)
    with http(served, "甲") as own:
        number = send(own, "一版.zip", zip_of(county.folder))
        reply = own.post("/v1/tools/check_plan_database", json={"database": number})
        assert reply.status_code == 429
        assert int(reply.headers["retry-after"]) > 0
        assert own.get("/healthz").status_code == 200


def test_kept_files_expire_and_the_oldest_give_way(tmp_path):
    store = ResultFiles(tmp_path / "results", most_bytes=10)

    def made(content, owner="甲", secrecy=Secrecy.PUBLIC):
        (file := tmp_path / "a.csv").write_bytes(content)
        return store.keep(file, "表", owner, secrecy)

    first = made(b"123456")
    other = made(b"123456", "乙")
    os.utime(first.path)
    second = made(b"12345678")
    with pytest.raises(ApiError):
        store.get(first.id, CALLERS["甲"])
    assert store.get(second.id, CALLERS["甲"]).bytes == 8
    assert store.get(other.id, CALLERS["乙"])
    inner = made(b"1", secrecy=Secrecy.INTERNAL)
    assert store.get(inner.id, CALLERS["甲"])
    with pytest.raises(ApiError):
        store.get(inner.id, CALLERS["甲-公开"])
    with pytest.raises(ApiError):
        store.get("result-../../x", CALLERS["甲"])


def test_after_a_day_a_file_is_gone(tmp_path, monkeypatch):
    store = ResultFiles(tmp_path / "results")
    (tmp_path / "a.csv").write_bytes(b"1")
    kept = store.keep(tmp_path / "a.csv", "表", "甲", Secrecy.PUBLIC)
    later = time.time() + tool_results.KEEP_S + 1
    monkeypatch.setattr(tool_results.time, "time", lambda: later)
    with pytest.raises(ApiError):
        store.get(kept.id, CALLERS["甲"])
