"""How often each step of a job began: a step that takes its process down every time is given up.

Kept beside the results, not in the queue, so that a start counts the moment it happens, whatever
becomes of the process.
"""

from pathlib import Path


class Attempts:
    """The starts of one step; a step that the gateway itself stopped in good order does not count.

    Args:
        folder: Of the job.
        step: Which step, from 0.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self._file = folder / f"{step}.attempts"

    @property
    def count(self) -> int:
        """How many starts there were."""
        return self._file.stat().st_size if self._file.exists() else 0

    def begin(self) -> int:
        """Count a start; returns which one it is.

        Raises:
            OSError: it cannot be written.
        """
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._file.open("ab") as file:
            file.write(b".")
        return self.count

    def take_back(self) -> None:
        """Undo the last start."""
        if self.count:
            with self._file.open("r+b") as file:
                file.truncate(self.count - 1)
