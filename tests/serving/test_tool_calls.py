"""Every tool over HTTP, on a county whose areas can be worked out in the head."""

import json

import httpx
import pytest


@pytest.fixture
def served(gateway, county):
    return gateway(layers=county.folder)


def call(gateway, name, **arguments):
    return httpx.post(f"{gateway.url}/v1/tools/{name}", json=arguments, timeout=60)


def test_the_list_says_what_can_be_called_and_how(served):
    tools = {t["name"]: t for t in httpx.get(f"{served.url}/v1/tools").json()["data"]}
    check = tools["check_compliance"]
    assert check["available"]
    assert set(check["parameters"]["properties"]) == {
        "boundary", "project_type", "asked_on", "sliver_m2", "epsg",
    }  # fmt: skip
    assert check["parameters"]["required"] == ["boundary"]
    assert not tools["check_plan_database"]["available"]
    assert "database" in tools["check_plan_database"]["why"]
    for tool in tools.values():
        properties = set(tool["parameters"]["properties"])
        assert not properties & {"layers", "clearance", "workers", "out", "overwrite"}


def test_a_tool_gives_what_its_own_endpoint_gives(served, geojson):
    reply = call(served, "check_compliance", boundary=geojson, project_type="industrial_park")
    assert reply.status_code == 200, reply.text
    own = httpx.post(
        f"{served.url}/v1/tools/compliance",
        json={"boundary": geojson, "project_type": "industrial_park"},
        timeout=60,
    ).json()
    assert reply.json()["data"] == own["data"]
    records = (served.services.settings.home / "audit.jsonl").read_text().splitlines()
    assert json.loads(records[0])["tools"] == json.loads(records[1])["tools"]
    metrics = httpx.get(f"{served.url}/metrics").text
    counted = next(x for x in metrics.splitlines() if x.startswith("cspon_tool_calls_total"))
    assert '"check_compliance"' in counted
    assert counted.endswith(" 2.0")


def test_an_uploaded_boundary_is_named_by_its_id(served, geojson):
    stored = httpx.post(
        f"{served.url}/v1/files", files={"file": ("产业园.geojson", json.dumps(geojson))}
    ).json()
    reply = call(served, "planning_conditions", parcel=stored["id"])
    assert reply.status_code == 200, reply.text
    assert reply.json()["tool"] == "planning_conditions"
    assert str(served.services.settings.layers) not in reply.text
    assert str(served.services.settings.home) not in reply.text


@pytest.mark.parametrize(
    ("name", "arguments", "status", "word"),
    [
        ("check_compliance", {"boundary": "/etc/passwd"}, 404, "文件"),
        ("check_compliance", {"boundary": "file-" + "0" * 32}, 404, "文件"),
        ("check_compliance", {"boundary": 7}, 422, "GeoJSON"),
        ("check_compliance", {"layers": "/etc"}, 422, "layers"),
        ("extract_base_data", {"out": "x.gpkg"}, 422, "out"),
        ("extract_base_data", {"clearance": "敏感"}, 422, "clearance"),
        ("check_plan_database", {"database": "/etc"}, 409, "命令行"),
        ("no_such_tool", {}, 404, "no_such_tool"),
    ],
)
def test_what_the_server_decides_is_not_taken_from_callers(served, name, arguments, status, word):
    reply = call(served, name, **arguments)
    assert reply.status_code == status, reply.text
    assert word in reply.json()["error"]["message"]


def test_layers_above_the_callers_clearance_give_no_result(gateway, county, geojson, tmp_path):
    secret = county.make_county(tmp_path)
    secret.entry("permanent_basic_farmland")["secrecy"] = "敏感"
    secret.save()
    served = gateway(layers=tmp_path)
    reply = call(served, "check_compliance", boundary=geojson)
    assert reply.status_code == 403
    assert reply.json()["error"]["code"] == "beyond_permission"
