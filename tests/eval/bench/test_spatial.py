import json
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
import shapely

from eval.bench import postgis, spatial, spatial_engines, spatial_runs, spatial_workload
from eval.bench.postgis import PostgisUnavailable, ask, load_parcels, private_server
from eval.bench.spatial import run
from eval.bench.spatial_engines import drop_page_cache, peak_rss_mb, timed_ms
from eval.bench.spatial_equality import compare_areas
from eval.bench.spatial_runs import EngineFailed, Engines
from eval.bench.spatial_workload import generator_digest, make_project, make_workload
from tools.compliance.overlay import overlay_layer

KEYS = {
    "cold_ms", "warm_ms", "peak_rss_mb", "vs_geopandas_overlay", "vs_postgis",
    "batch_projects_per_cpu_s", "batch_peak_rss_mb", "area_polygons_per_cpu_s",
    "area_max_rel_error", "results_equal", "why", "workload", "machine", "versions", "n",
}  # fmt: skip


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return make_workload(
        tmp_path_factory.mktemp("bench"), parcels=2_000, projects=3, progress=lambda text: None
    )


def no_server():
    raise PostgisUnavailable("未安装 PostGIS 服务端")


def test_project_is_500_ha_irregular_and_holed():
    project = make_project((0, 0, 20_000, 20_000), 1)
    assert project.is_valid
    assert project.area == pytest.approx(5e6)
    assert len(project.interiors) == 1
    assert 180 <= shapely.get_num_coordinates(project) <= 220
    assert project.area < 0.95 * project.convex_hull.area


def test_project_shrinks_with_a_small_extent():
    assert make_project((0, 0, 1_000, 1_000), 1).area == pytest.approx(150_000)


def test_workload_follows_from_its_seed_and_is_reused(work, tmp_path):
    said = []
    again = make_workload(work.folder.parent, parcels=2_000, projects=3, progress=said.append)
    assert said[0].startswith("使用已生成的 2,000 个图斑")
    assert again == work
    fresh = make_workload(tmp_path, parcels=2_000, projects=3, progress=lambda text: None)
    assert shapely.equals_exact(fresh.batch, work.batch).all()
    assert (fresh.folder / "DLTB.gpkg").read_bytes() == (work.folder / "DLTB.gpkg").read_bytes()
    assert generator_digest() in work.folder.name
    extent = shapely.box(*spatial_workload._extent(work.folder / "DLTB.gpkg"))
    for shape in (work.project, *work.shifted, *work.batch):
        assert shape.is_valid
        assert extent.contains(shape)


def test_workload_of_another_generator_version_is_removed(tmp_path, monkeypatch):
    stale = tmp_path / "spatial-500-20260101-0123456789ab"
    stale.mkdir()
    make_workload(tmp_path, parcels=500, projects=1, progress=lambda text: None)
    assert not stale.exists()


def test_areas_are_compared_with_a_floor_for_slivers():
    same = compare_areas({1: 1e6, 2: 0.001}, {1: 1e6 * (1 + 5e-10), 2: 0.001 + 5e-7})
    assert same["equal"]
    assert same["max_rel_difference_from_1_m2"] == pytest.approx(5e-10)
    assert not compare_areas({1: 1e6}, {1: 1e6 * (1 + 2e-9)})["equal"]
    assert not compare_areas({1: 1.0, 2: 0.5}, {1: 1.0})["equal"]
    assert not compare_areas({}, {1: 1.0})["equal"]
    assert compare_areas({}, {1: 1e-7})["equal"]


def test_page_cache_is_dropped_and_counted(tmp_path):
    file = tmp_path / "data"
    file.write_bytes(os.urandom(1 << 20))
    file.read_bytes()
    with file.open("rb") as opened:
        assert spatial_engines._resident_bytes(opened.fileno()) == 1 << 20
    assert drop_page_cache(file) in range(1 << 20)


