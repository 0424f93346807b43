"""Labels against findings: what was found, what was missed, what is false."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from cspon.errors import InputError
from cspon.schemas.base import Frozen
from cspon.schemas.review import Finding, Place, Severity

GENERAL = {
    "规划",
    "国土",
    "土空",
    "空间",
    "县域",
    "乡域",
    "镇域",
    "村域",
    "划图",
    "地图",
    "控制",
    "保护",
    "建设",
    "项目",
}
"""Pairs of characters that are in the names of too many things to tell one from another."""


class LabelPlace(Frozen, extra="ignore"):
    """Where a defect is: of a Word file, a workbook or a database."""

    file: str
    quote: str = ""
    part: str = ""
    paragraph: int = -1
    start: int = 0
    end: int = 0
    sheet: str = ""
    cell: str = ""
    feature: str = ""

    def meets(self, place: Place) -> bool:
        """Say whether a finding's place is this one: words that overlap, the same cell or feature."""
        if Path(self.file).name != Path(place.file).name:
            return False
        if self.paragraph >= 0:
            same = (self.part, self.paragraph) == (place.part, place.paragraph)
            return same and place.start < self.end and self.start < place.end
        if self.cell:
            return (self.sheet, self.cell) == (place.sheet, place.cell)
        return bool(self.feature) and self.feature in place.feature


class Label(Frozen, extra="ignore"):
    """A line of `labels.jsonl`."""

    id: str
    kind: str
    needs_model: bool = False
    place: LabelPlace | None = None
    """None: of the whole submission."""
    also: tuple[LabelPlace, ...] = ()
    expected: str = ""
    note: str = ""
    hard_negative: bool = False

    def meets(self, finding: Finding) -> bool:
        """Say whether a finding is this defect."""
        if finding.kind != self.kind:
            return False
        if self.place is None or finding.place is None:
            return self.place is None and finding.place is None and self._named_in(finding.message)
        return any(place.meets(finding.place) for place in (self.place, *self.also))

    def _named_in(self, message: str) -> bool:
        """Say whether a finding of the whole submission is about the same: it names two characters of it."""
        named = self.expected or self.note
        told = message.partition("：")[2]
        pairs = {named[at : at + 2] for at in range(len(named) - 1)} - GENERAL
        return any(pair in told for pair in pairs)


@dataclass(frozen=True)
class Outcome:
    """What came of one case."""

    case: str
    labels: list[Label]
    """Defects; hard negatives are none."""
    found: list[Label]
    false: list[Finding]
    fooled: list[Finding]
    """Those of `false` at a hard negative."""
    pages: float

    def restricted(self, *, needs_model: bool, kinds: set[str]) -> "Outcome":
        """Return it for the kinds that need a model, or for those that need none."""
        return Outcome(
            self.case,
            [label for label in self.labels if label.needs_model is needs_model],
            [label for label in self.found if label.needs_model is needs_model],
            [finding for finding in self.false if (finding.kind in kinds) is needs_model],
            [finding for finding in self.fooled if (finding.kind in kinds) is needs_model],
            self.pages,
        )

    @property
    def serious(self) -> int:
        """How many false findings are serious ones."""
        return sum(finding.severity is Severity.SERIOUS for finding in self.false)


def labels_of(file: Path) -> list[Label]:
    """Read the labels of a case.

    Raises:
        InputError: names the line and field.
    """
    labels = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        try:
            labels.append(Label.model_validate_json(line))
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"]))
            raise InputError(first["msg"], file=file, row=number, field=field) from None
    return labels


def score_case(
    case: str, labels: Sequence[Label], findings: Sequence[Finding], pages: float
) -> Outcome:
    """Match the findings of a case to its labels, each label once.

    A second finding at a label that is found already is neither right nor false: it repeats.
    """
    defects = [label for label in labels if not label.hard_negative]
    traps = [label for label in labels if label.hard_negative]
    open_, false, fooled = list(defects), [], []
    for finding in findings:
        met = next((label for label in open_ if label.meets(finding)), None)
        if met is not None:
            open_.remove(met)
        elif not any(label.meets(finding) for label in defects):
            false.append(finding)
            if any(trap.meets(finding) for trap in traps):
                fooled.append(finding)
    return Outcome(case, defects, [d for d in defects if d not in open_], false, fooled, pages)
