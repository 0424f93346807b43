"""The compliance endpoint on a county whose areas can be worked out in the head."""

import io
import json
import tempfile
import zipfile
from pathlib import Path

import httpx
import numpy as np
import pyogrio.raw
import pytest
import shapely

JSON = {"content-type": "application/json"}


@pytest.fixture
def served(gateway, county):
    return gateway(layers=county.folder)


def post(gateway, name, content, **data):
    return httpx.post(
        f"{gateway.url}/v1/tools/compliance",
        files={"file": (name, content)},
        data=data,
        timeout=60,
    )


def line(result, role):
    return next(entry for entry in result["data"]["lines"] if entry["role"] == role)


def ogr(folder, name, driver, geometry, **options):
    path = Path(folder) / name
    pyogrio.raw.write(
        path,
        geometry=shapely.to_wkb(np.array([geometry], dtype=object)),
        field_data=[np.array(["产业园"], dtype=object)],
        fields=["NAME"],
        driver=driver,
        geometry_type="Polygon",
        crs="EPSG:4547",
        **options,
    )
    return path


def zipped(folder):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for part in Path(folder).glob("项目.*"):
            archive.write(part, f"子目录/{part.name}")
        archive.writestr("说明.doc", b"x")
    return content.getvalue()


@pytest.fixture
def shapefile_zip(tmp_path, county):
    ogr(tmp_path, "项目.shp", "ESRI Shapefile", county.local(200, 100, 400, 300))
    return zipped(tmp_path)


def test_geojson_upload_is_measured_and_recorded(served, geojson):
    before = set(Path(tempfile.gettempdir()).glob("cspon-boundary-*"))
    reply = post(served, "产业园.geojson", json.dumps(geojson), project_type="industrial_park")
    assert reply.status_code == 200, reply.text
    result = reply.json()
    assert line(result, "permanent_basic_farmland")["area_ha"] == pytest.approx(2, abs=1e-3)
    assert result["data"]["verdict"] == "不符合"
    assert result["synthetic"] is True
    assert set(Path(tempfile.gettempdir()).glob("cspon-boundary-*")) == before
    assert tempfile.gettempdir() not in reply.text
    record = json.loads((served.services.settings.home / "audit.jsonl").read_text())
    assert (record["kind"], record["verdict"], record["user"]) == ("tool", "不符合", "local")
    assert record["inputs"] == result["provenance"]["inputs"]
    assert record["request_id"] == reply.headers["x-request-id"]
    metrics = httpx.get(f"{served.url}/metrics").text
    assert 'cspon_tool_calls_total{outcome="ok",tool="check_compliance"} 1.0' in metrics


def test_every_format_gives_the_same_area(plain, county, geojson, shapefile_zip, tmp_path):
    package = ogr(tmp_path, "项目.gpkg", "GPKG", county.local(200, 100, 400, 300)).read_bytes()
    areas = set()
    for name, content in (
        ("a.geojson", json.dumps(geojson)),
        ("b.zip", shapefile_zip),
        ("c.gpkg", package),
    ):
        reply = post(plain, name, content)
        assert reply.status_code == 200, (name, reply.text)
        areas.add(line(reply.json(), "permanent_basic_farmland")["area_ha"])
    assert len(areas) == 1


def test_inline_geojson_with_epsg(plain, geojson):
    bare = {key: value for key, value in geojson.items() if key != "crs"}
    reply = httpx.post(
        f"{plain.url}/v1/tools/compliance",
        json={"boundary": bare, "epsg": 4547, "name": "内联", "project_type": "industrial_park"},
        timeout=60,
    )
    assert reply.status_code == 200, reply.text
    assert reply.json()["data"]["area_ha"] == pytest.approx(4, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "content", "status", "says"),
    [
        ("a.pdf", b"x", 422, "不支持的文件类型"),
        ("a.shp", b"x", 422, "zip"),
        ("a.geojson", b"", 422, "空的"),
        ("a.geojson", b"{broken", 422, "处理办法"),
        ("a.zip", b"no zip", 422, "损坏"),
        ("../../../tmp/x.exe", b"x", 422, "不支持的文件类型"),
        ("a.gpkg", b"x" * 100, 422, "a.gpkg"),
    ],
)
def test_bad_file_is_one_chinese_message_without_a_path(plain, name, content, status, says):
    reply = post(plain, name, content)
    assert reply.status_code == status
    error = reply.json()["error"]
    assert says in error["message"]
    assert error["mend"] in error["message"]
    assert tempfile.gettempdir() not in reply.text


def test_file_over_the_limit_is_413(gateway, county):
    reply = post(gateway(layers=county.folder, max_upload_mb=1), "a.geojson", b"x" * (3 << 19))
    assert reply.status_code == 413
    assert reply.json()["error"]["code"] == "too_large"


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        ({"content": b"x"}, 415, "unsupported_media_type"),
        ({"json": {}}, 400, "missing"),
        ({"json": {"boundary": {}, "nonsense": 1}}, 400, "unknown_parameter"),
        ({"content": b"{", "headers": JSON}, 400, "invalid_json"),
        ({"content": b"[" * 100_000, "headers": JSON}, 400, "invalid_json"),
        ({"files": {"other": b"x"}}, 400, "missing"),
        ({"files": {"file": ("a.txt", b"x")}, "data": {"x": "1"}}, 400, "unknown_parameter"),
        ({"files": {"file": ("a.txt", b"x")}, "data": {"asked_on": "x"}}, 400, "invalid_value"),
        ({"json": {"boundary": {"type": "Nothing"}}}, 422, "invalid_input"),
    ],
)
def test_bad_request(plain, request_, status, code):
    reply = httpx.post(f"{plain.url}/v1/tools/compliance", **request_)
    assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)


def test_unknown_project_type_is_told(plain, geojson):
    reply = post(plain, "a.geojson", json.dumps(geojson), project_type="castle")
    assert reply.status_code == 422
    assert "castle" in reply.json()["error"]["message"]


def test_without_layers_it_is_not_ready(gateway, geojson):
    reply = post(gateway(), "a.geojson", json.dumps(geojson))
    assert reply.status_code == 422
    assert "layers.yaml" in reply.json()["error"]["message"]


def test_uploaded_file_is_described_used_and_removed(served, geojson):
    client = served.client()
    files = {"file": ("产业 园.geojson", json.dumps(geojson))}
    stored = httpx.post(f"{served.url}/v1/files", files=files, timeout=60).json()
    assert stored["cspon"]["area_ha"] == pytest.approx(4, abs=1e-3)
    assert stored["cspon"]["epsg"] == 4547
    assert stored["filename"] == "产业_园.geojson"
    client.chat.completions.create(
        model="cspon/assistant",
        messages=[{"role": "user", "content": "选址"}],
        extra_body={"cspon": {"file_id": stored["id"]}},
    )
    kept = served.assistant.asked[0]["boundary"]
    assert kept.name == "产业_园.geojson"
    assert httpx.delete(f"{served.url}/v1/files/{stored['id']}").json()["deleted"] is True
    assert not kept.parent.exists()
    assert httpx.delete(f"{served.url}/v1/files/{stored['id']}").status_code == 404


def test_unreadable_upload_is_not_kept(served):
    reply = httpx.post(f"{served.url}/v1/files", files={"file": ("a.dxf", b"no dxf")}, timeout=60)
    assert reply.status_code == 422
    assert list((served.services.settings.home / "uploads").iterdir()) == []
