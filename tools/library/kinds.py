"""The four libraries by kind: one protocol, one registry, loaded when asked for."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from cspon.errors import InputError
from cspon.registry import registry
from tools.library.entry import KIND_TITLES, Entry, Kind, Problem

MODULES: dict[Kind, str] = {
    "indicator": "tools.indicators.library",
    "operator": "tools.operators.library",
    "rule": "tools.library.rules",
    "model": "tools.models.library",
}
"""Each registers its library when imported."""


@dataclass(frozen=True)
class Context:
    """What an entry may need beside its inputs."""

    layers: Path | None = None
    """Folder with `layers.yaml`; needed by rules."""
    on_date: date | None = None
    """Date on which rules must hold; today when not given."""
    project_type: str = "unspecified"


class Library(Protocol):
    """What each kind does for its entries."""

    kind: Kind

    def entries(self) -> tuple[Entry, ...]:
        """List all entries, switched-off ones included."""
        ...

    def explain(self, entry_id: str) -> str:
        """Return Markdown that a planner can read: formula, thresholds, sources, examples."""
        ...

    def check(self, entry_id: str) -> tuple[Problem, ...]:
        """Run the schema checks and worked examples of one entry."""
        ...

    def run(self, entry_id: str, inputs: Mapping[str, Any], context: Context) -> dict[str, Any]:
        """Run one entry on typed values; returns its outputs by port.

        Raises:
            InputError: an input is wrong or missing, or the entry is switched off.
        """
        ...


def library(kind: Kind) -> Library:
    """Return the library of a kind."""
    importlib.import_module(MODULES[kind])
    found: Library = registry.get("library", kind)
    return found


def entry(kind: Kind, entry_id: str) -> Entry:
    """Return one entry.

    Raises:
        InputError: there is no such entry, with the nearest names; or it is the bureau's own and has
            a mistake.
    """
    import difflib

    from tools.library.definitions import generation
    from tools.library.own import own_problems

    found, titles = _known(kind, generation())
    if entry_id in found:
        return found[entry_id]
    if entry_id in titles:
        return titles[entry_id]
    for problem in own_problems(kind):
        if problem.id == entry_id:
            raise InputError(
                f"本单位的条目“{entry_id}”有误，没有采用：{problem.message}",
                file=problem.file,
                field=problem.field or None,
                mend=problem.mend,
            )
    near = difflib.get_close_matches(entry_id, [*found, *titles], n=3, cutoff=0.4)
    hint = f"相近的有：{'、'.join(near)}；" if near else ""
    raise InputError(
        f"{KIND_TITLES[kind]}没有“{entry_id}”", mend=f"{hint}全部条目见 cspon library {kind} list"
    )


@lru_cache(maxsize=32)
def _known(kind: Kind, generation: object) -> tuple[dict[str, Entry], dict[str, Entry]]:
    """List the entries by id and by title once for each state of the own files and the switches.

    Every node of every graph looks its entry up; listing checks all graphs of the kind.
    """
    found = {e.id: e for e in library(kind).entries()}
    return found, {e.title: e for e in found.values()}
