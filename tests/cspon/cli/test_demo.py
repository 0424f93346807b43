"""The main job as a new user runs it, without the model: county, regulation base, answer, files."""

import json
import os
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import docx
import pytest

from cspon.cli.demo import PROJECT, QUESTION
from cspon.cli.main import run

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class Demo:
    folder: Path
    out: str
    err: str

    @property
    def county(self):
        return self.folder / "county"

    @property
    def answer(self):
        text = (self.folder / "out" / "answer.json").read_text(encoding="utf-8")
        return json.loads(text)


def environment(folder):
    return {"CSPON_HOME": str(folder / "var"), "CSPON_LAYERS": str(folder / "county")}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """One run of the demo, as a user starts it."""
    folder = tmp_path_factory.mktemp("demo")
    cspon = Path(sys.executable).with_name("cspon")
    done = subprocess.run(
        [cspon, "demo", "--model", "none", "--out", folder / "out"],
        env={**os.environ, **environment(folder)},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr
    return Demo(folder, done.stdout, done.stderr)


@pytest.fixture(autouse=True)
def settings(monkeypatch, demo):
    for name, value in environment(demo.folder).items():
        monkeypatch.setenv(name, value)


def test_the_demo_answers_a_real_question(demo):
    with sqlite3.connect(demo.county / "DLTB.gpkg") as connection:
        assert connection.execute("select count(*) from DLTB").fetchone()[0] >= 30_000
    connection.close()
    (drawn,) = (demo.folder / "out").glob("*map.png")
    assert drawn.stat().st_size > 100_000
    assert demo.answer["question"] == QUESTION
    assert demo.answer["verdict"] == "不符合"
    lines = {line["role"]: line for line in demo.answer["results"][0]["data"]["lines"]}
    assert lines["permanent_basic_farmland"]["area_ha"] > 1
    assert lines["ecological_redline"]["area_ha"] > 1
    assert lines["urban_development_boundary"]["outside_ha"] > 1
    for line in lines.values():
        assert f"{line['area_ha']:.4f}" in demo.out
    verified = [c for c in demo.answer["citations"] if c["verification"] == "verified"]
    assert len(verified) >= 8
    assert {c["status"] for c in verified} == {"现行有效"}
    assert all(c["quote"] for c in verified)
    assert "依据未入库，未核验" in demo.out
    assert "cspon serve --ui" in demo.err
    document = docx.Document(str(demo.folder / "out" / "answer.docx"))
    assert QUESTION in [p.text for p in document.paragraphs]


@pytest.mark.parametrize("suffix", ["geojson", "shp", "gpkg", "dxf", "txt"])
def test_every_format_gives_the_same_figures(demo, capsys, suffix):
    boundary = (demo.county / PROJECT).with_suffix(f".{suffix}")
    assert run(["check", str(boundary), "--type", "industrial_park", "--json"]) == 1
    data = json.loads(capsys.readouterr().out)["data"]
    assert data["lines"] == demo.answer["results"][0]["data"]["lines"]


@pytest.mark.parametrize(
    ("project", "kind", "verdict"),
    [("1_clean", "public_service", "符合"), ("3_partly_outside", "industrial_park", "不符合")],
)
def test_the_other_projects_get_their_verdicts(demo, capsys, project, kind, verdict):
    boundary = demo.county / "projects" / f"{project}.txt"
    run(["check", str(boundary), "--type", kind, "--json"])
    data = json.loads(capsys.readouterr().out)["data"]
    assert data["verdict"] == verdict
    for line in data["lines"][:2]:
        assert line["area_ha"] == 0


def test_a_second_run_makes_nothing_again(demo, capsys):
    stamp = (demo.county / "DLTB.gpkg").stat().st_mtime_ns
    assert run(["demo", "--model", "none", "--out", str(demo.folder / "out")]) == 0
    assert (demo.county / "DLTB.gpkg").stat().st_mtime_ns == stamp
    assert "新计算向量 0 条" in capsys.readouterr().err


def test_ask_refuses_by_kind_and_exit_code(demo, capsys):
    assert run(["ask", "这个项目（边界见文件）选址是否可行？", "--model", "none"]) == 2
    assert "needs_input" in capsys.readouterr().err
    assert run(["ask", "征收耕地多少公顷要报国务院批准？", "--model", "none", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert any(c["article"] == "第四十六条" for c in answer["citations"])
