"""A case: a plan text with its companions, its labels, and how they are written to a folder."""

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from eval.review_corpus.database import PlanDatabase, plan_database, write_database
from eval.review_corpus.docx_places import paragraphs
from eval.review_corpus.docx_writer import write_docx
from eval.review_corpus.facts import Facts, read_facts, written
from eval.review_corpus.model import Document, Paragraph, Piece, Table
from eval.review_corpus.numbering import number_all
from eval.review_corpus.source import Reader
from eval.review_corpus.workbook import write_workbook

TEXTS = Path(__file__).parent / "texts"
GENERATOR = "eval.review_corpus 1"


@dataclass(eq=False)
class Label:
    """A planted defect or a hard negative. Places are pieces, or database features as (file, words)."""

    kind: str
    severity: str
    place: Piece | tuple[str, str] | None
    also: list[Piece | tuple[str, str]] = field(default_factory=list)
    expected: str = ""
    note: str = ""
    needs_model: bool = False
    hard_negative: bool = False


@dataclass(eq=False)
class Case:
    """One case in memory, open to planting."""

    name: str
    meta: dict[str, Any]
    text: Document
    explanation: Document | None
    sheets: list[Table]
    database: PlanDatabase | None
    facts: Facts
    upper: list[dict[str, Any]]
    maps: list[str]
    attachments: list[str]
    reader: Reader
    restate: list[str]
    contradict: list[dict[str, str]]
    labels: list[Label] = field(default_factory=list)
    touched: list[Piece] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def documents(self) -> list[Document]:
        """Return the text and, where there is one, the explanation."""
        return [self.text] + ([self.explanation] if self.explanation else [])

    def pieces(self, tag: str) -> Iterator[tuple[Paragraph, Piece]]:
        """Yield the pieces of the text that carry a tag, with their paragraphs."""
        for paragraph in self.text.paragraphs():
            for piece in paragraph.pieces:
                if piece.tag == tag:
                    yield paragraph, piece

    def facts_everywhere(self) -> Iterator[Piece]:
        """Yield every number of a fact: text, explanation, workbook."""
        homes = [p for document in self.documents() for p in document.paragraphs()]
        homes += [p for sheet in self.sheets for p in sheet.paragraphs()]
        for paragraph in homes:
            yield from (piece for piece in paragraph.pieces if piece.tag == "fact")


def names() -> list[str]:
    """Return the names of the clean texts."""
    return sorted(path.stem for path in TEXTS.glob("*.yaml"))


def load(name: str) -> Case:
    """Build the clean case of a text."""
    sheet = yaml.safe_load((TEXTS / f"{name}.yaml").read_text(encoding="utf-8"))
    facts = read_facts(sheet["facts"])
    reader = Reader(facts, sheet["hand"])
    lists = {"maps": sheet.get("maps", []), "attachments": sheet.get("attachments", [])}
    text = reader.read("text.docx", (TEXTS / f"{name}.md").read_text(encoding="utf-8"), lists)
    explanation = None
    second = TEXTS / f"{name}.explanation.md"
    if second.exists():
        explanation = reader.read("explanation.docx", second.read_text(encoding="utf-8"), {})
    for document in [text] + ([explanation] if explanation else []):
        number_all(document)
    _mark_mandatory(text)
    tables = {table.name: table for table in text.tables()}
    sheets = [copy.deepcopy(tables[key]) for key in sheet.get("workbook", [])]
    entries: dict[str, list[str]] = {"maps": [], "attachments": []}
    for paragraph in text.paragraphs():
        if paragraph.style == "entry":
            entries[paragraph.data["list"]].append("".join(p.text for p in paragraph.pieces[1:]))
    database = plan_database(facts, sheet["database"]) if "database" in sheet else None
    case = Case(name, dict(sheet["meta"]), text, explanation, sheets, database, facts,
                [_upper(entry, facts) for entry in sheet.get("upper", [])],
                entries["maps"], entries["attachments"], reader,
                sheet.get("restate", []), sheet.get("contradict", []))  # fmt: skip
    for home, piece in case.pieces("neg"):
        case.used.add(f"sentence:{id(home)}:{home.sentence(piece)}")
        case.labels.append(
            Label(piece.data["kind"], "hint", piece, note="原文如此，不是问题", hard_negative=True)
        )
    return case


