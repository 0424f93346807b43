"""Cancels a request whose caller leaves.

The server of `serving.patience` tells of a lost connection itself (scope extension `LEFT`), which costs a
request nothing; under any other server a task waits for the message.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from starlette.types import Receive, Scope

LEFT: Final = "cspon.left"
"""In `scope["extensions"]`: sets what is called when the connection is lost; None: nothing is."""


class Leaving:
    """Watches the caller of one request; the task that makes it is cancelled when they leave.

    Args:
        scope: The request.
        receive: Gives its messages.
    """

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._task: asyncio.Task[Any] | None = asyncio.current_task()
        self._watch: asyncio.Task[None] | None = None
        self.left = False
        """The caller left, and the task was cancelled for it."""
        self._tell: Callable[[Callable[[], None] | None], bool] | None = scope.get(
            "extensions", {}
        ).get(LEFT)
        if self._tell is None:
            self._watch = asyncio.create_task(self._wait(receive))
        elif not self._tell(self._gone):
            self._gone()

    async def _wait(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._gone()

    def _gone(self) -> None:
        if self._task is not None:
            self.left = True
            self._task.cancel()

    def done(self) -> None:
        """Watch no more."""
        self._task = None
        if self._watch is not None:
            self._watch.cancel()
        elif self._tell is not None:
            self._tell(None)
