"""The libraries through the gateway: read by all, switched by role, each change on record."""

import io
import json
import zipfile

import httpx
import pytest
import yaml

from cspon.schemas.agent import Principal
from cspon.schemas.base import Secrecy
from serving.access.caller import Caller
from serving.principal import current_caller
from tools.library.place import placed

SQUARE = (
    "POLYGON ((500000 3300000, 500200 3300000, 500200 3300100, 500000 3300100, 500000 3300000))"
)


@pytest.fixture
def served(gateway, county):
    with placed(None):  # the gateway says its own place; afterwards there is none again
        yield gateway(layers=county.folder)


def get(served, path, **more):
    return httpx.get(f"{served.url}/v1/library{path}", timeout=60, **more)


def post(served, path, **body):
    return httpx.post(f"{served.url}/v1/library{path}", json=body, timeout=60)


def lines(served):
    text = (served.services.settings.home / "audit.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_the_four_shelves_and_their_entries(served):
    shelves = {shelf["kind"]: shelf for shelf in get(served, "").json()}
    assert [s["title"] for s in shelves.values()] == ["指标库", "算子库", "规则库", "模型库"]
    listed = get(served, "/operator", params={"q": "缓冲"}).json()
    assert [e["id"] for e in listed["entries"]] == ["buffer"]
    assert listed["problems"] == []
    assert len(get(served, "/rule").json()["entries"]) == shelves["rule"]["entries"]


def test_an_entry_is_explained(served):
    reply = get(served, "/model/boundary_expansion").json()
    assert reply["entry"]["outputs"]["factor"]["unit"] == "倍"
    assert "```mermaid" in reply["markdown"]
    assert reply["history"] == []


@pytest.mark.parametrize("path", ["/rule/none_such", "/rule/..%2F..%2Fsecret", "/rule/a%00b"])
def test_what_is_not_there_is_404(served, path):
    reply = get(served, path)
    assert reply.status_code == 404
    assert str(served.services.settings.home) not in reply.text


def test_an_unknown_library_is_400(served):
    assert get(served, "/colour").status_code == 400


def test_switching_is_on_record_and_takes_effect(served):
    reply = post(served, "/operator/area/disable", reason="口径待定")
    assert reply.status_code == 200
    assert reply.json()["disabled_because"] == "口径待定"
    assert get(served, "/operator/area").json()["history"][0]["reason"] == "口径待定"
    last = lines(served)[-1]
    assert (last["kind"], last["entry"], last["reason"]) == ("library.disable", "area", "口径待定")
    inputs = {"layer": {"epsg": 4547, "features": [{"wkt": SQUARE}]}}
    refused = post(served, "/operator/area/run", inputs=inputs)
    assert refused.status_code == 422
    assert "已停用：口径待定" in refused.json()["error"]["message"]
    assert post(served, "/operator/area/enable", reason="已定").json()["enabled"]
    done = post(served, "/operator/area/run", inputs=inputs).json()
    assert done["data"]["outputs"]["area"] == {
        "title": "面积", "type": "number", "value": 2.0, "unit": "ha",
    }  # fmt: skip
    assert lines(served)[-1]["tools"] == ["operator:area@1"]


def test_a_reason_is_needed(served):
    assert post(served, "/operator/area/disable").status_code == 400
    assert post(served, "/operator/area/disable", reason="").status_code == 400
    assert post(served, "/operator/area/disable", reason="  ").status_code == 422


def test_without_the_role_nothing_is_switched(served):
    nobody = Principal(user="guest")
    served.app.dependency_overrides[current_caller] = lambda: Caller(nobody)
    for path in ("/rule/grassland/disable", "/rule/grassland/enable"):
        reply = post(served, path, reason="x")
        assert reply.status_code == 403
        assert "知识库管理员" in reply.json()["error"]["message"]
    assert post(served, "/rule/validate").status_code == 403
    assert get(served, "/rule/grassland").json()["entry"]["enabled"]


def test_an_indicator_is_computed_on_the_catalogue(served):
    done = post(served, "/indicator/expansion_factor/run", inputs={"urban_land_2020": "40 ha"})
    assert done.json()["data"]["outputs"]["value"]["value"] == pytest.approx(1.4, abs=1e-4)


def test_a_result_above_the_callers_clearance_is_not_handed_out(served):
    nobody = Principal(user="guest", clearance=Secrecy.PUBLIC)
    served.app.dependency_overrides[current_caller] = lambda: Caller(nobody)
    catalogue = served.services.settings.layers / "layers.yaml"
    before = catalogue.read_text(encoding="utf-8")
    raw = yaml.safe_load(before)
    next(x for x in raw["layers"] if x["role"] == "land_use")["secrecy"] = "内部"
    try:
        catalogue.write_text(yaml.safe_dump(raw, allow_unicode=True), encoding="utf-8")
        assert post(served, "/indicator/cultivated_land_area/run").status_code == 403
        farmland = post(served, "/indicator/permanent_basic_farmland_area/run")
        assert farmland.status_code == 200
    finally:
        catalogue.write_text(before, encoding="utf-8")


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({}, "缺少输入"),
        ({"urban_land_2020": 40}, "缺少单位"),
        ({"urban_land_2020": "40 ha", "boundary": "/etc/passwd"}, "图层"),
    ],
)
def test_wrong_inputs_are_422_and_open_no_file(served, inputs, words):
    reply = post(served, "/indicator/expansion_factor/run", inputs=inputs)
    assert reply.status_code == 422
    assert words in reply.json()["error"]["message"]


def test_validation_and_export(served):
    report = post(served, "/model/validate").json()
    assert report["checked"] >= 2
    assert report["problems"] == []
    reply = get(served, "/model/export")
    assert reply.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(reply.content)) as archive:
        assert "shipped/model/boundary_expansion.yaml" in archive.namelist()
