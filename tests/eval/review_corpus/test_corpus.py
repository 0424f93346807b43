"""A corpus is written as the format says, the same for the same seed."""

import json
import re
from pathlib import Path

import geopandas
import openpyxl
import pytest

from eval.review_corpus.case import load, verify, write_case
from eval.review_corpus.corpus import make_corpus
from eval.review_corpus.negatives import NEGATIVES
from eval.review_corpus.plant import kinds, plant
from eval.review_corpus.planting import pool

HEAD = {
    "id",
    "plan_type",
    "region",
    "scope",
    "text_date",
    "public",
    "base_year",
    "near_year",
    "target_year",
}
HEAD |= {"outlook_year", "upper", "maps", "attachments", "seed", "generator"}


def contents(folder):
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def test_the_same_seed_writes_the_same_bytes(tmp_path):
    one = make_corpus(tmp_path / "one", 11, cases=8)
    make_corpus(tmp_path / "two", 11, cases=8)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert len(one) == 8
    make_corpus(tmp_path / "other", 12, cases=8)
    assert contents(tmp_path / "one") != contents(tmp_path / "other")


def test_a_corpus_is_in_the_format(tmp_path):
    folders = make_corpus(tmp_path, 3, cases=18)
    clean = 0
    found = set()
    for folder in folders:
        head = json.loads((folder / "case.json").read_text(encoding="utf-8"))
        assert set(head) == HEAD
        assert all(
            set(u) == {"indicator", "value", "unit", "direction", "source"} for u in head["upper"]
        )
        labels = [
            json.loads(x)
            for x in (folder / "labels.jsonl").read_text(encoding="utf-8").splitlines()
        ]
        defects = [x for x in labels if not x["hard_negative"]]
        clean += not defects
        found |= {x["kind"] for x in defects}
        assert len({x["id"] for x in labels}) == len(labels)
        assert len([x for x in labels if x["hard_negative"]]) >= 5
        assert verify(folder) > 3
    assert clean == 3
    assert len(found) >= 55


def test_cells_of_the_workbook_are_where_labels_say(tmp_path):
    checked = 0
    for folder in make_corpus(tmp_path, 3, cases=16):
        for line in (folder / "labels.jsonl").read_text(encoding="utf-8").splitlines():
            label = json.loads(line)
            for place in [label["place"], *label["also"]]:
                if place and "cell" in place:
                    book = openpyxl.load_workbook(folder / place["file"])
                    cell = book[place["sheet"]][place["cell"]].value
                    quote = place["quote"]
                    assert str(cell) == quote or float(cell) == float(quote)
                    checked += 1
    assert checked >= 3


def test_hard_negatives_are_of_many_forms():
    sentences = pool("hard_negatives")
    assert len(sentences) + len(NEGATIVES) >= 30
    kinds = {part.split(":")[0] for s in sentences for part in s["words"].split("<neg.")[1:]}
    assert len(kinds) >= 15


@pytest.mark.parametrize("name", ["qinglan", "wulan"])
def test_the_database_says_what_the_text_says(name, clean):
    case, folder = clean[name]
    totals = {"YJJBNT": "yn_2035", "STBHHX": "hx_2035", "CZKFBJ": "bj_2035", "GDBHMB": "gd_2035"}
    frames = {layer: geopandas.read_file(folder / "database" / f"{layer}.gpkg") for layer in totals}
    for layer, fact in totals.items():
        frame = frames[layer]
        assert frame.crs.to_epsg() == 4547
        assert frame.area.sum() / 1e4 == pytest.approx(case.facts.values[fact], abs=0.01)
        ellipsoidal = sum(
            abs(frame.crs.get_geod().geometry_area_perimeter(g)[0])
            for g in frame.to_crs(4490).geometry
        )
        assert ellipsoidal / 1e4 == pytest.approx(case.facts.values[fact], abs=1)
        assert frame["MJ"].sum() == pytest.approx(case.facts.values[fact], abs=0.01)
    for one, other in [("YJJBNT", "STBHHX"), ("YJJBNT", "CZKFBJ"), ("STBHHX", "CZKFBJ")]:
        assert _overlap(frames[one], frames[other]) < 1
    projects = geopandas.read_file(folder / "database" / "ZDXM.gpkg")
    towns = geopandas.read_file(folder / "database" / "XZQ_XZ.gpkg").set_index("XZQMC")
    for _, project in projects.iterrows():
        assert project.geometry.within(towns.loc[project["XZQMC"]].geometry.buffer(0.01))
        assert all(_overlap(frames[line], projects) < 1 for line in ("YJJBNT", "STBHHX"))


def _overlap(one, other) -> float:
    return float(one.union_all().intersection(other.union_all()).area)


@pytest.mark.parametrize("seed", range(4))
def test_overlapping_lines_overlap_and_projects_lie_in_lines(seed, tmp_path):
    import random

    for kind in ("spatial.three_lines", "spatial.line_conflict"):
        case = load("qinglan")
        (label,) = plant(case, kind, random.Random(seed))
        write_case(case, tmp_path / kind, seed=seed)
        places = [label.place, *label.also]
        layers = [
            geopandas.read_file(tmp_path / kind / p[0]) for p in places if isinstance(p, tuple)
        ]
        assert _overlap(*layers) > 1000


def test_one_case_is_small(tmp_path):
    (folder,) = make_corpus(tmp_path, 1, cases=1, texts=["yanbei"])
    assert sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) < 200_000
    assert verify(folder) >= 5


def test_the_guide_lists_every_kind():
    guide = (Path(__file__).parents[3] / "docs" / "review-corpus.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| `(\w+\.\w+)` \|", guide, re.MULTILINE)) == kinds()
