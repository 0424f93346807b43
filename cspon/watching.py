"""What runs is told to whoever watches: agents and tools need not know who does.

A process has one watcher at most; `serving.tracing` sets it where spans are wanted.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

watcher: Callable[[str, str], AbstractContextManager[object]] | None = None
"""Called with an operation (`execute_tool`) and a name; what it returns is entered around it."""


def watched(operation: str, name: str) -> AbstractContextManager[object]:
    """Return the context in which something runs; an empty one where nobody watches."""
    return nullcontext() if watcher is None else watcher(operation, name)
