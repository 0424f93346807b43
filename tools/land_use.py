"""The 2023 classification of land and sea use: names of codes and what they count as.

Knows 用地用海 2023 only. Codes of the 三调 working classification look alike and mean other things, so
they are tabulated under the names that their layer carries and never counted into a class here.
"""

from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError

from cspon.errors import InputError
from cspon.schemas.base import Frozen
from cspon.schemas.spatial import CodeScheme, LayerSpec

TABLE = Path(__file__).parent / "data" / "land_use_2023.yaml"
SCHEME_TITLES: dict[CodeScheme, str] = {
    "ydyh_2023": "用地用海分类（2023）",
    "sandiao_2020": "三调工作分类",
    "none": "未分类",
}
UNCOVERED = "未覆盖"
"""Code and name of the part of a project that no parcel covers; always a row of its own."""


class LandUseClass(Frozen):
    """A set of codes that a rule counts together."""

    title: str
    include: tuple[str, ...]
    excluded: tuple[str, ...] = Field((), alias="except")
    source: str
    verified: bool

    def contains(self, code: str) -> bool:
        """Say whether a code, or the class above it, is in the set."""
        return code.startswith(self.include) and not code.startswith(self.excluded or ("\0",))


class Classification(Frozen):
    """Codes, names and classes, with their source."""

    scheme: CodeScheme
    title: str
    number: str
    published: date
    source: str
    verified: bool
    classes: dict[str, LandUseClass]
    codes: dict[str, str]


@dataclass(frozen=True)
class CodeLabel:
    """What a code is called in its scheme."""

    code: str
    name: str


@cache
def classification() -> Classification:
    """Load the table; a mistake in it is a bug of this project."""
    raw: Any = yaml.load(TABLE.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    try:
        table = Classification.model_validate(raw)
    except ValidationError as error:
        raise AssertionError(f"{TABLE.name}: {error}") from error
    for name, group in table.classes.items():
        missing = [c for c in (*group.include, *group.excluded) if c not in table.codes]
        assert not missing, f"{TABLE.name}: class {name} names unknown codes {missing}"
    return table


def land_use_name(code: str) -> str | None:
    """Return the name of a 用地用海 code, or None when there is no such code."""
    return classification().codes.get(code)


def is_in_class(code: str, name: str) -> bool:
    """Say whether a 用地用海 code belongs to a class such as "cultivated" or "agricultural".

    Raises:
        KeyError: there is no such class.
    """
    return classification().classes[name].contains(code)


def label_code(spec: LayerSpec, code: str, name: str, *, fid: int) -> CodeLabel:
    """Name a parcel's code under the scheme of its layer.

    Args:
        spec: The land-use layer.
        code: Code as stored.
        name: The layer's own name for it; used for 三调 codes, which have no table here.
        fid: Feature id for the error.

    Raises:
        InputError: an empty code, or one that the declared scheme does not have.
    """
    if not code:
        raise InputError(
            f"图斑 {fid} 没有地类编码",
            file=spec.path,
            layer=spec.name,
            field=spec.code_field,
            mend="补全该图斑的地类编码",
        )
    if spec.code_scheme == "sandiao_2020":
        return CodeLabel(code, name or f"三调 {code}")
    known = land_use_name(code)
    if known is None:
        raise InputError(
            f"图斑 {fid} 的编码 {code} 不在用地用海分类（2023）中，可能是三调工作分类的编码",
            file=spec.path,
            layer=spec.name,
            field=spec.code_field,
            mend="核对编码字段；若为三调编码，把 layers.yaml 的 code_scheme 写作 sandiao_2020",
        )
    return CodeLabel(code, known)
