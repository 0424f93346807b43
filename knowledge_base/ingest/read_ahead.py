"""Files read before they are taken in: what they gave is kept in the journal, the base stays."""

from collections.abc import Sequence
from pathlib import Path

from cspon.schemas.base import Secrecy
from knowledge_base.catalogue import disk_errors, held_catalogue, writer
from knowledge_base.ingest.build_report import Failure
from knowledge_base.ingest.change import silent
from knowledge_base.ingest.gather import Options, gather
from knowledge_base.ingest.journal import Journal
from knowledge_base.ingest.vector_cache import Progress
from knowledge_base.parse.read import find_files


def read_ahead(
    folder: Path,
    paths: Sequence[Path],
    *,
    progress: Progress | None = None,
    secrecy: Secrecy = Secrecy.PUBLIC,
    department: str | None = None,
    roles: Sequence[str] = (),
    workers: int | None = None,
    ocr: bool = True,
) -> tuple[Failure, ...]:
    """Read files and keep what they gave; `add_paths` with the same options reads them no more.

    Args:
        folder: The base.
        paths: Files, zips or folders.
        progress: Called with lines of progress; what it raises ends the reading.
        secrecy: Of the documents; part of what the readings are known by, as are the next two.
        department: The only department that may read them; None for all.
        roles: Roles of which a reader needs one; empty for all.
        workers: Reading processes; one per core by default, 0 for none.
        ocr: Whether pages without text are recognised.

    Returns:
        What could not be read.

    Raises:
        InputError: a path does not exist.
        SetupError: disk or lock.
    """
    options = Options(
        secrecy=secrecy, department=department, roles=tuple(roles), ocr=ocr, workers=workers
    )
    with writer(folder), disk_errors(folder):
        held, journal = held_catalogue(folder), Journal(folder)
        try:
            gathered = gather(folder, find_files(paths), options, held, journal, progress or silent)
        finally:
            journal.close()
    return tuple(gathered.failures)
