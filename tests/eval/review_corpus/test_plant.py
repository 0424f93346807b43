"""Every kind is planted into at least two texts, does only what its label says, and is found there."""

import difflib
import json
import random

import pytest

from eval.review_corpus.case import load, names, verify, write_case
from eval.review_corpus.docx_places import paragraphs
from eval.review_corpus.plant import kinds, plant, plant_all, plant_hard_negatives

CONTRACT = {
    "completeness": "chapter_missing content_missing table_missing map_missing attachment_missing numbering dangling_reference",
    "numbers": "text_table text_text explanation map_title database unit_conversion unit_slip sum share_sum share_value "
    "change per_capita expansion_factor urbanisation years upper_limit direction part_whole count",
    "citations": "unknown_title wrong_title document_number year article_range wrong_article quote superseded not_in_force standard_number",
    "terms": "nonstandard old_organ old_plan strength vague unit_style number_style typo repeated_word punctuation name",
    "spatial": "area place line_conflict three_lines",
    "logic": "contradiction no_body no_date goal_without_indicator indicator_without_measure forbidden_allowed",
    "secrecy": "coordinates military pipeline",
    "injection": "instruction",
}
ALL = sorted(f"{group}.{kind}" for group, words in CONTRACT.items() for kind in words.split())
TAKES_AWAY = ("chapter_missing", "content_missing", "table_missing", "map_missing")


def test_the_kinds_are_the_contracts():
    assert kinds() == ALL


@pytest.mark.parametrize("kind", ALL)
def test_a_kind_is_planted_into_two_texts_at_least(kind, tmp_path):
    planted = 0
    for name in names():
        case = load(name)
        labels = plant(case, kind, random.Random(kind))
        if not labels:
            continue
        planted += 1
        write_case(case, tmp_path / name, seed=1)
        written = [
            json.loads(x)
            for x in (tmp_path / name / "labels.jsonl").read_text(encoding="utf-8").splitlines()
        ]
        mine = [x for x in written if x["kind"] == kind and not x["hard_negative"]]
        assert len(mine) == len(labels)
        assert all(x["severity"] in ("serious", "general", "hint") for x in mine)
        assert all(x["place"] is not None or x["note"] for x in mine)
        if planted == 3:
            break
    assert planted >= 2


@pytest.mark.parametrize("kind", [k for k in ALL if not k.endswith(TAKES_AWAY)])
def test_a_defect_changes_no_paragraph_but_its_own(kind, clean, tmp_path):
    for name in names():
        case = load(name)
        labels = plant(case, kind, random.Random(f"{kind}:{name}"))
        if not labels:
            continue
        write_case(case, tmp_path / name, seed=1)
        mine = _labels(tmp_path / name, kind)
        places = [place for label in mine for place in [label["place"], *label["also"]]]
        for file, part in [
            ("text.docx", "document"),
            ("text.docx", "footnotes"),
            ("explanation.docx", "document"),
        ]:
            if not (tmp_path / name / file).exists():
                continue
            before = paragraphs(clean[name][1] / file, part)
            after = paragraphs(tmp_path / name / file, part)
            changed = _changed(before, after)
            labelled = [
                p["paragraph"] for p in places if p and p.get("part") == part and p["file"] == file
            ]
            assert set(changed) <= set(labelled), [after[i] for i in changed]
            own = [
                x["place"]
                for x in mine
                if x["place"] and (x["place"].get("part"), x["place"]["file"]) == (part, file)
            ]
            if (
                own
                and kind not in ("numbers.upper_limit", "numbers.database")
                and part != "footnotes"
            ):
                assert changed or kind.startswith(("spatial", "completeness")), kind


def _changed(before, after):
    """Return the indices of the paragraphs of `after` that are new or other than before."""
    steps = difflib.SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes()
    spans = [range(start, end) for tag, _, _, start, end in steps if tag != "equal"]
    return [i for span in spans for i in span if after[i]]


def _labels(folder, kind):
    lines = [
        json.loads(x) for x in (folder / "labels.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    return [x for x in lines if x["kind"] == kind and not x["hard_negative"]]


@pytest.mark.parametrize("name", names())
def test_no_two_defects_lie_in_one_sentence(name, tmp_path):
    case = load(name)
    rng = random.Random(name)
    plant_all(case, rng.sample(ALL, 24), rng)
    assert plant_hard_negatives(case, 6, rng) >= 5
    write_case(case, tmp_path / "case", seed=2)
    assert verify(tmp_path / "case") > 15
    taken = {}
    for line in (tmp_path / "case" / "labels.jsonl").read_text(encoding="utf-8").splitlines():
        label = json.loads(line)
        place = label["place"]
        if place is None or "paragraph" not in place:
            continue
        text = paragraphs(tmp_path / "case" / place["file"], place["part"])[place["paragraph"]]
        before = text[: place["start"]]
        if label["hard_negative"] and text.count("neg"):
            continue
        key = (
            place["file"],
            place["part"],
            place["paragraph"],
            before.count("。") + before.count("；"),
        )
        both = [*taken.setdefault(key, []), label]
        taken[key] = both
        defects = [x for x in both if not x["hard_negative"]]
        assert len(defects) < 2 and (len(both) < 2 or not defects), (text, both)


def test_wrong_numbers_are_beyond_the_tolerance_of_a_hectare():
    for name in names():
        case = load(name)
        for label in plant(case, "numbers.text_table", random.Random(5)):
            if label.place.data["unit"] == "公顷":
                wrong, right = float(label.place.text), float(label.expected)
                assert abs(wrong - right) > 1
