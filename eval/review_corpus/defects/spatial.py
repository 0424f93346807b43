"""What the text says of place and area against the plan database, and lines that overlap."""

import random

from shapely.affinity import translate
from shapely.geometry import box

from eval.review_corpus.case import Case, Label
from eval.review_corpus.database import LAYERS, Feature, PlanDatabase
from eval.review_corpus.model import Paragraph, Piece
from eval.review_corpus.planting import claim, form, free, others, shuffled, unclaimed


def _file(layer: str) -> str:
    return f"database/{layer}.gpkg"


def _cells(case: Case, words: str) -> list[tuple[Paragraph, Piece]]:
    """Return the table cells that hold exactly these words."""
    return [(h, p) for h, p in case.pieces("name") if h.style == "cell" and p.text == words]


def _projects(case: Case, rng: random.Random) -> list[tuple[PlanDatabase, Feature, Piece]]:
    """Return the free projects: database, feature and the name's cell in the text."""
    if case.database is None:
        return []
    found = []
    for feature in shuffled(case.database.layers["ZDXM"], rng):
        name = feature.values["XMMC"]
        cells = _cells(case, name)
        if cells and f"project:{name}" not in case.used and free(case, case.text, cells[0][1]):
            found.append((case.database, feature, cells[0][1]))
    return found


@form("numbers.database")
def layer_area(case: Case, rng: random.Random) -> list[Label]:
    """A control line covers less or more in the database than the text says."""
    if case.database is None:
        return []
    totals = {"basic": "yn_2035", "redline": "hx_2035", "boundary": "bj_2035"}
    for role in shuffled(totals, rng):
        if f"fact:{totals[role]}" in case.used or f"layer:{role}" in case.used:
            continue
        layer = LAYERS[role]
        feature = rng.choice([f for f in case.database.layers[layer] if f.values["MJ"] > 60])
        town = feature.values["XZQMC"]
        west, south, east, north = feature.shape.bounds
        part = rng.uniform(0.86, 0.96)
        feature.shape = box(west, south, east, south + (north - south) * part)
        feature.values["MJ"] = round(feature.values["MJ"] * part, 2)
        probes = [p for p in case.facts_everywhere() if p.data["expr"] == totals[role]]
        places = [probes[0], *others(case, probes[0])]
        row = case.facts.lists["towns" if "towns" in case.facts.lists else "lines"]
        index = next(i for i, r in enumerate(row) if r["name"] == town)
        key = {"basic": "yn", "redline": "hx", "boundary": "bj"}[role]
        places += [p for p in case.facts_everywhere() if p.data["expr"].endswith(f"_{index}_{key}")]
        prose = [p for p in places if not p.data["table"] and case.text.holds(p)]
        also: list[Piece | tuple[str, str]] = [p for p in places if p is not prose[0]]
        case.used.update({f"fact:{totals[role]}", f"layer:{role}"})
        note = f"{town}的{layer}图层面积与文本不一致"
        label = Label(
            "numbers.database", "serious", prose[0], [(_file(layer), town), *also], "", note
        )
        return [claim(case, label)]
    return []


@form("spatial.area")
def project_area(case: Case, rng: random.Random) -> list[Label]:
    """A project is larger in the database than in the list of projects."""
    for _, feature, cell in _projects(case, rng):
        name = feature.values["XMMC"]
        area = feature.values["MJ"]
        numbers = [
            p
            for p in case.facts_everywhere()
            if p.data["expr"].endswith("_area") and abs(p.data["value"] - area) < 1e-6
        ]
        numbers = [p for p in numbers if case.text.holds(p)]
        if len(numbers) != 1 or area < 4 or not unclaimed(case, numbers[0]):
            continue
        grow = rng.uniform(1.3, 1.8)
        west, south, east, north = feature.shape.bounds
        feature.shape = box(west, south, east, south + (north - south) * grow)
        feature.values["MJ"] = round(area * grow, 2)
        case.used.add(f"project:{name}")
        also: list[Piece | tuple[str, str]] = [cell, (_file("ZDXM"), name)]
        label = Label(
            "spatial.area", "general", numbers[0], also, "", f"{name}用地面积与数据库不一致"
        )
        return [claim(case, label)]
    return []


@form("spatial.place")
def project_town(case: Case, rng: random.Random) -> list[Label]:
    """A project is listed in a town that it does not lie in."""
    if case.database is None:
        return []
    names = [f.values["XZQMC"] for f in case.database.layers["XZQ_XZ"]]
    for _, feature, cell in _projects(case, rng):
        town = feature.values["XZQMC"]
        name = feature.values["XMMC"]
        if any(other in name for other in names):
            continue
        row = next(
            r
            for t in case.text.tables()
            for r in t.rows
            if any(c and cell in c.paragraph.pieces for c in r)
        )
        towns = [c.paragraph.pieces[0] for c in row if c and c.paragraph.text == town]
        if not towns or not free(case, case.text, towns[0]):
            continue
        wrong = rng.choice([other for other in names if other != town])
        towns[0].text = wrong
        case.used.add(f"project:{name}")
        also: list[Piece | tuple[str, str]] = [cell, (_file("ZDXM"), name)]
        return [
            claim(
                case, Label("spatial.place", "general", towns[0], also, town, f"{name}位于{town}")
            )
        ]
    return []


@form("spatial.line_conflict")
def project_in_line(case: Case, rng: random.Random) -> list[Label]:
    """A project lies in permanent basic farmland or in the ecological redline."""
    for database, feature, cell in _projects(case, rng):
        town, name = feature.values["XZQMC"], feature.values["XMMC"]
        if any(word in name for word in ("农田", "修复", "管护")):  # may well lie in a line
            continue
        layer = rng.choice(["YJJBNT", "STBHHX"])
        line = database.find(layer, "XZQMC", town)
        west, south, east, north = line.shape.bounds
        inner = feature.shape.bounds
        if inner[3] - inner[1] > north - south or inner[2] - inner[0] > east - west:
            continue
        feature.shape = translate(
            feature.shape, west + 300 - inner[0], (south + north) / 2 - (inner[1] + inner[3]) / 2
        )
        case.used.add(f"project:{name}")
        words = {"YJJBNT": "永久基本农田", "STBHHX": "生态保护红线"}[layer]
        also: list[Piece | tuple[str, str]] = [(_file("ZDXM"), name), (_file(layer), town)]
        return [
            claim(
                case,
                Label("spatial.line_conflict", "serious", cell, also, "", f"{name}占用{words}"),
            )
        ]
    return []


@form("spatial.three_lines")
def overlapping_lines(case: Case, rng: random.Random) -> list[Label]:
    """The urban development boundary of a town lies over its farmland or its redline."""
    if case.database is None:
        return []
    for feature in shuffled(case.database.layers["CZKFBJ"], rng):
        town = feature.values["XZQMC"]
        if (
            f"layer:{town}" in case.used
            or "layer:boundary" in case.used
            or "layer:redline" in case.used
        ):
            continue
        layer = rng.choice(["STBHHX", "YJJBNT"])
        line = case.database.find(layer, "XZQMC", town)
        shift = line.shape.bounds[3] - feature.shape.bounds[3]
        feature.shape = translate(feature.shape, 0, shift)
        case.used.add(f"layer:{town}")
        note = f"{town}城镇开发边界与{layer}重叠"
        label = Label(
            "spatial.three_lines",
            "serious",
            (_file("CZKFBJ"), town),
            [(_file(layer), town)],
            "",
            note,
        )
        return [claim(case, label)]
    return []
