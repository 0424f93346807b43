"""Which process holds a reservation, and whether it still runs."""

import os
from pathlib import Path


def owner_of(pid: int) -> str:
    """Name a process of this machine so that a later one of the same number is another."""
    return f"{os.uname().nodename}:{pid}:{_started(pid)}"


def is_running(owner: str) -> bool:
    """Say whether a process still runs; one of another machine counts as running."""
    node, pid, started = owner.rsplit(":", 2)
    if node != os.uname().nodename:
        return True
    return _started(int(pid)) == started != ""


def _started(pid: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]
