"""OGC API – Processes, held against what the standard requires of each document."""

import httpx
import pytest

EXCEPTIONS = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/"


@pytest.fixture
def served(gateway, county):
    return gateway(layers=county.folder)


def get(gateway, path):
    return httpx.get(f"{gateway.url}/ogc{path}", timeout=60)


def run(gateway, name, **body):
    return httpx.post(f"{gateway.url}/ogc/processes/{name}/execution", json=body, timeout=60)


def refs(value):
    if isinstance(value, dict):
        return ("$ref" in value) or any(refs(item) for item in value.values())
    return isinstance(value, list) and any(refs(item) for item in value)


def test_the_landing_page_leads_to_everything(served):
    links = get(served, "/").json()["links"]
    relations = {link["rel"]: link["href"] for link in links}
    assert set(relations) == {
        "self", "service-desc",
        "http://www.opengis.net/def/rel/ogc/1.0/conformance",
        "http://www.opengis.net/def/rel/ogc/1.0/processes",
        "http://www.opengis.net/def/rel/ogc/1.0/job-list",
    }  # fmt: skip
    for href in relations.values():
        assert httpx.get(href).status_code == 200, href
    declared = get(served, "/conformance").json()["conformsTo"]
    assert any(one.endswith("/conf/ogc-process-description") for one in declared)
    assert not any("callback" in one or one.endswith("/conf/core") for one in declared)


def test_processes_are_listed_page_by_page(served):
    listed = get(served, "/processes").json()
    names = [p["id"] for p in listed["processes"]]
    assert "check_compliance" in names
    for one in listed["processes"]:
        assert one["version"]
        assert one["jobControlOptions"] == ["sync-execute", "async-execute", "dismiss"]
        assert one["outputTransmission"] == ["value"]
    found, href = [], f"{served.url}/ogc/processes?limit=5"
    while href:
        page = httpx.get(href).json()
        assert len(page["processes"]) <= 5
        found += [p["id"] for p in page["processes"]]
        href = next((x["href"] for x in page["links"] if x["rel"] == "next"), None)
    assert found == names


def test_each_description_stands_alone(served):
    for one in get(served, "/processes").json()["processes"]:
        described = get(served, f"/processes/{one['id']}").json()
        assert set(described["outputs"]) == {"result"}
        assert not refs(described), one["id"]
        for field in described["inputs"].values():
            assert field["title"]
            assert field["minOccurs"] in (0, 1)
            assert isinstance(field["schema"], dict)


@pytest.mark.parametrize("qualified", [True, False])
def test_an_execution_gives_what_the_tool_gives(served, geojson, qualified):
    boundary = {"value": geojson, "mediaType": "application/geo+json"} if qualified else geojson
    inputs = {"boundary": boundary, "project_type": "industrial_park"}
    raw = run(served, "check_compliance", inputs=inputs)
    assert raw.status_code == 200, raw.text
    own = httpx.post(
        f"{served.url}/v1/tools/check_compliance",
        json=inputs | {"boundary": geojson}, timeout=60,
    ).json()  # fmt: skip
    assert raw.json()["data"] == own["data"]
    named = run(served, "check_compliance", inputs=inputs, response="document").json()
    assert named["result"]["value"]["data"] == own["data"]


@pytest.mark.parametrize(
    ("name", "body", "status", "kind"),
    [
        ("no_such", {"inputs": {}}, 404, EXCEPTIONS + "no-such-process"),
        ("check_compliance", {"inputs": {"boundary": {"href": "http://x/"}}}, 422, "about:blank"),
        ("check_compliance", {"inputs": {"layers": "/etc"}}, 422, "about:blank"),
        ("check_compliance", {"inputs": []}, 422, "about:blank"),
        ("check_compliance", {"inputs": {}}, 400, "about:blank"),
        ("check_compliance", {"inputs": {}, "response": "x"}, 422, "about:blank"),
        ("check_compliance", {"inputs": {}, "outputs": {"x": {}}}, 422, "about:blank"),
    ],
)
def test_errors_are_problems(served, name, body, status, kind):
    reply = run(served, name, **body)
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    told = reply.json()
    assert told["type"] == kind
    assert told["status"] == status
    assert told["title"]
    assert told["detail"]


def test_a_job_that_is_not_there(served):
    reply = get(served, "/jobs/7")
    assert reply.status_code == 404
    assert reply.json()["type"] == EXCEPTIONS + "no-such-job"


def test_without_a_key_nothing_is_told(gateway, county):
    served = gateway(layers=county.folder, auth="keys")
    assert get(served, "/processes").status_code == 401
    assert run(served, "check_compliance", inputs={}).status_code == 401
