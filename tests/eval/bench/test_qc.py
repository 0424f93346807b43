import pytest

from eval.bench import postgis, qc
from eval.bench.postgis import PostgisUnavailable


def test_speed_pack_keeps_geometry_and_topology():
    pack = qc.speed_pack()
    assert [layer.name for layer in pack.layers] == ["DLTB"]
    assert {check.id for check in pack.checks} == set(qc.GEOMETRY_CHECKS)


def test_speed_is_measured(tmp_path):
    figures = qc.speed(tmp_path, 2_000, lambda text: None)
    assert figures["parcels"] == 2_000
    assert figures["parcels_per_s"] > 0
    assert figures["peak_mb"] > 0


def test_without_postgis_the_reason_is_given(tmp_path, monkeypatch):
    def missing():
        raise PostgisUnavailable("未安装 PostGIS 服务端")

    monkeypatch.setattr(postgis, "find_binaries", missing)
    figures = qc.beside_postgis(tmp_path, 2_000, lambda text: None)
    assert "未安装" in figures["unavailable"]


def test_run_prints_recall_by_kind(tmp_path, monkeypatch):
    from functools import partial

    monkeypatch.setattr(qc, "measure", partial(qc.measure, size=48, small=12))
    figures = qc.run(seed=4, times=1, parcels=0, postgis=0, folder=tmp_path)
    assert figures["recall"] == figures["precision"] == pytest.approx(1.0)
    assert figures["kinds"] >= 30
    assert set(figures["by_kind"]["overlap"]) == {"planted", "found", "recall", "recall_95"}
    assert figures["clean_findings"] == 0
    assert figures["precision_by_check"]["overlap"]["precision_95"][1] == pytest.approx(1.0)
