"""Which entries are switched off, who did it and why. The state lies in the data folder.

`disabled` is what everything that runs an entry asks; `switch` is the only writer. Each change is
also a line of `history.jsonl`, which is never rewritten.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from cspon.errors import InputError, SetupError
from cspon.schemas.base import Frozen
from tools.library.entry import KIND_TITLES, Kind
from tools.library.place import place

STATE, HISTORY = "state.json", "history.jsonl"


class Off(Frozen):
    """Why an entry is switched off."""

    reason: str
    by: str
    at: str


class State(Frozen):
    """The state file."""

    disabled: dict[Kind, dict[str, Off]] = Field(default_factory=dict)


class Change(Frozen):
    """One line of the history."""

    at: str
    by: str
    action: str
    kind: Kind
    id: str
    reason: str


def disabled(kind: Kind) -> dict[str, str]:
    """Return the switched-off entries of a kind and why; empty when nobody has said a place."""
    where = place()
    if where is None:
        return {}
    return {name: off.reason for name, off in _read(where.state).disabled.get(kind, {}).items()}


def switch(kind: Kind, entry_id: str, *, on: bool, by: str, reason: str) -> Change:
    """Switch an entry on or off and write the line of history.

    The caller has checked that there is such an entry.

    Raises:
        InputError: no reason is given.
        SetupError: no place is set, or its folder cannot be written.
    """
    reason = reason.strip()
    if not reason:
        raise InputError(
            "停用、启用须写明原因", field="reason", mend="写一句原因，如“省厅新规施行”"
        )
    where = place()
    if where is None:
        raise SetupError("没有指定四库状态的存放位置", mend="设置 CSPON_HOME 后重试")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    change = Change(
        at=now, by=by, action="启用" if on else "停用", kind=kind, id=entry_id, reason=reason
    )
    with _alone(where.state):
        state = _read(where.state).model_dump()
        entries: dict[str, Any] = state["disabled"].setdefault(kind, {})
        if on:
            entries.pop(entry_id, None)
        else:
            entries[entry_id] = {"reason": reason, "by": by, "at": now}
        _write(where.state, State.model_validate(state), change)
    return change


def history(kind: Kind | None = None, entry_id: str | None = None) -> list[Change]:
    """Return the changes, oldest first."""
    where = place()
    if where is None or not (where.state / HISTORY).is_file():
        return []
    lines = (where.state / HISTORY).read_text(encoding="utf-8").splitlines()
    changes = [Change.model_validate_json(line) for line in lines if line.strip()]
    return [c for c in changes if kind in (None, c.kind) and entry_id in (None, c.id)]


def require_enabled(kind: Kind, entry_id: str, title: str) -> None:
    """Refuse to run what is switched off.

    Raises:
        InputError: with the reason and the mend.
    """
    reason = disabled(kind).get(entry_id)
    if reason is not None:
        raise InputError(
            f"{KIND_TITLES[kind]}的“{title}”（{entry_id}）已停用：{reason}",
            mend=f"确需使用的，由知识库管理员启用：cspon library {kind} enable {entry_id} --why 原因",
        )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep out other writers: the gateway and the command line may act at once."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise SetupError(
            f"四库状态无法写入 {folder}（{error.strerror}）", mend="检查磁盘空间与目录权限"
        ) from error


def _read(folder: Path) -> State:
    file = folder / STATE
    try:
        stat = file.stat()
    except FileNotFoundError:
        return State()
    return _parsed(file, stat.st_mtime_ns, stat.st_ino)


@lru_cache(maxsize=8)
def _parsed(file: Path, changed_ns: int, inode: int) -> State:
    """Parse an unchanged file once: every project that is checked asks."""
    try:
        return State.model_validate_json(file.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError):
        raise SetupError(
            f"四库状态文件损坏：{file}", mend="按 history.jsonl 改正，或删除该文件后重新停用"
        ) from None


def _write(folder: Path, state: State, change: Change) -> None:
    with (folder / HISTORY).open("a", encoding="utf-8") as file:
        file.write(json.dumps(change.model_dump(), ensure_ascii=False) + "\n")
    draft = folder / f".{STATE}.{os.getpid()}"
    draft.write_text(state.model_dump_json(indent=2), encoding="utf-8")
    draft.replace(folder / STATE)
