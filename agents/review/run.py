"""Run the deterministic checks over a submission: located findings, the weightiest first."""

import hashlib
import logging
from collections.abc import Callable, Iterable
from datetime import date

from agents.review.case import Case
from agents.review.check import Check, Found, checks
from cspon.errors import CsponError
from cspon.schemas.review import Finding, NotReviewed, Place, Review, Severity

log = logging.getLogger("cspon.review")
Say = Callable[[str], None]
ABOVE_ALL = ("injection.instruction",)
"""Kinds beside which nothing else is told of the same words."""
_SAYS = {
    kind: rank
    for rank, kind in enumerate((
        "injection.instruction", "secrecy.military", "secrecy.pipeline", "secrecy.coordinates",
        "numbers.unit_slip", "numbers.unit_conversion", "numbers.sum", "numbers.share_sum", "numbers.share_value",
        "numbers.change", "numbers.count", "numbers.per_capita", "numbers.expansion_factor", "numbers.urbanisation",
        "numbers.direction", "numbers.part_whole", "numbers.upper_limit", "numbers.database", "numbers.explanation",
        "numbers.text_table", "numbers.text_text", "terms.name", "terms.typo",
    ))
}  # fmt: skip
"""Kinds of which one is told at the same words, the first of them."""
_RANK = {severity: rank for rank, severity in enumerate(Severity)}


def review(
    case: Case, *, say: Say = lambda text: None, only: Iterable[Check] | None = None
) -> Review:
    """Review a submission.

    Args:
        case: The submission.
        say: Progress.
        only: Checks that run; None: all that are for its type.
    """
    plan_type = case.facts.plan_type
    chosen = [c for c in (only or checks().values()) if not plan_type or plan_type in c.plan_types]
    findings: list[Finding] = []
    reads = (case.text, *case.others.values())
    not_reviewed = [NotReviewed(what=r.name, why=notice) for r in reads for notice in r.notices]
    for number, check in enumerate(chosen, 1):
        say(f"检查 {number}/{len(chosen)}：{check.title}")
        try:
            findings += [_finding(case, check, found) for found in check.run(case)]
        except CsponError as error:
            not_reviewed.append(NotReviewed(what=check.title, why=str(error)))
    if case.database is None:
        why = "未提交，文本与数据库的一致性、项目与控制线的关系未核对"
        not_reviewed.append(NotReviewed(what="规划数据库", why=why))
    else:
        not_reviewed += case.database.told()
    return Review(
        files=tuple(r.name for r in reads), hashes=tuple(r.sha256 for r in reads),
        plan_type=plan_type, reviewed_on=(case.facts.text_date or date.today()).isoformat(),
        findings=tuple(_ranked(_told_once(_once(findings)))), not_reviewed=tuple(not_reviewed),
        checks=tuple(check.id for check in chosen),
    )  # fmt: skip


def with_more(
    done: Review, findings: Iterable[Finding], not_reviewed: Iterable[NotReviewed]
) -> Review:
    """Return a review with what was found besides, in its rank."""
    return done.model_copy(
        update={
            "findings": tuple(_ranked(_once([*done.findings, *findings]))),
            "not_reviewed": (*done.not_reviewed, *not_reviewed),
        }
    )


def _finding(case: Case, check: Check, found: Found) -> Finding:
    places = list(found.places)
    if found.span is not None:
        place: Place | None = case.place(found.span, found.read)
    else:
        place = places.pop(0) if places else None
    also = [case.place(span, found.read) for span in found.also]
    also += [case.place(span, case.others[role]) for role, span in found.also_in]
    also += places
    kind = found.kind or check.kind
    told = (
        f"{kind} {place.file} {place.part or place.sheet} {place.cell or place.paragraph} {place.start} {place.quote} {place.feature}"
        if place
        else kind
    )
    return Finding(
        id=hashlib.sha256(f"{told} {found.message}".encode()).hexdigest()[:16], check=check.id, kind=kind,
        severity=found.severity or check.severity, message=found.message, place=place, also=tuple(also),
        evidence=found.evidence, basis=(*check.basis, *found.basis), suggestion=found.suggestion,
        replacement=found.replacement,
    )  # fmt: skip


def _once(findings: list[Finding]) -> list[Finding]:
    """Leave out what was found twice at the same words."""
    kept: dict[object, Finding] = {}
    for finding in findings:
        place = finding.place
        key = (
            finding.kind,
            finding.message
            if place is None
            else (
                place.file,
                place.part,
                place.paragraph,
                place.sheet,
                place.cell,
                place.start,
                place.end,
                place.feature,
            ),
        )
        if key not in kept or _RANK[finding.severity] < _RANK[kept[key].severity]:
            kept[key] = finding
    return list(kept.values())


def _told_once(findings: list[Finding]) -> list[Finding]:
    """Of findings of one group at the same words, keep the one that says most: a sum before a mere difference."""
    kept: list[Finding] = []
    by_place: dict[tuple[str, str, int, str, str], list[Finding]] = {}
    for finding in sorted(findings, key=lambda f: _SAYS.get(f.kind, len(_SAYS))):
        place = finding.place
        if place is None or finding.kind not in _SAYS:
            kept.append(finding)
            continue
        at = (place.file, place.part, place.paragraph, place.sheet, place.cell)
        others = by_place.setdefault(at, [])
        group = finding.kind.partition(".")[0]
        if not any(
            _overlap(other, finding) and (other.kind.startswith(group) or other.kind in ABOVE_ALL)
            for other in others
        ):
            others.append(finding)
            kept.append(finding)
    return kept


def _overlap(one: Finding, other: Finding) -> bool:
    assert one.place is not None and other.place is not None
    return one.place.start < other.place.end and other.place.start < one.place.end


def _ranked(findings: list[Finding]) -> list[Finding]:
    def order(finding: Finding) -> tuple[int, int, int]:
        place = finding.place
        return (
            _RANK[finding.severity],
            place.paragraph if place else -1,
            place.start if place else 0,
        )

    return sorted(findings, key=order)
