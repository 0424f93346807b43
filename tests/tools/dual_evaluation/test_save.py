"""What is written: COGs with colours, patches that sum to the table, a record that runs again."""

import json
from pathlib import Path

import numpy as np
import pyogrio.raw
import pytest
import rasterio

from cspon.cli.main import run as cspon
from cspon.errors import InputError, SetupError
from tools.dual_evaluation.evaluate import evaluate
from tools.dual_evaluation.record import compare, pixel_digest, read_record
from tools.dual_evaluation.save import RECORD, save_evaluation
from tools.dual_evaluation.sensitivity import sensitivity
from tools.dual_evaluation.tool import outcome_of
from tools.raster.cluster import Cluster

from .test_evaluate import run


def save(county, folder, *, place=None):
    made = run(county, folder / "w")
    moved = [sensitivity(made, "urban", trajectories=2)] if place else []
    result = outcome_of(made, place=place, moved=tuple(moved))
    files, notices = save_evaluation(made, result, folder / "out", moved=moved)
    assert not notices
    return made, result, files


@pytest.fixture(scope="module")
def saved(steady_county, tmp_path_factory):
    return save(steady_county, tmp_path_factory.mktemp("saved"), place="东镇")


def test_rasters_have_colours_names_and_nodata(saved):
    made, _, files = saved
    with rasterio.open(files["CZJSSYXPJJG"]) as dataset:
        assert dataset.crs.to_epsg() == 4547
        assert dataset.nodata == 255
        assert dataset.colormap(1)[2] == (215, 48, 31, 255)
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        values = dataset.read(1)
    assert (np.where(values == 255, 0, values) == made.parts["urban"].result).all()


def test_patches_sum_to_the_table(saved):
    _, result, files = saved
    meta, _, _, columns = pyogrio.raw.read(files["gpkg"], layer="CZJSSYXPJJG", read_geometry=False)
    rows = dict(zip(meta["fields"], columns, strict=True))
    table = next(t for t in result.tables if t.name == "urban_area")
    for row in table.rows[:-1]:
        for value in (1, 2, 9):
            here = (rows["DYMC"] == row["unit"]) & (rows["PJDM"] == value)
            assert rows["MJ_HA"][here].sum() == pytest.approx(row.get(f"c{value}", 0.0), abs=1e-3)


def test_the_report_holds_results_limits_and_sources(saved):
    _, _, files = saved
    text = files["md"].read_text("utf-8")
    for words in (
        "评价结论",
        "数据准备情况",
        "东镇",
        "已核对原文",
        "2020 版",
        "承载规模",
        "阈值敏感性",
        "合成数据",
    ):
        assert words in text
    assert files["docx"].stat().st_size > 20_000
    assert files["urban.png"].stat().st_size > 20_000


def test_the_record_runs_again_to_equal_pixels(saved, capsys):
    _, _, files = saved
    record = read_record(files["record"])
    assert record.rasters and record.inputs["elevation"]
    assert cspon(["dual-eval", "--from-record", str(files["record"])]) == 0
    assert f"{len(record.rasters)} 幅栅格与记录逐像元相同" in capsys.readouterr().out


def test_a_record_runs_again_with_the_workers_that_are_asked(saved, monkeypatch):
    asked = []

    def spy(*args, workers, cluster, **more):
        asked.append((workers, cluster))
        return evaluate(*args, workers=workers, cluster=None, **more)

    monkeypatch.setattr("tools.dual_evaluation.evaluate.evaluate", spy)
    record = ["dual-eval", "--from-record", str(saved[2]["record"]), "--workers", "2"]
    assert cspon(record) == 0
    assert cspon([*record, "--ray"]) == 0
    assert asked == [(2, None), (2, Cluster(2))]


def test_a_changed_input_is_named_by_the_rerun(dual_county, tmp_path, capsys):
    from .conftest import add_raster, surfaces

    _, _, files = save(dual_county, tmp_path)
    add_raster(dual_county, "dem", surfaces()["dem"] * 2)
    assert cspon(["dual-eval", "--from-record", str(files["record"])]) == 1
    told = capsys.readouterr().out
    assert "因子“高程”（elevation）的输入 DEM 已改变" in told
    assert "CZJSSYXPJJG.tif 不同" in told


def test_records_compare_by_pixels(saved):
    _, _, files = saved
    record = read_record(files["record"])
    assert compare(record, record) == ()
    assert pixel_digest(files["CZJSSYXPJJG"]) == record.rasters["CZJSSYXPJJG.tif"]
    with pytest.raises(InputError, match="不是双评价的运行记录"):
        read_record(files["json"])


def test_an_unwritable_folder_leaves_nothing(dual_county, tmp_path):
    made = run(dual_county, tmp_path / "w")
    file = tmp_path / "taken"
    file.write_text("x")
    with pytest.raises(SetupError):
        save_evaluation(made, outcome_of(made), file / "out")
    assert file.read_text() == "x"


def test_the_command_evaluates_shows_and_checks(dual_county, tmp_path, capsys):
    layers = ["--layers", str(dual_county.folder)]
    assert cspon(["dual-eval", *layers, "--part", "urban", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)["data"]
    assert [p["id"] for p in data["parts"]] == ["urban"]
    assert data["parts"][0]["status"] == "不完整"
    assert cspon(["dual-eval", *layers, "--check"]) == 0
    assert "缺失的影响" in capsys.readouterr().out
    assert cspon(["dual-eval", "--show", "--scheme", "2019"]) == 0
    assert "urban.slope" in capsys.readouterr().out
    assert cspon(["dual-eval", *layers, "--part", "sea"]) == 2
    assert cspon(["dual-eval", str(tmp_path / "none.yaml"), *layers]) == 2


def test_a_configuration_file_reads_beside_itself(dual_county, tmp_path, capsys):
    folder = Path(tmp_path / "own")
    folder.mkdir()
    (folder / "units.csv").write_text("单元,短缺\n西镇,短缺\n东镇,不短缺\n", "utf-8")
    (folder / "c.yaml").write_text(
        "inputs:\n  water_shortage: {kind: table, file: units.csv, key: 单元, value: 短缺}\n",
        "utf-8",
    )
    code = cspon(
        [
            "dual-eval",
            str(folder / "c.yaml"),
            "--layers",
            str(dual_county.folder),
            "--out",
            str(tmp_path / "o"),
        ]
    )
    assert code == 0
    assert cspon(["dual-eval", "--from-record", str(tmp_path / "o" / RECORD)]) == 0
