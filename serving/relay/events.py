"""A stream of server-sent events on its way through: whole events, byte for byte, and what they count.

An event is passed on as it came. The chunk with the usage is taken out where the caller did not ask for
it, and the end mark is held back until the request is settled and recorded.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

DONE = b"data: [DONE]"
MOST_EVENT = 4 << 20
"""Bytes of one event."""


class BrokenStream(Exception):
    """The engine sent what is no stream of events, or an error event."""


@dataclass(slots=True)
class Events:
    """Takes the bytes of an engine's stream apart.

    Args:
        usage_wanted: The caller asked for the usage chunk.
        guard: Filters what is passed on.
    """

    usage_wanted: bool
    guard: Callable[[dict[str, Any]], bool] = lambda said: False
    """Filters an event in place; says whether it changed it."""
    usage: dict[str, Any] | None = None
    given: int = 0
    """Bytes of text that were passed on: no fewer than the tokens."""
    done: bool = False
    digest: Any = field(default_factory=hashlib.sha256)
    """Over the text of the reply."""
    finish: str = ""
    _rest: bytes = b""

    def feed(self, data: bytes) -> bytes:
        """Take bytes; return the whole events among them that go to the caller.

        Raises:
            BrokenStream: an event is too long, or tells an error.
        """
        if self._rest:
            data = self._rest + data
        if b"\r\n" in data:
            data = data.replace(b"\r\n", b"\n")
        *events, self._rest = data.split(b"\n\n")
        if len(self._rest) > MOST_EVENT:
            raise BrokenStream("事件过长")
        passed = [told for event in events if (told := self._take(event)) is not None]
        return b"\n\n".join([*passed, b""]) if passed else b""

    def _take(self, event: bytes) -> bytes | None:
        event = event.lstrip(b"\n")
        if event.startswith(DONE):
            self.done = True
            return None
        if not event.startswith(b"data:"):
            return None if event.startswith(b"event: error") else event
        try:
            said = orjson.loads(event[5:])
        except orjson.JSONDecodeError:
            raise BrokenStream("事件不是 JSON") from None
        if not isinstance(said, dict) or "error" in said:
            raise BrokenStream("引擎报错")
        usage, choices = said.get("usage"), said.get("choices") or []
        if usage:
            self.usage = usage
            if not choices and not self.usage_wanted:
                return None
        self.given += sum(len(text) for choice in choices for text in _texts(choice))
        changed = self.guard(said)
        for choice in choices:
            self.finish = choice.get("finish_reason") or self.finish
            for text in _texts(choice):
                self.digest.update(text)
        return b"data: " + orjson.dumps(said) if changed else event


def _texts(choice: dict[str, Any]) -> Iterator[bytes]:
    """Yield what a choice of an event says."""
    delta = choice.get("delta")
    for text in [choice.get("text")] if delta is None else delta.values():
        if isinstance(text, str):
            yield text.encode("utf-8", "surrogatepass")
        elif text:
            yield orjson.dumps(text)
