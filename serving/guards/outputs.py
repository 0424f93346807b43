"""Looks through what a model says while it says it; text goes on as soon as nothing can change it."""

from bisect import bisect_right
from collections import Counter

from serving.guards.finding import Hit, Tally, to_hits
from serving.guards.matcher import EDGE, edged
from serving.guards.normal import View, is_plain, plain
from serving.guards.policy import Policy
from serving.guards.rules import BEFORE, Rule
from serving.guards.vault import NOTHING, PLACEHOLDER, Vault, hidden

LOOKED = "output"
LONGEST_PLACEHOLDER = 14


class OutputFilter:
    """Feed it pieces, send on what it gives back; what it gives does not depend on how a text is cut.

    Values that the caller gave are put back; what the rules mask is masked for good; at what they block
    it says no more (see `blocked`).

    Args:
        policy: What holds for the caller.
        vault: What was masked on the way in.
    """

    def __init__(self, policy: Policy, vault: Vault = NOTHING) -> None:
        self._side, self._vault = policy.sides["output"], vault
        self._matcher = self._side.matcher
        self._pending, self._context = "", ""
        self._counts: Counter[Rule] = Counter()
        self.blocked: Rule | None = None
        """The rule for which nothing more goes out."""
        self.stated = False
        """Something was cited or measured that may want a ground."""

    @property
    def held(self) -> int:
        """Characters that wait for what may follow."""
        return len(self._pending)

    @property
    def tallies(self) -> tuple[Tally, ...]:
        """What was found so far."""
        return tuple(
            Tally(rule.id, rule.title, LOOKED, self._side.actions[rule.id], count)
            for rule, count in self._counts.items()
        )

    def feed(self, text: str) -> str:
        """Take a piece of text; return what may go out now."""
        if not text or self.blocked is not None:
            return ""
        self._pending += text
        return self._release(closed=False)

    def close(self) -> str:
        """Return the rest: nothing follows."""
        if self.blocked is not None or not self._pending:
            return ""
        return self._release(closed=True)

    def whole(self, text: str) -> str:
        """Return what may go out of a text that is all there: the same as fed in pieces."""
        if not self._pending and not self._vault.values:
            present = self._matcher.present(edged(text))
            if self._matcher.is_clear(present):
                self.stated |= self._matcher.is_stated(present)
                return text
        self._pending += text
        return self.close()

    def _release(self, *, closed: bool) -> str:
        raw = self._pending
        before = EDGE + self._context.encode("utf-8", "replace")
        tail = EDGE if closed else b""
        view, data = View(raw), before + raw.encode("utf-8", "replace") + tail
        present = self._matcher.present(data)
        self.stated |= self._matcher.is_stated(present)
        if self._matcher.is_odd(present) and not is_plain(raw):
            view = plain(raw)
            data = before + view.text.encode("utf-8", "replace") + tail
            present = self._matcher.present(data)
        first = len(before)
        lead = first - len((self._context[-1:] or "\n").encode("utf-8", "replace"))
        end = len(data) if closed else self._matcher.undecided(data, first, lead)
        found = self._matcher.find(data, present, first=first, lead=lead)
        hits = to_hits((f for f in found if f.start < end), data, view, first)
        until = len(raw) if end == len(data) else view.origin_of(len(data[first:end].decode()))
        return self._emit(raw, view, [h for h in hits if not self._is_own(h)], until, closed)

    def _is_own(self, hit: Hit) -> bool:
        return self._side.actions[hit.rule.id] == "mask" and self._vault.owns(hit.value)

    def _emit(self, raw: str, view: View, hits: list[Hit], until: int, closed: bool) -> str:
        """Give out the text up to a place, or up to what goes beyond it."""
        spans = self._spans(raw, hits)
        if not closed:
            until = self._uncut(raw, until, [(h.start, h.end) for h in hits], spans)
        pieces, last = [], 0
        for start, end, instead in spans:
            if start >= until:
                break
            pieces.append(raw[last:start])
            if instead is None:
                self._counts.update(hit.rule for hit in hits if hit.start < end)
                self.blocked = next(h.rule for h in hits if self._blocks(h) and h.start < end)
                self._pending = ""
                return "".join(pieces)
            pieces.append(instead)
            last = end
        if last < until:
            pieces.append(raw[last:until])
        self._counts.update(hit.rule for hit in hits if hit.start < until)
        self._context = (self._context + view.upto(until))[-BEFORE:]
        self._pending = raw[until:]
        return "".join(pieces)

    def _uncut(
        self,
        raw: str,
        until: int,
        places: list[tuple[int, int]],
        spans: list[tuple[int, int, str | None]],
    ) -> int:
        """Move a place back to where it cuts no hit, no span and no placeholder in two."""
        if self._vault.values:
            opened = raw.rfind("【", max(0, len(raw) - LONGEST_PLACEHOLDER))
            if opened >= 0 and "】" not in raw[opened:]:
                until = min(until, opened)
        everything = [*places, *((start, end) for start, end, _ in spans)]
        while cut := [start for start, end in everything if start < until < end]:
            until = min(cut)
        return until

    def _spans(self, raw: str, hits: list[Hit]) -> list[tuple[int, int, str | None]]:
        """Return what is replaced, by what; None where nothing more may go out."""
        made: list[tuple[int, int, str | None]] = []
        for hit in sorted(hits, key=lambda hit: (hit.start, -hit.end)):
            if self._side.actions[hit.rule.id] == "flag":
                continue
            instead = None if self._blocks(hit) else hidden(hit.rule.placeholder)
            if made and hit.start < made[-1][1]:
                start, end, before = made[-1]
                joined = None if instead is None else before
                made[-1] = (start, max(end, hit.end), joined)
            else:
                made.append((hit.start, hit.end, instead))
        if not self._vault.values or "【" not in raw:
            return made
        ends = [end for _, end, _ in made]
        for match in PLACEHOLDER.finditer(raw):
            value, (start, end) = self._vault.value(match.group()), match.span()
            number = bisect_right(ends, start)
            if value is not None and (number == len(ends) or made[number][0] >= end):
                made.append((start, end, value))
        return sorted(made, key=lambda span: span[0])

    def _blocks(self, hit: Hit) -> bool:
        return self._side.actions[hit.rule.id] == "block"
