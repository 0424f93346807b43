"""What reviewers decide of findings: accept, edit, reject with a reason; nothing is ever overwritten."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from cspon.errors import InputError, SetupError
from cspon.schemas.base import Frozen
from cspon.schemas.review import Finding, FindingStatus, Review, Severity

Verdict = Literal["accepted", "edited", "rejected"]


class Decision(Frozen):
    """What one reviewer decided of one finding."""

    finding: str
    verdict: Verdict
    who: str
    at: datetime
    reason: str = ""
    message: str = ""
    """Edited; empty: as it was."""
    suggestion: str = ""
    severity: Severity | None = None
    replacement: str | None = None

    def of(self, finding: Finding) -> Finding:
        """Return a finding as decided."""
        status: FindingStatus = self.verdict
        edited = {
            "message": self.message, "suggestion": self.suggestion, "severity": self.severity,
            "replacement": self.replacement,
        }  # fmt: skip
        changed = {name: value for name, value in edited.items() if value}
        return finding.model_copy(update={**changed, "status": status, "reason": self.reason})


def require_reason(decision: Decision) -> None:
    """Refuse a rejection without a reason and an edit that changes nothing.

    Raises:
        InputError: one of them.
    """
    if decision.verdict == "rejected" and not decision.reason.strip():
        raise InputError("驳回须写明理由", field="reason", mend="用 --reason 写明为什么不是问题")
    edits = (decision.message, decision.suggestion, decision.severity, decision.replacement)
    if decision.verdict == "edited" and not any(edits):
        raise InputError("修改没有内容", field="message", mend="给出修改后的意见、建议、程度或改法")


class Log:
    """The decisions of one review, a line each, in the order in which they were made.

    Args:
        file: Where they are kept.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def append(self, decision: Decision) -> None:
        """Put a decision on record.

        Raises:
            SetupError: the disk is full or not writable; nothing was recorded.
        """
        line = decision.model_dump_json(exclude_defaults=True) + "\n"
        try:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(line)
                file.flush()
        except OSError as error:
            raise SetupError(f"决定写不了：{error}", mend="检查磁盘空间") from error

    def read(self) -> list[Decision]:
        """Return all decisions; a last line that a crash cut off counts as never made.

        Raises:
            InputError: a line before the last is no decision.
        """
        if not self._file.exists():
            return []
        lines = self._file.read_text(encoding="utf-8").splitlines()
        made: list[Decision] = []
        for number, line in enumerate(lines, 1):
            try:
                made.append(Decision.model_validate_json(line))
            except ValidationError as error:
                if number < len(lines):
                    raise InputError("不是一条决定", file=self._file, row=number) from error
        return made


def decided(review: Review, decisions: Iterable[Decision]) -> Review:
    """Return a review with each finding as it was decided last."""
    last = {decision.finding: decision for decision in decisions}
    findings = tuple(
        last[finding.id].of(finding) if finding.id in last else finding
        for finding in review.findings
    )
    return review.model_copy(update={"findings": findings})


def lessons(review: Review, decisions: Iterable[Decision]) -> list[dict[str, object]]:
    """Return rejected and edited findings as cases of evaluation and pairs for training, a dict each.

    `kind`, `check`, `quote`, `heading`, `said` (the finding's words), `verdict`, `reason`, `better` (the
    reviewer's words; empty where there should be none), `model`.
    """
    last = {decision.finding: decision for decision in decisions}
    told: list[dict[str, object]] = []
    for finding in review.findings:
        decision = last.get(finding.id)
        if decision is None or decision.verdict == "accepted":
            continue
        place = finding.place
        told.append({
            "kind": finding.kind, "check": finding.check, "quote": place.quote if place else "",
            "heading": place.heading if place else "", "said": finding.message, "verdict": decision.verdict,
            "reason": decision.reason, "better": decision.message, "model": finding.model,
        })  # fmt: skip
    return told
