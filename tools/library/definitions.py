"""Find and read the YAML files of a kind: those that ship with the software and the bureau's own.

A mistake in a shipped file is an error at once. A mistake in a file of the bureau is a problem in the
validation report, and that entry alone is left out: one bad file never stops the others.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from cspon.errors import InputError
from tools.library.entry import KINDS, Kind, Origin, Problem, problem_of
from tools.library.place import place
from tools.library.reading import digest, read_entry
from tools.library.state import STATE

M = TypeVar("M", bound=BaseModel)
Said = TypeVar("Said", bound=BaseModel, covariant=True)


@dataclass(frozen=True, eq=False)
class Definition(Generic[Said]):
    """One entry's file and what it says."""

    said: Said
    file: Path
    origin: Origin
    sha256: str


def shipped(folder: Path, model: type[M]) -> dict[str, Definition[M]]:
    """Read the files that ship with the software.

    Raises:
        InputError: a file has a mistake.
    """
    files = sorted(folder.glob("*.yaml"))
    assert files, f"no definitions in {folder}"
    return {file.stem: _read(file, model, "shipped", _stamp(file)) for file in files}


def own(
    kind: Kind, model: type[M], taken: set[str], check: Callable[[M, Path], None]
) -> tuple[dict[str, Definition[M]], tuple[Problem, ...]]:
    """Read the bureau's own files of a kind.

    Args:
        kind: Folder below the own entries.
        model: What a file must say.
        taken: Ids of the shipped entries, which an own entry cannot replace.
        check: Further checks and the worked examples; raises `InputError`.

    Returns:
        Good entries, and what is wrong with the others.
    """
    found: dict[str, Definition[M]] = {}
    problems: list[Problem] = []
    for file in own_files(kind):
        try:
            definition = _read(file, model, "own", _stamp(file))
            if file.stem in taken:
                raise InputError(
                    f"编号 {file.stem} 与软件自带的条目相同",
                    file=file,
                    field="id",
                    mend="改用本单位的编号；要代替自带条目的，停用自带条目",
                )
            wrong = _checked(check, definition, generation())
            if wrong is not None:
                raise wrong
        except InputError as error:
            problems.append(problem_of(kind, file.stem, file, error))
        else:
            found[file.stem] = definition
    return found, tuple(problems)


def own_files(kind: Kind) -> list[Path]:
    """List the bureau's files of a kind; links and what they lead to are left out."""
    where = place()
    if where is None or where.own is None:
        return []
    folder = (where.own / kind).resolve()
    return [
        file
        for file in sorted(folder.glob("*.yaml"))
        if file.is_file() and not file.is_symlink() and file.resolve().parent == folder
    ]


def generation() -> tuple[tuple[str, int, int], ...]:
    """Tell one state of all own files, and of what is switched off, from another."""
    where = place()
    if where is None:
        return ()
    files = [file for kind in KINDS for file in own_files(kind)]
    state = where.state / STATE
    return tuple(
        (str(file), *_stamp(file)) for file in (*files, *([state] if state.exists() else []))
    )


@lru_cache(maxsize=1024)
def _checked(
    check: Callable[[Any, Path], None], definition: Definition[Any], generation: object
) -> InputError | None:
    """Run a check once for each state of the own files: an own rule is asked for with every project."""
    try:
        check(definition.said, definition.file)
    except InputError as error:
        return error
    return None


def _stamp(file: Path) -> tuple[int, int]:
    stat = file.stat()
    return stat.st_mtime_ns, stat.st_size


@lru_cache(maxsize=4096)
def _read(file: Path, model: type[M], origin: Origin, stamp: tuple[int, int]) -> Definition[M]:
    return Definition(read_entry(file, model), file, origin, digest(file))
