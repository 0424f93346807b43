"""Indicator sets: which indicators a region watches at a stage, with weights and targets.

A set is a file a version: `<id>.v<version>.yaml`. A change (add, retire, re-weight) writes the next
version into the bureau's own folder; earlier versions stay and can be read.
"""

import re
from datetime import date
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from cspon.errors import InputError
from cspon.schemas.base import Frozen
from tools.library.place import place
from tools.library.reading import field_error, read_yaml

FOLDER = Path(__file__).parent / "sets"
OWN_FOLDER = "indicator_sets"
_FILE = re.compile(r"([a-z][a-z0-9_]{1,63})\.v(\d{1,4})\.yaml")


class Target(Frozen):
    """What an indicator should reach, and by when; the path from the base year is a straight line."""

    value: float
    unit: str
    year: int = Field(ge=1949, le=2100)
    base_year: int = Field(ge=1949, le=2100)
    source: str
    verified: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> "Target":
        if self.base_year >= self.year:
            raise ValueError("目标年须晚于基期年")
        return self


class Member(Frozen):
    """One indicator of a set."""

    id: str
    weight: float = Field(1.0, gt=0, le=100)
    attribute: Literal["", "约束性", "预期性", "建议性"] = ""
    target: Target | None = None
    grades: str = ""
    """Table of thresholds; that of the attribute when empty."""


class Retired(Frozen):
    """An indicator that the set watched before."""

    id: str
    since: date
    reason: str


class Change(Frozen):
    """Why a version differs from the one before."""

    at: date
    by: str
    reason: str
    what: tuple[str, ...]


class IndicatorSet(Frozen):
    """One version of a set."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{1,63}$")
    title: str
    version: int = Field(ge=1)
    region: str
    """Where it holds; empty: anywhere."""
    stage: str
    """e.g. 现状评估, 年度体检, 五年评估."""
    valid_from: date
    source: str
    verified: bool
    members: tuple[Member, ...] = Field(min_length=1)
    retired: tuple[Retired, ...] = ()
    changes: tuple[Change, ...] = ()

    @model_validator(mode="after")
    def _distinct(self) -> "IndicatorSet":
        names = [m.id for m in self.members]
        if len(set(names)) < len(names):
            raise ValueError("同一个指标写了两次")
        return self

    def member(self, name: str) -> Member | None:
        """Return a member by id."""
        return next((m for m in self.members if m.id == name), None)


def indicator_set(name: str, version: int | None = None) -> IndicatorSet:
    """Return a version of a set, the last one when none is named.

    Raises:
        InputError: no such set or version, or its file has a mistake.
    """
    known = _files()
    if name not in known:
        raise InputError(
            f"没有指标集“{name}”", field="set", mend=f"可用：{'、'.join(sorted(known))}"
        )
    versions = known[name]
    wanted = max(versions) if version is None else version
    if wanted not in versions:
        listed = "、".join(map(str, sorted(versions)))
        raise InputError(
            f"指标集 {name} 没有版本 {wanted}", field="version", mend=f"已有版本：{listed}"
        )
    return _read(versions[wanted], name, wanted)


def indicator_sets() -> tuple[IndicatorSet, ...]:
    """Return the last version of every set."""
    return tuple(indicator_set(name) for name in sorted(_files()))


def versions_of(name: str) -> tuple[int, ...]:
    """List the versions of a set that are kept, ascending."""
    return tuple(sorted(_files().get(name, {})))


def revise(
    name: str,
    *,
    by: str,
    reason: str,
    add: tuple[Member, ...] = (),
    retire: tuple[str, ...] = (),
    change: tuple[Member, ...] = (),
    on: date | None = None,
) -> IndicatorSet:
    """Write the next version of a set into the bureau's own folder; the old one stays.

    Args:
        name: Of the set.
        by: Who changes it.
        reason: Why; kept with the version.
        add: New members; one that was retired may come back.
        retire: Ids that the set no longer watches.
        change: Members that replace those of the same id (weight, target, grades).
        on: Day of the change; today when not given.

    Raises:
        InputError: nothing to do, an unknown indicator or member, or no folder for own entries.
    """
    from tools.indicators.load import indicators

    old, day = indicator_set(name), on or date.today()
    if not reason.strip():
        raise InputError("没有写调整原因", field="reason", mend="写明为什么调整")
    if not (add or retire or change):
        raise InputError("没有要调整的指标", field="set", mend="给出要增加、退出或改权重的指标")
    members = {m.id: m for m in old.members}
    what: list[str] = []
    for one in add:
        if one.id not in indicators():
            raise InputError(f"指标库没有“{one.id}”", field="add", mend="见 cspon indicator list")
        if one.id in members:
            raise InputError(f"“{one.id}”已在指标集中", field="add", mend="改权重用 change")
        members[one.id] = one
        what.append(f"增加 {one.id}，权重 {one.weight:g}")
    for one in change:
        before = members.get(one.id)
        if before is None:
            raise InputError(f"指标集中没有“{one.id}”", field="change", mend="先增加该指标")
        members[one.id] = one
        what.append(f"调整 {one.id}：权重 {before.weight:g} → {one.weight:g}")
    gone = []
    for one_id in retire:
        if members.pop(one_id, None) is None:
            raise InputError(f"指标集中没有“{one_id}”", field="retire", mend="核对编号")
        gone.append(Retired(id=one_id, since=day, reason=reason))
        what.append(f"退出 {one_id}")
    if not members:
        raise InputError("指标集不能没有指标", field="retire", mend="至少保留一个指标")
    new = IndicatorSet.model_validate(
        {
            **old.model_dump(),
            "version": old.version + 1,
            "valid_from": day,
            "members": tuple(members.values()),
            "retired": (*(r for r in old.retired if r.id not in members), *gone),
            "changes": (*old.changes, Change(at=day, by=by, reason=reason, what=tuple(what))),
        }
    )
    _write(new)
    return new


def _write(new: IndicatorSet) -> None:
    where = place()
    if where is None or where.own is None:
        raise InputError(
            "没有本单位条目的文件夹，不能保存指标集", field="set", mend="在设置中指定 library 目录"
        )
    folder = where.own / OWN_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{new.id}.v{new.version}.yaml"
    text = yaml.safe_dump(new.model_dump(mode="json"), allow_unicode=True, sort_keys=False)
    draft = file.with_suffix(".tmp")
    draft.write_text(text, encoding="utf-8")
    draft.replace(file)


def _files() -> dict[str, dict[int, Path]]:
    """Return the files by set and version; a shipped version is never replaced."""
    where = place()
    folders = [FOLDER]
    if where is not None and where.own is not None:
        folders.append(where.own / OWN_FOLDER)
    found: dict[str, dict[int, Path]] = {}
    for folder in folders:
        for file in sorted(folder.glob("*.yaml")):
            if (named := _FILE.fullmatch(file.name)) is not None:
                found.setdefault(named[1], {}).setdefault(int(named[2]), file)
    return found


def _read(file: Path, name: str, version: int) -> IndicatorSet:
    try:
        said = IndicatorSet.model_validate(read_yaml(file))
    except ValidationError as error:
        raise field_error(file, error) from None
    if said.id != name or said.version != version:
        raise InputError(
            f"文件名与内容不符：{said.id} 版本 {said.version}", file=file, field="version",
            mend="文件名写作 编号.v版本.yaml",
        )  # fmt: skip
    return said
