"""Answers kept on disk, a file each: a run that was killed goes on where it stopped."""

import hashlib
import os
from pathlib import Path

from llm.chat import ChatRequest
from llm.fence import FENCE_MARK


class Answers:
    """Answers by what was asked of which model; without a folder nothing is kept.

    The marker of fences, which is another in each process, does not count.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def get(self, model: str, request: ChatRequest) -> str | None:
        """Return an answer that was given before."""
        if self._folder is None:
            return None
        try:
            return self._file(self._folder, model, request).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def put(self, model: str, request: ChatRequest, text: str) -> None:
        """Keep an answer; it is whole or not there."""
        if self._folder is None:
            return
        file = self._file(self._folder, model, request)
        part = file.with_suffix(f".{os.getpid()}")
        part.write_text(text, encoding="utf-8")
        part.replace(file)

    @staticmethod
    def _file(folder: Path, model: str, request: ChatRequest) -> Path:
        told = f"{model}\n{request.model_dump_json()}".replace(FENCE_MARK, "")
        return folder / f"{hashlib.sha256(told.encode()).hexdigest()}.json"
