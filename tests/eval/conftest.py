import os

import pytest

from eval.bench import spatial, spatial_runs
from eval.bench.postgis import PostgisUnavailable, find_binaries


@pytest.fixture
def postgis_programs():
    """PostgreSQL with PostGIS; skipped where it is not installed, but not in CI."""
    try:
        return find_binaries()
    except PostgisUnavailable as problem:
        if os.environ.get("CI") == "true":
            pytest.fail(str(problem))
        pytest.skip(str(problem))


@pytest.fixture
def short_run(monkeypatch):
    """Fewer repetitions: the figures mean nothing, the path is the same."""
    monkeypatch.setattr(spatial, "COLD_RUNS", 1)
    monkeypatch.setattr(spatial, "CHECK_RUNS", 1)
    monkeypatch.setattr(spatial, "GEOPANDAS_RUNS", 1)
    monkeypatch.setattr(spatial, "AREA_PIECES", 20)
    monkeypatch.setattr(spatial, "AREA_CHECKED", 5)
    monkeypatch.setattr(spatial_runs, "SAME_RUNS", 2)
