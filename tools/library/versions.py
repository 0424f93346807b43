"""Which content each version had: a change without a new version number is found.

`known_versions.json` ships with the software and knows the shipped entries; the bureau's own entries
have an index of the same form in the data folder.
"""

import json
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter

from cspon.errors import SetupError
from cspon.schemas.base import Frozen
from tools.library.entry import Entry, Origin, Problem
from tools.library.place import place

SHIPPED_INDEX = Path(__file__).parent / "known_versions.json"
OWN_INDEX = "own_versions.json"


class Known(Frozen):
    """One recorded version of an entry."""

    version: str
    sha256: str
    on: str


Index = dict[str, dict[str, list[Known]]]
"""Kind to id to its versions, oldest first."""

_index = TypeAdapter(Index)


def history_of(entry: Entry) -> list[Known]:
    """Return the recorded versions of an entry, oldest first."""
    return _load(entry.origin).get(entry.kind, {}).get(entry.id, [])


def version_problem(entry: Entry) -> Problem | None:
    """Say whether an entry was changed without a new version, or was never recorded."""
    known = history_of(entry)
    if any(k.sha256 == entry.sha256 and k.version == entry.version for k in known):
        return None
    same = any(k.version == entry.version for k in known)
    command = f"cspon library validate {entry.kind} --record"
    return Problem(
        kind=entry.kind,
        id=entry.id,
        file=entry.file,
        field="version",
        message=f"内容有变而版本号仍为 {entry.version}" if same else f"版本 {entry.version} 未登记",
        mend=f"把 version 改为新的版本号，核对后运行 {command}"
        if same
        else f"核对后运行 {command}",
    )


def record(entries: tuple[Entry, ...]) -> list[Entry]:
    """Record the present content of entries; a changed content needs a new version.

    Returns:
        The entries that were new or had a new version.

    Raises:
        SetupError: the index cannot be written, or no place is set for own entries.
    """
    written: list[Entry] = []
    for origin in ("shipped", "own"):
        index = _load(origin)
        fresh = [
            e
            for e in entries
            if e.origin == origin
            and not any(k.version == e.version for k in index.get(e.kind, {}).get(e.id, []))
        ]
        for e in fresh:
            known = Known(
                version=e.version, sha256=e.sha256, on=datetime.now(UTC).date().isoformat()
            )
            index.setdefault(e.kind, {}).setdefault(e.id, []).append(known)
        if fresh:
            _save(origin, index)
            written.extend(fresh)
    return written


def _file(origin: Origin) -> Path | None:
    where = place()
    if origin == "shipped":
        return SHIPPED_INDEX
    return None if where is None else where.state / OWN_INDEX


def _load(origin: Origin) -> Index:
    file = _file(origin)
    if file is None or not file.is_file():
        return {}
    return _index.validate_json(file.read_text(encoding="utf-8"))


def _save(origin: Origin, index: Index) -> None:
    file = _file(origin)
    if file is None:
        raise SetupError("没有指定四库状态的存放位置", mend="设置 CSPON_HOME 后重试")
    ordered = {kind: dict(sorted(ids.items())) for kind, ids in sorted(index.items())}
    text = json.dumps(_index.dump_python(ordered), ensure_ascii=False, indent=1)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f".{file.name}")
        draft.write_text(text + "\n", encoding="utf-8")
        draft.replace(file)
    except OSError as error:
        raise SetupError(
            f"版本登记无法写入 {file.parent}（{error.strerror}）", mend="检查目录权限"
        ) from error
