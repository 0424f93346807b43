"""Every tool over HTTP, on a county whose areas can be worked out in the head."""

import io
import json
import zipfile

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
    quality = tools["check_plan_database"]
    assert quality["available"]
    assert quality["parameters"]["properties"]["database"]["x-cspon-upload"] == "database"
    compared = tools["compare_plan_versions"]["parameters"]
    assert compared["properties"]["before"]["x-cspon-upload"] == "version"
    assert compared["required"] == ["before", "after"]
    assert "book" not in tools["assess_implementation"]["parameters"]["properties"]
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
        ("check_plan_database", {"database": "/etc"}, 404, "文件"),
        ("check_plan_database", {"database": {"a": 1}}, 422, "编号"),
        ("check_plan_database", {"database": "data-" + "0" * 32}, 404, "文件"),
        ("check_plan_database", {"pack": "/etc"}, 422, "/etc"),
        ("assess_indicators", {"grades": "x"}, 422, "grades"),
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


def send(gateway, name, content):
    reply = httpx.post(
        f"{gateway.url}/v1/files", files={"file": (name, content)}, data={"purpose": "data"}
    )
    assert reply.status_code == 200, reply.text
    return reply.json()["id"]


def folder_as_zip(folder):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder))
    return out.getvalue()


@pytest.mark.component
def test_versions_that_are_sent_are_compared_as_on_the_command_line(served, county):
    from tools.plan_versions.compare import compare_plan_versions

    number = send(served, "规划.zip", folder_as_zip(county.folder))
    reply = call(served, "compare_plan_versions", before=number, after=number, role="land_use")
    assert reply.status_code == 200, reply.text
    here = compare_plan_versions(county.folder, county.folder, role="land_use")
    assert reply.json()["data"] == here.model_dump(mode="json")["data"]
    assert str(served.services.settings.home) not in reply.text
    assert httpx.delete(f"{served.url}/v1/files/{number}").json()["deleted"]
    gone = call(served, "compare_plan_versions", before=number, after=number)
    assert gone.status_code == 404
    kinds = [
        json.loads(line)["kind"]
        for line in (served.services.settings.home / "audit.jsonl").read_text().splitlines()
    ]
    assert kinds == ["file.upload", "tool", "file.delete"]


@pytest.mark.component
def test_a_database_that_is_sent_is_checked(served, county):
    from tools.quality_check.check import check_plan_database

    number = send(served, "成果.zip", folder_as_zip(county.folder))
    reply = call(served, "check_plan_database", database=number)
    assert reply.status_code == 200, reply.text
    here = check_plan_database(county.folder).model_dump(mode="json")
    assert [t["rows"] for t in reply.json()["tables"]][1:] == [t["rows"] for t in here["tables"]][
        1:
    ]
    assert str(served.services.settings.home) not in reply.text


def test_a_table_that_is_sent_fills_the_statistics(served):
    table = "年份,指标项,单位,数值\n2025,用水总量,万立方米,20\n"
    number = send(served, "统计.csv", table.encode())
    reply = call(served, "compute_indicators", ids=["total_water_use"], statistics=number)
    assert reply.status_code == 200, reply.text
    wrong = send(served, "统计.csv", "年份\n2025\n".encode())
    told = call(served, "compute_indicators", ids=["total_water_use"], statistics=wrong)
    assert told.status_code == 422
    assert "缺少列" in told.json()["error"]["message"]
    assert str(served.services.settings.home) not in told.text
