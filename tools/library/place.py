"""Where state and the bureau's own entries lie: said once by the command line or the gateway.

The libraries are used from deep inside the tools, which read no settings; so the place is told to
this module at start. Nothing is disabled and there are no own entries until then.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Place:
    """Folders of one installation."""

    state: Path
    """Holds `state.json` and `history.jsonl`."""
    own: Path | None = None
    """The bureau's own entries: a folder for each kind."""


_find: Callable[[], Place | None] = lambda: None  # noqa: E731


def lies_in(find: Callable[[], Place | None]) -> None:
    """Say how the place is found; asked each time, so that a setting is read when it is needed."""
    global _find
    _find = find


def place() -> Place | None:
    """Return the place, or None when nobody has said one."""
    return _find()


@contextmanager
def placed(at: Place | None) -> Iterator[None]:
    """Use a place for a while (tests, batch work on several installations)."""
    global _find
    before = _find
    _find = lambda: at  # noqa: E731
    try:
        yield
    finally:
        _find = before
