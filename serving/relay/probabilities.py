"""Probabilities of tokens in a stream: they go out with the text that they belong to, never before."""

from typing import Any


class Probabilities:
    """The probabilities of one choice.

    Text that the guards hold back keeps its probabilities back. Once they have changed a text, none
    are told any more: they would tell what the text does not.
    """

    def __init__(self) -> None:
        self._taken = self._passed = 0
        self._held = ""
        self._waiting: list[tuple[int, dict[str, Any]]] = []
        self._changed = False

    def pass_on(self, text: str, passed: str, told: dict[str, Any] | None) -> dict[str, Any] | None:
        """Return the probabilities that may go out with an event.

        Args:
            text: What the event said.
            passed: What goes out of this and of earlier text.
            told: The event's probabilities, `logprobs`.
        """
        self._held += text
        self._changed = self._changed or not self._held.startswith(passed)
        if self._changed:
            self._waiting.clear()
            return None
        self._held = self._held[len(passed) :]
        self._taken += len(text)
        self._passed += len(passed)
        if told is not None:
            self._waiting.append((self._taken, told))
        due = [one for end, one in self._waiting if end <= self._passed]
        del self._waiting[: len(due)]
        return due[0] if len(due) == 1 else _joined(due)


def _joined(several: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Join the lists of several events."""
    if not several:
        return None
    joined = dict(several[0])
    for one in several[1:]:
        for name, value in one.items():
            before = joined.get(name)
            joined[name] = (
                [*before, *value] if isinstance(before, list) and value else before or value
            )
    return joined
