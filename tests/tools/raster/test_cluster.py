"""A local Ray of two workers, in a process of its own: Ray leaves threads and sockets behind."""

import json
import subprocess
import sys

import numpy as np
import pytest

from cspon.errors import InputError, SetupError
from tools.raster.cluster import Cluster, strip_on_worker
from tools.raster.plan import Factor, Output, Plan, Thresholds, Weighted
from tools.raster.run import run
from tools.raster.sources import Source, Terrain

ON_RAY = """
import json, os, sys
from pathlib import Path
from cspon.errors import InputError
from tools.raster.cluster import Cluster
from tools.raster.plan import Plan
from tools.raster.run import run
good, bad = (Plan.model_validate_json(Path(p).read_text("utf-8")) for p in sys.argv[1:3])
out = Path(sys.argv[3])
result = run(good, out, engine="numpy", strip_rows=8, cluster=Cluster(workers=2))
told = {"counts": [[c.value, c.cells] for c in result.outputs[0].counts], "usage": os.environ["RAY_USAGE_STATS_ENABLED"]}
try:
    run(bad, out / "bad", engine="numpy", strip_rows=8, cluster=Cluster(workers=2))
except InputError as error:
    told |= {"error": str(error), "file": error.file, "left": [p.name for p in (out / "bad").iterdir()]}
print(json.dumps(told))
"""


def plan_of(grid, dem, rain):
    factors = (
        Factor(name="坡度", source=Terrain(measure="slope", dem=Source(file=dem, unit="m")),
               grades=Thresholds(bounds=(3, 8, 15), scores=(4, 3, 2, 1))),
        Factor(name="年降水", source=Source(file=rain, unit="mm"), unit="mm",
               grades=Thresholds(bounds=(400, 800), scores=(1, 2, 3))),
    )  # fmt: skip
    mix = Weighted(name="适宜性", weights={"坡度": 60, "年降水": 40})
    return Plan(
        grid=grid,
        factors=factors,
        compositions=(mix,),
        outputs=(Output(layer="适宜性", file="o.tif"),),
    )


@pytest.fixture
def plans(grid, write_tif):
    """A plan, and one whose rain has a negative cell in its last strip."""
    rng = np.random.default_rng(3)
    dem = write_tif("dem.tif", rng.integers(0, 60, (40, 60)).astype("int16"), grid, -1)
    rain = rng.integers(0, 1200, (40, 60)).astype("int16")
    good = plan_of(grid, dem, write_tif("rain.tif", rain, grid))
    rain[38, 7] = -5
    return good, plan_of(grid, dem, write_tif("bad.tif", rain, grid))


# Not in dev.txt and only in the full ring: two starts of Ray take a minute or more on a busy machine.
@pytest.mark.full
def test_pixels_and_errors_equal_those_of_one_process(tmp_path, plans):
    pytest.importorskip("ray", reason="extra ray is not installed: pip install -e '.[ray]'")
    files = []
    for plan in plans:
        files.append(tmp_path / f"plan{len(files)}.json")
        files[-1].write_text(plan.model_dump_json(), "utf-8")
    done = subprocess.run(
        [sys.executable, "-c", ON_RAY, *map(str, files), str(tmp_path / "ray")],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    here = run(plans[0], tmp_path / "here", engine="numpy", strip_rows=8)
    assert (tmp_path / "ray/o.tif").read_bytes() == (tmp_path / "here/o.tif").read_bytes()
    assert told["counts"] == [[c.value, c.cells] for c in here.outputs[0].counts]
    with pytest.raises(InputError) as caught:
        run(plans[1], tmp_path / "bad", engine="numpy", strip_rows=8)
    assert told["error"] == str(caught.value) and "年降水" in told["error"]
    assert told["file"] == caught.value.file and told["left"] == []
    assert told["usage"] == "0"


def test_a_strip_of_a_worker_equals_the_rows_of_a_run(tmp_path, plans, read_tif):
    import zlib

    written = run(plans[0], tmp_path / "out", engine="numpy").outputs[0]
    found = strip_on_worker(plans[0].model_dump_json(), 8, 24, 16, "numpy", str(tmp_path))
    first, ((shape, dtype, data),), _ = found
    values = np.frombuffer(zlib.decompress(data), dtype).reshape(shape).astype(int)
    values[values == written.nodata] = -1
    assert first == 8 and (values == read_tif(written)[8:24]).all()


def test_an_input_that_a_worker_does_not_reach_is_named(tmp_path, plans):
    text = plans[0].model_dump_json()
    plans[0].factors[1].source.file.unlink()
    problem = strip_on_worker(text, 0, 8, 8, "numpy", str(tmp_path))
    assert isinstance(problem, InputError)
    assert "年降水" in str(problem) and "rain.tif" in str(problem) and "共享目录" in str(problem)


def test_without_ray_the_extra_is_named(tmp_path, plans, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SetupError, match=r"\.\[ray\]"):
        run(plans[0], tmp_path / "out", engine="numpy", cluster=Cluster())
    assert list((tmp_path / "out").iterdir()) == []
