"""双评价 from tables of PostGIS: the pixels of the files, states of tables in the record, changes named."""

import pytest

from cspon.cli.main import run as cspon
from tools.dual_evaluation.record import read_record

pytestmark = pytest.mark.integration


def evaluated(folder, out):
    layers = ["--layers", str(folder), "--part", "urban"]
    assert cspon(["dual-eval", *layers, "--out", str(out)]) == 0
    return read_record(out / "run.json")


def test_pixels_are_those_of_the_files_and_a_change_is_named(twins, tmp_path, capsys):
    files = evaluated(twins.files, tmp_path / "files")
    tables = evaluated(twins.tables, tmp_path / "tables")
    assert tables.rasters == files.rasters and len(tables.rasters) > 8
    states = {
        s for found in (*tables.inputs.values(), *tables.places.values()) for s in found.values()
    }
    assert {state.partition(":")[0] for state in states} == {"postgis", "sha256"}
    record = str(tmp_path / "tables" / "run.json")
    capsys.readouterr()
    assert cspon(["dual-eval", "--from-record", record]) == 0
    assert "逐像元相同" in capsys.readouterr().out
    connection = twins.connection
    connection.execute("CREATE TABLE plan.kept_parcel AS SELECT * FROM plan.dltb LIMIT 1")
    connection.execute("DELETE FROM plan.dltb WHERE fid IN (SELECT fid FROM plan.kept_parcel)")
    try:
        assert cspon(["dual-eval", "--from-record", record]) == 1
        assert "的输入 DLTB 已改变" in capsys.readouterr().out
    finally:
        connection.execute("INSERT INTO plan.dltb SELECT * FROM plan.kept_parcel")
        connection.execute("DROP TABLE plan.kept_parcel")
