"""Check entries of the libraries: schema, worked examples, versions; every finding names its mend."""

from typing import Protocol

from tools.library.entry import KINDS, Entry, Kind, Problem
from tools.library.kinds import entry, library
from tools.library.versions import record, version_problem


class _Watch(Protocol):
    def __call__(self, entry: Entry, problems: tuple[Problem, ...]) -> None: ...


def validate(
    kind: Kind | None = None,
    entry_id: str | None = None,
    *,
    recording: bool = False,
    watch: _Watch | None = None,
) -> tuple[int, tuple[Problem, ...]]:
    """Check one entry, one kind, or everything.

    Args:
        kind: None for all four.
        entry_id: None for all of the kind.
        recording: Record new versions of entries whose examples pass.
        watch: Told of each entry as it is done.

    Returns:
        How many entries were checked, and what is wrong.
    """
    problems: list[Problem] = []
    checked = 0
    for each in KINDS if kind is None else (kind,):
        found = library(each)
        entries = found.entries() if entry_id is None else (entry(each, entry_id),)
        good: list[Entry] = []
        for one in entries:
            wrong = found.check(one.id)
            if not wrong:
                good.append(one)
            problems.extend(wrong)
            checked += 1
            if watch is not None:
                watch(one, wrong)
        if recording:
            record(tuple(good))
        problems.extend(p for one in entries if (p := version_problem(one)) is not None)
        if entry_id is None:
            problems.extend(broken(each))
    return checked, tuple(problems)


def broken(kind: Kind) -> tuple[Problem, ...]:
    """List the bureau's own files that could not be taken in."""
    from tools.library.own import own_problems

    return own_problems(kind)
