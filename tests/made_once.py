"""The demo county of the tests: made once in a run, however many workers it has."""

import fcntl
import shutil
from pathlib import Path

PARCELS, SEED = 2000, 7


def make_once(shared: Path) -> Path:
    """Return the county in a folder that all workers share; the first to come makes it."""
    from tools.demo_county.generate import generate_county

    folder, made = shared / "demo_county", shared / "demo_county.half"
    with (shared / "demo_county.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            shutil.rmtree(made, ignore_errors=True)
            generate_county(made, parcels=PARCELS, seed=SEED)
            made.rename(folder)
    return folder