def test_peak_memory_is_this_process_own():
    before = peak_rss_mb()
    np.ones(8_000_000)
    assert 20 < before <= peak_rss_mb() < 8_000


def test_engine_that_fails_says_why(work, tmp_path):
    broken = work.spec.model_copy(update={"path": "none.gpkg"})
    engines = Engines(
        spatial_workload.Workload(**{**work.__dict__, "spec": broken}), tmp_path, lambda text: None
    )
    with pytest.raises(EngineFailed, match=r"cold 失败（退出码 1）：.*none\.gpkg"):
        engines.run("cold", [work.project])


def test_engine_that_takes_too_long_is_ended(work, tmp_path, monkeypatch):
    monkeypatch.setattr(spatial_runs, "ENGINE_TIMEOUT_S", 0.05)
    with pytest.raises(EngineFailed, match="未完成"):
        Engines(work, tmp_path, lambda text: None).run("cold", [work.project])


def test_run_without_postgis_has_every_key(work, monkeypatch, short_run, capsys):
    monkeypatch.setattr(postgis, "find_binaries", no_server)
    result = run(parcels=2_000, projects=3, folder=work.folder.parent)
    assert set(result) >= KEYS
    assert result["vs_postgis"] is None
    assert result["why"] == {"vs_postgis": "未安装 PostGIS 服务端"}
    assert result["results_equal"] is True  # totals by code against geopandas
    assert result["area_max_rel_error"] < 1e-9
    assert result["vs_geopandas_overlay"] > 0
    assert result["n"]["warm_queries"] == 4
    assert result["workload"]["project_ha"] == pytest.approx(500, rel=1e-3)
    assert result["workload"]["pairs"] >= result["workload"]["pieces"] > 200
    json.dumps(result, allow_nan=False)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "未测：未安装 PostGIS 服务端" in captured.err


def test_very_many_parcels_are_measured_without_other_engines(work, monkeypatch, short_run):
    monkeypatch.setattr(spatial, "MOST_COMPARED", 1_000)
    monkeypatch.setattr(postgis, "find_binaries", lambda: pytest.fail("asked for a server"))
    result = run(parcels=2_000, projects=3, folder=work.folder.parent)
    assert set(result) >= KEYS
    assert result["vs_postgis"] is result["vs_geopandas_overlay"] is result["results_equal"] is None
    assert set(result["why"]) == {"vs_postgis", "vs_geopandas_overlay", "results_equal"}
    assert result["batch_projects_per_cpu_s"] > 0


@pytest.mark.integration
def test_run_with_postgis_gives_equal_areas(work, postgis_programs, short_run):
    result = run(parcels=2_000, projects=3, folder=work.folder.parent)
    assert set(result) >= KEYS
    assert result["why"] == {}
    assert result["results_equal"] is True
    assert result["vs_postgis"] > 0
    equality = result["equality"]
    assert equality["postgis_plain"]["compared"] == result["workload"]["pieces"]
    assert equality["postgis_plain"]["max_rel_difference_from_1_m2"] < 1e-9
    assert "PostGIS" in result["versions"]["postgis"]


@pytest.mark.integration
def test_private_server_is_removed_when_the_work_fails(work, postgis_programs):
    before = set(Path(tempfile.gettempdir()).glob("cspon-pg-*"))
    with pytest.raises(ZeroDivisionError), private_server() as connection:
        assert load_parcels(connection, work.spec, work.folder) > 0
        rows = ask(connection, "plain", work.spec, work.batch[0])
        ours = overlay_layer(work.batch[0], work.spec, work.folder)
        assert {row[0] for row in rows if row[2] > 1e-6} <= set(ours.fids.tolist())
        [folder] = set(Path(tempfile.gettempdir()).glob("cspon-pg-*")) - before
        server = int((folder / "data" / "postmaster.pid").read_text().split()[0])
        _ = 1 / 0
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(server, 0)


def test_timing_returns_the_result():
    ms, value = timed_ms(lambda: 7)
    assert value == 7
    assert 0 <= ms < 1000