def _upper(entry: dict[str, Any], facts: Facts) -> dict[str, Any]:
    value = facts.value(entry["fact"]) + entry["slack"]
    return {
        "indicator": entry["indicator"],
        "value": float(written(value, entry["unit"], 2)),
        "unit": entry["unit"],
        "direction": entry["direction"],
        "source": entry.get("source", "上级国土空间总体规划指标分解表"),
        "fact": entry["fact"],
    }


def _mark_mandatory(text: Document) -> None:
    mark = text.hand.get("must", "")
    under = False
    for paragraph in text.body():
        if paragraph.style in ("article", "chapter"):
            under = "must" in paragraph.data
            if under and mark:
                paragraph.pieces.append(Piece(mark, "mark"))
        elif under and not mark and paragraph.style in ("body", "item"):
            paragraph.data["underlined"] = True


def write_case(case: Case, folder: Path, *, seed: int) -> None:
    """Write a case as the corpus format has it, and look every label up in the written files.

    Raises:
        AssertionError: A label is not at its place.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for document in case.documents():
        write_docx(document, folder / document.file)
    if case.sheets:
        write_workbook(case.sheets, folder / "tables.xlsx")
    if case.database is not None:
        write_database(case.database, folder / "database")
    head = {"id": folder.name, **case.meta}
    head |= {"upper": [{k: v for k, v in u.items() if k != "fact"} for u in case.upper]}
    head |= {
        "maps": case.maps,
        "attachments": case.attachments,
        "seed": seed,
        "generator": GENERATOR,
    }
    (folder / "case.json").write_text(
        json.dumps(head, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
    spots = _spots(case)
    lines = []
    for number, label in enumerate(case.labels, 1):
        line = {
            "id": f"{folder.name}-{number:03d}",
            "kind": label.kind,
            "severity": label.severity,
            "needs_model": label.needs_model,
            "place": None if label.place is None else _place(label.place, spots),
            "also": [_place(place, spots) for place in label.also],
            "expected": label.expected,
            "note": label.note,
            "hard_negative": label.hard_negative,
        }
        lines.append(json.dumps(line, ensure_ascii=False) + "\n")
    (folder / "labels.jsonl").write_text("".join(lines), encoding="utf-8")
    verify(folder)


def _spots(case: Case) -> dict[int, dict[str, Any]]:
    """Return the written place of every piece by its identity."""
    spots: dict[int, dict[str, Any]] = {}
    for document in case.documents():
        for part, index, paragraph in document.places():
            at = 0
            for piece in paragraph.pieces:
                place = {"file": document.file, "part": part, "paragraph": index}
                spots[id(piece)] = {
                    **place,
                    "start": at,
                    "end": at + len(piece.text),
                    "quote": piece.text,
                }
                at += len(piece.text)
    for sheet in case.sheets:
        for row, cells in enumerate(sheet.rows):
            for column, cell in enumerate(cells):
                for piece in cell.paragraph.pieces if cell else []:
                    where = f"{chr(65 + column)}{row + 3}"
                    spots[id(piece)] = {
                        "file": "tables.xlsx",
                        "sheet": sheet.name,
                        "cell": where,
                        "quote": piece.text,
                    }
    return spots


def _place(place: Piece | tuple[str, str], spots: dict[int, dict[str, Any]]) -> dict[str, Any]:
    if isinstance(place, tuple):
        return {"file": place[0], "feature": place[1]}
    return spots[id(place)]


def verify(folder: Path) -> int:
    """Check that every quote of the labels stands at its place; return how many places there are.

    Raises:
        AssertionError: One does not.
    """
    count = 0
    for line in (folder / "labels.jsonl").read_text(encoding="utf-8").splitlines():
        label = json.loads(line)
        for place in [label["place"], *label["also"]]:
            if place is None or "paragraph" not in place:
                continue
            text = paragraphs(folder / place["file"], place["part"])[place["paragraph"]]
            found = text[place["start"] : place["end"]]
            assert found == place["quote"], f"{label['id']}: {found!r} is not {place['quote']!r}"
            assert found, f"{label['id']}: an empty span"
            count += 1
    return count
