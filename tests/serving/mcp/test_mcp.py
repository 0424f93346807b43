"""The tools as the official client of the Model Context Protocol sees them."""

import json
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from serving.access.keys import Key


@pytest.fixture
def served(gateway, county):
    return gateway(layers=county.folder)


@pytest.fixture
def keyed(gateway, county):
    return gateway(layers=county.folder, auth="keys")


@asynccontextmanager
async def client(gateway, secret=None):
    headers = {"authorization": f"Bearer {secret}"} if secret else {}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(f"{gateway.url}/mcp", http_client=http)) as mcp,
    ):
        yield mcp


def issue(gateway, **facts):
    now = datetime.now(UTC)
    made = Key(id="", user="u", created_at=now, expires_at=now + timedelta(days=1), **facts)
    return gateway.services.keys.create(made).secret


def told(reply):
    return reply.content[0].text


async def test_every_tool_is_listed_with_title_schemas_and_hints(served):
    async with client(served) as mcp:
        tools = {t.name: t for t in (await mcp.list_tools()).tools}
    entries = httpx.get(f"{served.url}/v1/tools").json()["data"]
    callable_ = {e["name"] for e in entries if e["available"]}
    assert set(tools) == callable_ | {"search_regulations", "cite_clause"}
    check = tools["check_compliance"]
    assert check.title
    assert check.input_schema["required"] == ["boundary"]
    assert "provenance" in check.output_schema["properties"]
    assert all(t.annotations.read_only_hint for t in tools.values())


async def test_a_call_gives_what_the_endpoint_gives_and_is_on_record(served, geojson):
    arguments = {"boundary": geojson, "project_type": "industrial_park"}
    async with client(served) as mcp:
        reply = await mcp.call_tool("check_compliance", arguments)
    assert not reply.is_error, told(reply)
    own = httpx.post(f"{served.url}/v1/tools/check_compliance", json=arguments, timeout=60).json()
    given = reply.structured_content
    for result in (own, given):
        result["provenance"].pop("elapsed_ms")
    assert given == own
    assert json.loads(told(reply))["data"] == own["data"]
    records = (served.services.settings.home / "audit.jsonl").read_text().splitlines()
    assert json.loads(records[0])["tools"] == json.loads(records[1])["tools"]


@pytest.mark.parametrize(
    ("name", "arguments", "word"),
    [
        ("check_compliance", {"boundary": "/etc/passwd"}, "文件"),
        ("check_compliance", {"boundary": 7}, "处理办法"),
        ("check_compliance", {"layers": "/etc"}, "可用"),
        ("no_such_tool", {}, "no_such_tool"),
        ("search_regulations", {"query": ""}, "query"),
    ],
)
async def test_a_wrong_call_is_a_result_that_says_what_is_wrong(served, name, arguments, word):
    async with client(served) as mcp:
        reply = await mcp.call_tool(name, arguments)
    assert reply.is_error
    assert word in told(reply)


async def test_a_result_above_the_clearance_is_not_given(gateway, county, geojson, tmp_path):
    secret = county.make_county(tmp_path)
    secret.entry("permanent_basic_farmland")["secrecy"] = "敏感"
    secret.save()
    async with client(gateway(layers=tmp_path)) as mcp:
        reply = await mcp.call_tool("check_compliance", {"boundary": geojson})
    assert reply.is_error
    assert "beyond_permission" in told(reply)
    assert reply.structured_content is None


async def test_a_key_opens_its_own_tools_only(keyed, geojson):
    secret = issue(keyed, scopes=("tools",), tools=("planning_conditions",))
    async with client(keyed, secret) as mcp:
        assert [t.name for t in (await mcp.list_tools()).tools] == ["planning_conditions"]
        refused = await mcp.call_tool("check_compliance", {"boundary": geojson})
        read = await mcp.call_tool("search_regulations", {"query": "耕地"})
        fine = await mcp.call_tool("planning_conditions", {"parcel": geojson})
    assert refused.is_error
    assert read.is_error
    assert "tool_not_allowed" in told(refused)
    assert "tool_not_allowed" in told(read)
    assert not fine.is_error, told(fine)


@pytest.mark.parametrize(("scopes", "status"), [(None, 401), (("chat",), 403)])
def test_without_a_fitting_key_nothing_is_told(keyed, scopes, status):
    headers = {"authorization": f"Bearer {issue(keyed, scopes=scopes)}"} if scopes else {}
    assert post(keyed, headers).status_code == status


def test_a_page_of_another_site_is_refused(served):
    assert post(served, {"origin": "http://elsewhere.example"}).status_code == 403
    assert post(served, {"host": "elsewhere.example"}).status_code == 401
    assert post(served, {"origin": served.url}).status_code == 200


def test_there_is_no_stream_without_a_request(served):
    assert httpx.get(f"{served.url}/mcp").status_code == 405


def test_messages_count_against_the_budget(keyed):
    secret = issue(keyed, scopes=("tools", "usage"))
    headers = {"authorization": f"Bearer {secret}"}
    for _ in range(3):
        assert post(keyed, headers).status_code == 200
    used = httpx.get(f"{keyed.url}/v1/usage?by=endpoint", headers=headers).json()["data"]
    assert any("/mcp" in line.values() and line["requests"] == 3 for line in used), used


def post(gateway, headers):
    message = {
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": {"name": "t", "version": "1"},
        },
    }  # fmt: skip
    accepts = {"accept": "application/json, text/event-stream"}
    return httpx.post(f"{gateway.url}/mcp", json=message, headers=accepts | headers)


async def test_a_child_process_serves_the_person_at_this_machine(county, geojson, tmp_path):
    child = StdioServerParameters(
        command=sys.executable,
        args=["-m", "cspon.cli", "mcp"],
        env={"CSPON_HOME": str(tmp_path), "CSPON_LAYERS": str(county.folder)},
    )
    async with Client(child) as mcp:
        tools = [t.name for t in (await mcp.list_tools()).tools]
        reply = await mcp.call_tool("check_compliance", {"boundary": geojson})
        wrong = await mcp.call_tool("check_compliance", {"boundary": 7})
    assert "check_compliance" in tools
    assert not reply.is_error, told(reply)
    assert reply.structured_content["tool"] == "check_compliance"
    assert wrong.is_error
