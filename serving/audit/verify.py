"""Check a chain: every line changed, moved, inserted or taken away is found and named."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cspon.schemas.base import Frozen
from serving.audit.chain import MARK, START, archive_of, head_of, mark_of

MOST = 100
"""Problems that are listed."""
_LINE = re.compile(rb'(\{.*),"mac":"([0-9a-f]{64})"\}')


class Fault(Frozen):
    """One thing that is wrong."""

    file: str
    line: int
    what: str


class Verdict(Frozen):
    """What a check found."""

    lines: int
    first: int | None
    last: int | None
    head: str
    """Sequence and mark of the last line."""
    faults: tuple[Fault, ...]
    more: int = 0
    """Faults beyond those listed."""

    @property
    def whole(self) -> bool:
        """Nothing is wrong."""
        return not self.faults


@dataclass
class _Walk:
    secret: bytes
    lines: int = 0
    first: int | None = None
    sequence: int = 0
    mark: str = START
    opening: tuple[str, int, str] | None = None
    """Where the first line stands that is not line 1, and the mark before it."""
    torn: tuple[str, int, str] | None = None
    faults: list[Fault] = field(default_factory=list)
    removed: dict[int, str] = field(default_factory=dict)
    """Last sequence and mark of lines that were removed by rule, as the chain itself says."""

    def fault(self, file: str, line: int, what: str) -> None:
        self.faults.append(Fault(file=file, line=line, what=what))


def files_of(file: Path) -> list[Path]:
    """Return the files of an audit, oldest first."""
    months = sorted(archive_of(file).glob("*.jsonl"))
    return [*months, file] if file.exists() else months


def verify(file: Path, server_secret: bytes, *, expect: str = "") -> Verdict:
    """Check all lines.

    Args:
        file: The audit file.
        server_secret: The server's secret.
        expect: Sequence and mark of a line, as `cspon audit head` once printed them: the line must
            still be there.
    """
    import hmac

    walk = _Walk(hmac.digest(server_secret, b"audit", "sha256"))
    wanted = expect.split()
    found = not wanted
    for part in files_of(file):
        for number, raw in _lines(part):
            _step(walk, part.name, number, raw)
            found = found or [str(walk.sequence), walk.mark] == wanted
    _ends(walk, file)
    if not found:
        walk.fault(file.name, 0, f"没有预期的第 {wanted[0]} 条（{wanted[-1][:12]}…）")
    return Verdict(
        lines=walk.lines,
        first=walk.first,
        last=walk.sequence or None,
        head=f"{walk.sequence} {walk.mark}",
        faults=tuple(walk.faults[:MOST]),
        more=max(0, len(walk.faults) - MOST),
    )


def read(file: Path, since: datetime, until: datetime) -> Iterator[bytes]:
    """Yield the lines of a span of time as they are."""
    for part in files_of(file):
        for _, raw in _lines(part):
            try:
                when = datetime.fromisoformat(str(json.loads(raw)["time"]))
            except (ValueError, KeyError, TypeError):
                yield raw + b"\n"  # what cannot be read is not left out
                continue
            if since <= when.astimezone(UTC) < until:
                yield raw + b"\n"


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    with file.open("rb") as lines:
        for number, raw in enumerate(lines, 1):
            yield number, raw.rstrip(b"\n")


def _step(walk: _Walk, file: str, number: int, raw: bytes) -> None:
    found = _LINE.fullmatch(raw)
    said = _json(raw) if found else None
    if found is None or said is None:
        _torn(walk, file, number, raw)
        return
    walk.lines += 1
    sequence, previous = said.get("seq"), said.get("prev")
    if mark_of(found[1] + b"}", walk.secret) != found[2].decode():
        walk.fault(file, number, f"第 {sequence} 条被改动")
    if walk.torn is not None:
        named = said.get("kind") == "audit.resumed" and said.get("torn") == walk.torn[2]
        if not named:
            walk.fault(walk.torn[0], walk.torn[1], "不是审计记录的内容")
        walk.torn = None
    if not isinstance(sequence, int):
        walk.fault(file, number, "没有序号")
        return
    if walk.first is None:
        walk.first = sequence
        if sequence != 1:
            walk.opening = (file, sequence - 1, str(previous))
        elif previous != START:
            walk.fault(file, number, "第 1 条之前曾有记录")
    elif sequence != walk.sequence + 1:
        walk.fault(
            file, number, f"第 {walk.sequence} 条之后是第 {sequence} 条：有记录缺失、重复或移动"
        )
    elif previous != walk.mark:
        walk.fault(file, number, f"第 {sequence} 条与前一条不衔接")
    if said.get("kind") == "audit.pruned":
        walk.removed[int(said.get("last_seq", 0))] = str(said.get("last_mac"))
    walk.sequence, walk.mark = sequence, found[2].decode()


def _torn(walk: _Walk, file: str, number: int, raw: bytes) -> None:
    if walk.torn is not None:
        walk.fault(walk.torn[0], walk.torn[1], "不是审计记录的内容")
    walk.torn = (file, number, hashlib.sha256(raw).hexdigest())


def _ends(walk: _Walk, file: Path) -> None:
    if walk.torn is not None:
        walk.fault(walk.torn[0], walk.torn[1], "最后一行不完整")
    if walk.opening is not None:
        name, last, mark = walk.opening
        if walk.removed.get(last) != mark:
            walk.fault(name, 1, f"第 1 至 {last} 条不在，也没有按期清理的记录")
    try:
        sequence, mark = head_of(file).read_text(encoding="ascii").split()
    except (OSError, ValueError):
        if walk.lines:
            walk.fault(head_of(file).name, 0, "记录最新序号的文件不在或已损坏")
        return
    if int(sequence) > walk.sequence:
        walk.fault(file.name, 0, f"末尾缺第 {walk.sequence + 1} 至 {sequence} 条")
    elif int(sequence) == walk.sequence and mark != walk.mark:
        walk.fault(file.name, 0, f"最后一条（第 {sequence} 条）不是当初写下的")


def _json(raw: bytes) -> dict[str, Any] | None:
    try:
        said = json.loads(raw)
    except ValueError:
        return None
    return said if isinstance(said, dict) and MARK in raw else None
