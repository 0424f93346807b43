"""A folder that is watched: what is put there comes into the base, what changes there is renewed.

Polls; a file counts when its size and time have not changed since the last look. A restart does not
read again what was taken in; what failed is tried again when it changes or the watch restarts.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cspon.errors import InputError, SetupError
from knowledge_base.ingest.build import add_paths, remove_documents
from knowledge_base.ingest.build_report import BuildReport, Failure
from knowledge_base.ingest.change import silent
from knowledge_base.ingest.engine import Engine
from knowledge_base.ingest.vector_cache import Progress
from knowledge_base.ingest.watched_folder import Defaults, WatchedFolder
from llm.embeddings import Embedder

if TYPE_CHECKING:
    from llm.chat import ChatModel


@dataclass
class Watched:
    """What a watch has done so far."""

    reports: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0
    failures: dict[str, Failure] = field(default_factory=dict)
    """By path; those that are not mended."""

    def count(self, report: BuildReport) -> None:
        """Add what a batch did."""
        self.reports += 1
        self.added += len(report.added)
        self.changed += len(report.changed)
        self.removed += len(report.removed)


def watch(
    folder: Path,
    inbox: Path,
    *,
    embedder: Embedder,
    interval_s: float = 10.0,
    once: bool = False,
    mirror: bool = False,
    stop: threading.Event | None = None,
    progress: Progress | None = None,
    told: Callable[[BuildReport], None] | None = None,
    defaults: Defaults | None = None,
    engine: Engine | None = None,
    workers: int | None = None,
    ocr: bool = True,
    chat: "ChatModel | None" = None,
) -> Watched:
    """Keep a base in line with a folder until told to stop.

    Args:
        folder: Folder of the base; created when missing.
        inbox: The watched folder; subfolders may hold `入库设置.yaml` (secrecy, department, roles).
        embedder: Makes the vectors that the caches lack.
        interval_s: Seconds between two looks.
        once: Take in what is there, then return.
        mirror: Remove from the base what is removed from the folder.
        stop: Set to end the watch after the look that runs.
        progress: Told what is going on.
        told: Given the report of each batch that changed something or failed.
        defaults: Level, department and roles where no `入库设置.yaml` says otherwise.
        engine: Store to use; the embedded one by default.
        workers: Reading processes; one per core by default.
        ocr: Whether pages without text are recognised.
        chat: Completes metadata; None for rules alone.

    Raises:
        InputError: the folder does not exist.
        SetupError: disk or store; with `once` also a base that another process writes.
    """
    if not inbox.is_dir():
        raise InputError("监视的文件夹不存在", file=inbox, mend="检查路径，或先建立该文件夹")
    stop = stop or threading.Event()
    look = WatchedFolder(folder, inbox.resolve(), defaults or Defaults(), progress or silent)

    def add(paths: Sequence[Path], given: Defaults) -> BuildReport:
        return add_paths(
            folder,
            paths,
            embedder=embedder,
            progress=progress,
            secrecy=given.secrecy,
            department=given.department,
            roles=given.roles,
            engine=engine,
            workers=workers,
            ocr=ocr,
            chat=chat,
        )

    def remove(ids: Sequence[str]) -> BuildReport:
        return remove_documents(folder, ids, embedder=embedder, progress=progress, engine=engine)

    done = Watched()
    while True:
        try:
            for report in look.take_in(add, remove if mirror else None, settle=once):
                done.count(report)
                if told is not None:
                    told(report)
        except (SetupError, InputError) as error:  # e.g. another writer, or a share not mounted
            if once:
                raise
            look.tell(f"稍后再试：{error}")
        done.failures = dict(look.failures)
        if once or stop.wait(interval_s):
            return done
