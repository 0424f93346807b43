"""What the file of the implementation assessment says: classes of layout, states, suggestions, grounds."""

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, model_validator

from cspon.schemas.base import Frozen
from cspon.schemas.knowledge import Basis
from tools.library.reading import field_error, read_yaml

FILE = Path(__file__).with_name("book.yaml")
Family = Literal["agriculture", "ecology", "building"]
Cause = Literal[
    "behind", "behind_binding", "heading_off", "deviation", "restore", "overdue_project", "late_start",
    "overdue_policy",
]  # fmt: skip


class Group(Frozen):
    """Codes that are shown together."""

    title: str
    family: Family
    codes: tuple[str, ...] = Field(min_length=1)


class Judgements(Frozen):
    """What a pair of planned and present family is called."""

    same_group: str
    building: dict[Family, str]
    agriculture: dict[Family, str]
    ecology: dict[Family, str]
    unknown: str


class Book(Frozen):
    """All of it."""

    title: str
    source: str
    verified: bool
    to_confirm: str
    groups: tuple[Group, ...]
    families: dict[Family, str]
    judgements: Judgements
    meanings: dict[str, str]
    colours: dict[str, str]
    to_map: tuple[str, ...]
    project_states: tuple[str, str, str, str]
    """Not begun, under way, done, given up: in this order."""
    policy_states: tuple[str, str, str]
    """Not begun, under way, issued: in this order."""
    suggestions: dict[Cause, str]
    basis: tuple[Basis, ...]

    @model_validator(mode="after")
    def _whole(self) -> "Book":
        codes = [code for group in self.groups for code in group.codes]
        if len(set(codes)) < len(codes):
            raise ValueError("groups 中有重复的编码")
        words = {self.judgements.same_group, self.judgements.unknown}
        for family in self.families:
            row = getattr(self.judgements, family)
            if set(row) != set(self.families):
                raise ValueError(f"judgements.{family} 须写全三种现状")
            words |= set(row.values())
        if lacking := [w for w in sorted(words) if w not in self.meanings or w not in self.colours]:
            raise ValueError(f"meanings、colours 缺少：{'、'.join(lacking)}")
        return self

    def group(self, code: str) -> Group | None:
        """Return the group of a land-use code by its longest prefix; None for a code of none."""
        fits = [(len(c), g) for g in self.groups for c in g.codes if code.startswith(c)]
        return max(fits, key=lambda fit: fit[0])[1] if fits else None

    def judge(self, planned: Group | None, present: Group | None) -> str:
        """Say how present use stands to the planned one."""
        if planned is None or present is None:
            return self.judgements.unknown
        if planned == present:
            return self.judgements.same_group
        row: dict[Family, str] = getattr(self.judgements, planned.family)
        return row[present.family]


def load_book(file: Path | None = None) -> Book:
    """Read the bureau's file, or the one that ships.

    Raises:
        InputError: the file has a mistake.
    """
    read = FILE if file is None else file
    try:
        return Book.model_validate(read_yaml(read))
    except ValidationError as error:
        raise field_error(read, error) from None
