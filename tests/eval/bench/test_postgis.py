import pytest

from eval.bench.postgis import load_parcels, private_server, time_adapter
from eval.bench.spatial_workload import make_workload


@pytest.mark.integration
def test_the_tool_gives_the_same_pieces_from_file_and_table(tmp_path, postgis_programs):
    work = make_workload(tmp_path, parcels=2_000, projects=1, progress=lambda _: None)
    with private_server() as connection:
        load_parcels(connection, work.spec, work.folder)
        found = time_adapter(connection, work.spec, work.folder, work.project, runs=1)
    assert found["pieces"] > 0
    assert found["max_rel_difference"] < 1e-9
    assert found["geopackage_ms"] > 0 and found["postgis_ms"] > 0
