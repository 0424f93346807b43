"""Review benchmark: what the document-review agent finds of labelled defects, and what it finds falsely.

A corpus is a folder of cases, see docs/review-corpus.md; labels come from whoever made it, never from the
checks. A finding is right where a label of its kind stands at the same words; a label is found once.
"""

import resource
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from agents.review.case import Case, Facts, Years
from agents.review.judge.run import model_findings
from agents.review.laws import Laws
from agents.review.run import review, with_more
from agents.review.submission import case_of
from cspon.errors import InputError
from cspon.schemas.base import Frozen
from eval.bench.review_score import Outcome, labels_of, score_case
from eval.bootstrap import RESAMPLES, SEED
from eval.wilson import interval

PAGE = 700
"""Characters of a page, tables included: about what an A4 page of a plan text holds."""
SHOWN = 2000
"""Missed labels and false findings that are listed at most."""


class Told(Frozen, extra="ignore"):
    """`case.json`: what is known of a case."""

    plan_type: str = ""
    region: str = ""
    text_date: str | None = None
    public: bool = False
    base_year: int | None = None
    near_year: int | None = None
    target_year: int | None = None
    outlook_year: int | None = None
    upper: tuple[dict[str, Any], ...] = ()
    maps: tuple[str, ...] = ()
    attachments: tuple[str, ...] = ()

    def facts(self) -> Facts:
        """Return it as the facts of a submission."""
        years = Years(
            base=self.base_year,
            near=self.near_year,
            target=self.target_year,
            outlook=self.outlook_year,
        )
        same = ("plan_type", "region", "text_date", "public", "upper", "maps", "attachments")
        return Facts.model_validate({name: getattr(self, name) for name in same} | {"years": years})


def run(corpus: Path, *, laws: Laws | None) -> dict[str, Any]:
    """Review each case of a corpus and measure.

    Args:
        corpus: The folder.
        laws: The laws that texts may cite; None: citations are not looked at.

    Raises:
        InputError: the corpus is none; names file and line.
    """
    folders = sorted(file.parent for file in corpus.glob("*/case.json"))
    if not folders:
        raise InputError("没有案例（每个案例一个文件夹，内有 case.json）", file=corpus)
    outcomes, seconds = [], []
    for number, folder in enumerate(folders, 1):
        labels, started = labels_of(folder / "labels.jsonl"), time.perf_counter()
        case = read_case(folder, laws)
        more, _ = model_findings(case, None, None)
        findings = with_more(review(case), more, ()).findings
        seconds.append(time.perf_counter() - started)
        outcomes.append(score_case(folder.name, labels, findings, _pages(case)))
        print(f"{number}/{len(folders)} {_line(outcomes[-1])}", file=sys.stderr, flush=True)
    return figures(outcomes) | {
        "seconds": round(sum(seconds), 1),
        "seconds_worst_case": round(max(seconds), 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def read_case(folder: Path, laws: Laws | None) -> Case:
    """Read the files of a case.

    Raises:
        InputError: names the file and field.
    """
    file = folder / "case.json"
    try:
        facts = Told.model_validate_json(file.read_bytes()).facts()
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(first["msg"], file=file, field=".".join(map(str, first["loc"]))) from None
    names = {"explanation": "explanation.docx", "tables": "tables.xlsx", "database": "database"}
    given = {role: path for role, name in names.items() if (path := folder / name).exists()}
    return case_of(folder / "text.docx", facts, laws=laws, **given)


def figures(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return the figures of all cases: overall, by kind, and what was missed or false."""
    asks = {label.kind for o in outcomes for label in o.labels if label.needs_model}
    without = [o.restricted(needs_model=False, kinds=asks) for o in outcomes]
    pages = sum(o.pages for o in outcomes)
    serious = sum(o.serious for o in without)
    return {
        "cases": len(outcomes),
        "pages": round(pages),
        "without_model": _scores(without),
        "with_model": _scores([o.restricted(needs_model=True, kinds=asks) for o in outcomes]),
        "serious_false": serious,
        "serious_false_per_10_pages": round(10 * serious / pages, 4),
        "fooled_by_hard_negatives": sum(len(o.fooled) for o in outcomes),
        "by_kind": _by_kind(outcomes),
        "missed": [
            f"{o.case} {label.kind} {label.place.quote if label.place else label.expected}：{label.note}"
            for o in outcomes
            for label in o.labels
            if label not in o.found
        ][:SHOWN],
        "false": [
            f"{o.case} {f.kind} {f.severity} {f.place.quote if f.place else '全文'}：{f.message}"
            for o in outcomes
            for f in o.false
        ][:SHOWN],
    }


def _scores(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return micro precision, recall and F1; the interval of F1 is a bootstrap over cases."""
    counts = np.array([(len(o.found), len(o.labels), len(o.false)) for o in outcomes])
    found, labels, false = (int(n) for n in counts.sum(axis=0))
    if not labels:
        return {"labels": 0, "false": false}
    picks = np.random.default_rng(SEED).integers(0, len(counts), size=(RESAMPLES, len(counts)))
    drawn = [_f1(*sums) for sums in counts[picks].sum(axis=1)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return {
        "labels": labels,
        "found": found,
        "false": false,
        "recall": interval([1] * found + [0] * (labels - found)),
        "precision": interval([1] * found + [0] * false) if found + false else None,
        "micro_f1": {
            "value": round(_f1(found, labels, false), 4),
            "low": round(float(low), 4),
            "high": round(float(high), 4),
        },
    }


def _f1(found: float, labels: float, false: float) -> float:
    return 2 * found / (found + false + labels) if labels else 0.0


def _by_kind(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    labels = Counter(label.kind for o in outcomes for label in o.labels)
    found = Counter(label.kind for o in outcomes for label in o.found)
    false = Counter(finding.kind for o in outcomes for finding in o.false)
    told: dict[str, Any] = {}
    for kind in sorted(labels | false):
        n, right, wrong = labels[kind], found[kind], false[kind]
        told[kind] = {
            "labels": n,
            "found": right,
            "false": wrong,
            "f1": round(_f1(right, n, wrong), 4),
        }
        if n:
            told[kind]["recall"] = interval([1] * right + [0] * (n - right))
        if right + wrong:
            told[kind]["precision"] = interval([1] * right + [0] * wrong)
    return told


def _pages(case: Case) -> float:
    reads = (case.text, *case.others.values())
    return sum(len(block.text) for read in reads for block in read.blocks) / PAGE


def _line(outcome: Outcome) -> str:
    return f"{outcome.case}：找到 {len(outcome.found)}/{len(outcome.labels)}，误报 {len(outcome.false)}"
