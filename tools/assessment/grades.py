"""Graded early warning: thresholds and names are data (`grades.yaml`)."""

from itertools import pairwise
from pathlib import Path

from pydantic import Field, ValidationError, model_validator

from cspon.schemas.base import Frozen
from tools.library.reading import field_error, read_yaml

FILE = Path(__file__).with_name("grades.yaml")


class Step(Frozen):
    """One grade: holds up to a deviation in percent, the last one without end."""

    name: str
    up_to: float | None = None
    colour: str = Field(pattern=r"^#[0-9a-f]{6}$")


class TrendLimits(Frozen):
    """From when on a series is said to have a trend."""

    least_points: int = Field(ge=3)
    least_agreement: float = Field(ge=0, le=1)


class Grades(Frozen):
    """All tables of thresholds."""

    title: str
    source: str
    verified: bool
    to_confirm: str
    method: str
    missing: str
    without_target: str
    standard: str
    by_attribute: dict[str, str] = Field(default_factory=dict)
    tables: dict[str, tuple[Step, ...]]
    trend: TrendLimits

    @model_validator(mode="after")
    def _ascending(self) -> "Grades":
        for name in (self.standard, *self.by_attribute.values()):
            if name not in self.tables:
                raise ValueError(f"没有阈值表 {name}")
        for name, steps in self.tables.items():
            limits = [s.up_to for s in steps[:-1]]
            if not steps or steps[-1].up_to is not None or None in limits:
                raise ValueError(f"阈值表 {name}：只有最后一级不写 up_to")
            if any(a >= b for a, b in pairwise(x for x in limits if x is not None)):
                raise ValueError(f"阈值表 {name}：up_to 须由小到大")
        return self

    def table(self, attribute: str, own: str = "") -> tuple[Step, ...]:
        """Return the table of a member: its own, that of its attribute, or the standard one.

        Raises:
            KeyError: the member names a table that is not there.
        """
        return self.tables[own or self.by_attribute.get(attribute, self.standard)]

    def colour(self, name: str) -> str:
        """Return the colour of a grade, grey for one without."""
        for steps in self.tables.values():
            for step in steps:
                if step.name == name:
                    return step.colour
        return "#8a8f94"

    @property
    def names(self) -> tuple[str, ...]:
        """All grades from good to bad, then those without a value."""
        found = dict.fromkeys(s.name for steps in self.tables.values() for s in steps)
        return (*found, self.without_target, self.missing)


def grade_of(deviation_percent: float, steps: tuple[Step, ...]) -> Step:
    """Return the grade of a deviation; a limit belongs to the better grade."""
    return next(s for s in steps if s.up_to is None or deviation_percent <= s.up_to)


def load_grades(file: Path | None = None) -> Grades:
    """Read the bureau's file, or the one that ships.

    Raises:
        InputError: the file has a mistake.
    """
    read = FILE if file is None else file
    try:
        return Grades.model_validate(read_yaml(read))
    except ValidationError as error:
        raise field_error(read, error) from None
