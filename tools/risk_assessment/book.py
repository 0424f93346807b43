"""What the file of risks says: kinds, evidence with thresholds, grades, responses."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, model_validator

from cspon.errors import InputError
from cspon.schemas.base import Frozen
from tools.library.reading import field_error, read_yaml

FILE = Path(__file__).with_name("risks.yaml")


class Grade(Frozen):
    """One grade, from harmless to grave."""

    name: str
    colour: str = Field(pattern=r"^#[0-9a-f]{6}$")


class Evidence(Frozen):
    """An indicator that speaks of a risk, and where its grades begin."""

    indicator: str
    of: Literal["value", "yearly_change"] = "value"
    """The value itself in the indicator's unit, or its trend in percent of the present value a year."""
    worse: Literal["higher", "lower"]
    limits: tuple[float, ...]
    """Between one grade and the next; a limit belongs to the better grade."""
    towns: bool = False
    """Graded for every town too."""
    source: str

    @model_validator(mode="after")
    def _ordered(self) -> "Evidence":
        rising = self.worse == "higher"
        if any((a < b) != rising or a == b for a, b in pairwise(self.limits)):
            raise ValueError(f"limits 须{'由小到大' if rising else '由大到小'}")
        if self.towns and self.of != "value":
            raise ValueError("逐乡镇分级只能用 of: value")
        return self

    def grade(self, value: float) -> int:
        """Return the place of a value among the grades, 0 for the harmless one."""
        if self.worse == "higher":
            return sum(value > limit for limit in self.limits)
        return sum(value < limit for limit in self.limits)


class Kind(Frozen):
    """One kind of risk."""

    id: str
    title: str
    evidence: tuple[Evidence, ...] = Field(min_length=1)
    responses: tuple[str, ...] = Field(min_length=1)


class RiskBook(Frozen):
    """All kinds of risk."""

    title: str
    source: str
    verified: bool
    to_confirm: str
    method: str
    missing: str
    grades: tuple[Grade, ...] = Field(min_length=2)
    respond_from: str
    """Lowest grade for which responses are proposed."""
    kinds: tuple[Kind, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _whole(self) -> "RiskBook":
        names = [g.name for g in self.grades]
        if len(set(names)) < len(names):
            raise ValueError("grades 有同名的等级")
        if self.respond_from not in names:
            raise ValueError(f"respond_from 不是等级：{self.respond_from}")
        for kind in self.kinds:
            for e in kind.evidence:
                if len(e.limits) != len(names) - 1:
                    raise ValueError(f"{kind.id} 的 {e.indicator}：limits 须有 {len(names) - 1} 个")
        return self

    def only(self, wanted: Sequence[str]) -> "RiskBook":
        """Keep some kinds, in the order of the book.

        Args:
            wanted: Ids or titles; all are kept when there is none.

        Raises:
            InputError: there is no such kind.
        """
        known = {name: kind.id for kind in self.kinds for name in (kind.id, kind.title)}
        if unknown := [name for name in wanted if name not in known]:
            raise InputError(
                f"没有“{unknown[0]}”这类风险",
                field="kinds",
                mend=f"可用：{'、'.join(f'{k.title}（{k.id}）' for k in self.kinds)}",
            )
        chosen = {known[name] for name in wanted}
        kept = tuple(kind for kind in self.kinds if kind.id in chosen or not chosen)
        return self.model_copy(update={"kinds": kept})

    def colour(self, name: str) -> str:
        """Return the colour of a grade, grey for a missing one."""
        return next((g.colour for g in self.grades if g.name == name), "#b8bcc0")


def load_risks(file: Path | None = None) -> RiskBook:
    """Read the bureau's file, or the one that ships.

    Raises:
        InputError: the file has a mistake.
    """
    file = file or FILE
    try:
        return RiskBook.model_validate(read_yaml(file))
    except ValidationError as error:
        raise field_error(file, error) from None
