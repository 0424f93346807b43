"""The main job as a new user runs it, without the model: county, regulation base, answer, files."""

import json
import sqlite3

import docx
import pytest

from cspon.cli.demo import PROJECT, QUESTION
from cspon.cli.main import run

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("demo")]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(autouse=True)
def settings(monkeypatch, place):
    monkeypatch.setenv("CSPON_HOME", str(place / "var"))
    monkeypatch.setenv("CSPON_LAYERS", str(place / "county"))


def test_the_demo_answers_a_real_question(place, capsys):
    assert run(["demo", "--model", "none", "--out", str(place / "out")]) == 0
    said = capsys.readouterr()
    with sqlite3.connect(place / "county" / "DLTB.gpkg") as connection:
        assert connection.execute("select count(*) from DLTB").fetchone()[0] >= 30_000
    connection.close()
    assert (place / "out" / "map.png").stat().st_size > 100_000
    answer = json.loads((place / "out" / "answer.json").read_text(encoding="utf-8"))
    assert answer["question"] == QUESTION
    assert answer["verdict"] == "不符合"
    lines = {line["role"]: line for line in answer["results"][0]["data"]["lines"]}
    assert lines["permanent_basic_farmland"]["area_ha"] > 1
    assert lines["ecological_redline"]["area_ha"] > 1
    assert lines["urban_development_boundary"]["outside_ha"] > 1
    for line in lines.values():
        assert f"{line['area_ha']:.4f}" in said.out
    verified = [c for c in answer["citations"] if c["verification"] == "verified"]
    assert len(verified) >= 8
    assert {c["status"] for c in verified} == {"现行有效"}
    assert all(c["quote"] for c in verified)
    assert "依据未入库，未核验" in said.out
    assert "cspon serve --ui" in said.err
    titles = [p.text for p in docx.Document(str(place / "out" / "answer.docx")).paragraphs]
    assert QUESTION in titles


@pytest.mark.parametrize("suffix", ["geojson", "shp", "gpkg", "dxf", "txt"])
def test_every_format_gives_the_same_figures(place, capsys, suffix):
    boundary = (place / "county" / PROJECT).with_suffix(f".{suffix}")
    assert run(["check", str(boundary), "--type", "industrial_park", "--json"]) == 1
    data = json.loads(capsys.readouterr().out)["data"]
    expected = json.loads((place / "out" / "answer.json").read_text(encoding="utf-8"))
    assert data["lines"] == expected["results"][0]["data"]["lines"]


@pytest.mark.parametrize(
    ("project", "verdict"), [("1_clean", "符合"), ("3_partly_outside", "不符合")]
)
def test_the_other_projects_get_their_verdicts(place, capsys, project, verdict):
    boundary = place / "county" / "projects" / f"{project}.txt"
    run(["check", str(boundary), "--type", "industrial_park", "--json"])
    data = json.loads(capsys.readouterr().out)["data"]
    assert data["verdict"] == verdict
    for line in data["lines"][:2]:
        assert line["area_ha"] == 0


def test_a_second_run_makes_nothing_again(place, capsys):
    stamp = (place / "county" / "DLTB.gpkg").stat().st_mtime_ns
    assert run(["demo", "--model", "none", "--out", str(place / "out")]) == 0
    assert (place / "county" / "DLTB.gpkg").stat().st_mtime_ns == stamp
    assert "新计算向量 0 条" in capsys.readouterr().err


def test_ask_refuses_by_kind_and_exit_code(place, capsys):
    assert run(["ask", "这个项目（边界见文件）选址是否可行？", "--model", "none"]) == 2
    assert "needs_input" in capsys.readouterr().err
    assert run(["ask", "征收耕地多少公顷要报国务院批准？", "--model", "none", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert any(c["article"] == "第四十六条" for c in answer["citations"])
