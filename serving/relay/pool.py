"""Replicas of the engines: which one gets a request, and which are left alone for a while.

Requests that share the beginning of their prompt go to the same replica (rendezvous hashing), so that
its prefix cache is warm, unless it has far more to do than the least busy one. A replica that cannot be
reached several times in a row is left alone, then tried with one request.
"""

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from serving.relay.engines import Engine

BREAK_AFTER = 3
"""Failures in a row after which a replica is left alone."""
FIRST_REST_S, LONGEST_REST_S = 2.0, 60.0
TRIAL_S = 10.0
"""Seconds that a trial has: one whose caller left is never told of, and another may begin."""
SLACK = 8
"""Open requests that the replica of a prefix may have beyond the least busy one."""


@dataclass(slots=True)
class Replica:
    """One server of an engine."""

    url: str
    open: int = 0
    failures: int = 0
    rests_until: float = 0.0
    trial_until: float = 0.0

    def succeeded(self) -> None:
        """A request reached it."""
        self.failures, self.rests_until, self.trial_until = 0, 0.0, 0.0

    def finished(self) -> None:
        """A reply came whole: the failures before it were not in a row. One that is left alone stays so."""
        if self.failures < BREAK_AFTER:
            self.failures = 0

    def failed(self, now: float) -> None:
        """A request did not reach it, or it broke down.

        What fails while it is left alone was under way before: one death counts once.
        """
        if now < self.rests_until:
            return
        self.failures += 1
        self.trial_until = 0.0
        if self.failures >= BREAK_AFTER:
            rest = FIRST_REST_S * 2 ** (self.failures - BREAK_AFTER)
            self.rests_until = now + min(LONGEST_REST_S, rest)


class Pool:
    """The replicas of all engines.

    Args:
        clock: Seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._replicas: dict[str, tuple[Engine, list[Replica]]] = {}

    def replicas(self, engine: Engine) -> list[Replica]:
        """Return the replicas of an engine."""
        of, known = self._replicas.get(engine.name, (None, []))
        if of is not engine:
            before = {replica.url: replica for replica in known}
            known = [before.get(url) or Replica(url) for url in engine.urls]
            self._replicas[engine.name] = engine, known
        return known

    def standings(self) -> Iterator[tuple[str, Replica, bool]]:
        """Yield every replica that was asked for so far: its engine's name, and whether it is left alone."""
        now = self._clock()
        for name, (_, replicas) in self._replicas.items():
            for replica in replicas:
                yield name, replica, replica.rests_until > now

    def choose(
        self, engine: Engine, affinity: bytes, without: frozenset[str] = frozenset()
    ) -> Replica | None:
        """Return the replica for a request; None where all are left alone.

        Args:
            engine: The engine.
            affinity: The beginning of the prompt; empty: the least busy one gets it.
            without: Replicas that were tried already.
        """
        replicas = self.replicas(engine)
        if len(replicas) == 1 and replicas[0].failures < BREAK_AFTER and not without:
            return replicas[0]
        now = self._clock()
        able = [
            replica
            for replica in replicas
            if replica.url not in without and self._may(replica, now)
        ]
        if not able:
            return None
        if len(able) == 1:
            chosen = able[0]
        else:
            least = min(replica.open for replica in able)
            slack = SLACK if affinity else 0
            near = [replica for replica in able if replica.open <= least + slack]
            chosen = max(near, key=lambda replica: _weight(replica.url, affinity))
        if chosen.failures >= BREAK_AFTER:
            chosen.trial_until = now + TRIAL_S
        return chosen

    def failed(self, replica: Replica) -> None:
        """Note that a replica was not reached."""
        replica.failed(self._clock())

    @staticmethod
    def _may(replica: Replica, now: float) -> bool:
        if replica.failures < BREAK_AFTER:
            return True
        return max(replica.rests_until, replica.trial_until) <= now


def _weight(url: str, affinity: bytes) -> bytes:
    return hashlib.blake2b(affinity, key=url.encode()[:64], digest_size=8).digest()
