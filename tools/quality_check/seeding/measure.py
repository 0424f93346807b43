"""Recall and precision of the quality check on planted defects, by kind."""

import tempfile
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tools.quality_check.model import Finding
from tools.quality_check.packs import load_pack
from tools.quality_check.seeding.clean import clean_draft
from tools.quality_check.seeding.consistency_defects import CONSISTENCY_DEFECTS
from tools.quality_check.seeding.database_defects import DATABASE_DEFECTS
from tools.quality_check.seeding.feature_defects import FEATURE_DEFECTS, ONCE
from tools.quality_check.seeding.truth import Defect, Planter, Truth
from tools.quality_check.survey import check_database

PACK = "county_master_plan"
_TOGETHER = 3
"""Times that a defect of a feature is planted in one database: more would touch each other."""


@dataclass
class Score:
    """Counts of one kind of defect."""

    planted: int = 0
    found: int = 0


@dataclass
class Measure:
    """Counts over all databases."""

    kinds: dict[str, Score] = field(default_factory=lambda: defaultdict(Score))
    by_check: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    """Check id to findings that are right, and all of them."""
    findings: int = 0
    right: int = 0
    missed: list[Truth] = field(default_factory=list)
    false: list[Finding] = field(default_factory=list)
    clean: int = 0
    """Findings in the database without defects."""

    def hold(self, truths: list[Truth], findings: tuple[Finding, ...]) -> None:
        """Hold the findings of one database against what was planted there."""
        for truth in truths:
            if truth.consequence:
                continue
            score = self.kinds[truth.defect]
            score.planted += 1
            if any(truth.meets(finding) for finding in findings):
                score.found += 1
            else:
                self.missed.append(truth)
        for finding in findings:
            self.findings += 1
            known = any(truth.meets(finding) for truth in truths)
            self.right += known
            self.by_check[finding.check][0] += known
            self.by_check[finding.check][1] += 1
            if not known:
                self.false.append(finding)


def measure(
    *,
    seed: int,
    times: int = 3,
    size: int = 72,
    small: int = 16,
    progress: Callable[[str], None] = lambda _: None,
) -> Measure:
    """Plant every defect and count what the check finds.

    Args:
        seed: Equal seeds give equal databases.
        times: How often each defect is planted.
        size: Cells a side of the database with the defects of features.
        small: Cells a side of the databases with one defect each.
        progress: Gets Chinese sentences.
    """
    result = Measure()
    for start in range(0, times, _TOGETHER):
        progress(f"要素级缺陷 {start + 1}～{min(start + _TOGETHER, times)} / {times}")
        here = min(_TOGETHER, times - start)
        defects = (*(d for d in FEATURE_DEFECTS for _ in range(here)), *ONCE)
        _hold(result, defects, size, seed + 1000 * start)
    alone = (*DATABASE_DEFECTS, *CONSISTENCY_DEFECTS)
    for number, defect in enumerate(alone):
        progress(f"库级缺陷 {number + 1} / {len(alone)}")
        for again in range(times):
            _hold(result, (defect,), small, seed + 1 + number + 1000 * again)
    progress("无缺陷的库")
    before = result.findings
    _hold(result, (), size, seed)
    result.clean = result.findings - before
    return result


def _hold(result: Measure, defects: tuple[Defect, ...], size: int, seed: int) -> None:
    planter = Planter(clean_draft(size, seed), np.random.default_rng(seed))
    for defect in defects:
        defect(planter)
    with tempfile.TemporaryDirectory() as folder:
        place, table, upper = planter.draft.write(Path(folder))
        quality = check_database(place, load_pack(PACK), indicators=table, upper=upper, workers=1)
    result.hold(planter.truths, quality.findings)
