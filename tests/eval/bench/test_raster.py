import pytest

pytest.importorskip("numba")

from eval.bench import raster
from eval.bench.raster_oracle import carry_out
from eval.bench.raster_spread_runs import measure_spread
from eval.bench.raster_workload import make_rasters


def test_small_run_is_measured_and_equal(tmp_path):
    figures = raster.run(size=200, windowed=0, folder=tmp_path)
    assert figures["equal_to_oracle"] is True
    assert figures["bytes"]["per_cell"] == 15
    assert 0 < figures["load_s"] < 1
    assert figures["bandwidth_ratio"] > 0 and figures["vs_numpy_blocks"] > 0
    assert list(tmp_path.iterdir()) == []


def test_workload_has_every_grade_and_holes(tmp_path):
    plan = make_rasters(tmp_path, 500, lambda text: None)
    result = carry_out(plan)["适宜性"]
    assert set(result.ravel().tolist()) >= {-1, 2, 3, 4}


@pytest.mark.component
@pytest.mark.parametrize("kind", ["patches", "travel"])
def test_spread_is_measured_and_equal_to_the_baseline(tmp_path, kind):
    found = measure_spread(tmp_path, kind, 160, lambda text: None)
    assert found["size"] == found["plain"]["size"] == 160
    assert found["plain"]["equal"] is True
    assert found["cpu_s"] == pytest.approx(found["user_s"] + found["system_s"], abs=0.002)
    assert found["peak_rss_mb"] > 10 and found["plain"]["baseline"]["wall_s"] > 0
    assert found["patches" if kind == "patches" else "reached_cells"] > 0
    assert list(tmp_path.iterdir()) == []
