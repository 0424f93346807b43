from eval.bench.qc import speed_pack
from eval.bench.qc_spoiled import DEFECTS, MOST_OF_EACH, spoil
from eval.bench.spatial_workload import make_workload
from tools.quality_check.survey import check_database


def test_every_check_finds_its_planted_defects(tmp_path):
    work = make_workload(tmp_path, parcels=3_000, projects=0, progress=lambda text: None)
    source = work.folder / "DLTB.gpkg"
    before = source.read_bytes()
    layer = spoil(source, tmp_path / "spoiled.gpkg", seed=1, parcels=3_000)
    assert source.read_bytes() == before
    quality = check_database(layer.file, speed_pack(), workers=1)
    found = {count.check.id: count.found for count in quality.counts}
    assert set(found) == {check.id for check in speed_pack().checks}
    assert all(2 <= count <= len(DEFECTS) * MOST_OF_EACH for count in found.values()), found
