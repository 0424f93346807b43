"""From paths to readings: expand archives, keep originals, tell what is known, read the rest.

What was read is in the journal at once; nothing here holds the text of more than one file.
"""

import hashlib
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cspon.errors import InputError
from cspon.schemas.base import Secrecy
from cspon.schemas.knowledge import Document
from knowledge_base.catalogue import Catalogue, Entry, Other
from knowledge_base.ingest.build_report import Failure
from knowledge_base.ingest.journal import Journal, Reading, reading_recipe
from knowledge_base.ingest.originals import keep
from knowledge_base.ingest.read_pool import Job, Reply, read_all
from knowledge_base.ingest.vector_cache import Progress
from knowledge_base.parse import archive

EXPANDED = ".expanded"
TELL_SECONDS = 2.0

Fill = Callable[[Document, str], Document]
"""Completes a document's metadata from its opening, e.g. by a model."""


@dataclass(frozen=True)
class Options:
    """How files are read, and for whom."""

    secrecy: Secrecy = Secrecy.PUBLIC
    department: str | None = None
    roles: tuple[str, ...] = ()
    ocr: bool = True
    workers: int | None = None
    seconds: float | None = None
    fill: Fill | None = None
    fill_name: str = ""
    """Who fills; a part of what a reading is known by."""

    def reading(self, sha256: str) -> str:
        """Return the key of bytes read with these options by this version of the readers."""
        parts = (
            sha256,
            reading_recipe(),
            self.secrecy,
            self.department or "",
            *self.roles,
            str(self.ocr),
            self.fill_name,
        )
        return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()


@dataclass
class Gathered:
    """What a batch of files came to."""

    readings: list[Reading] = field(default_factory=list)
    """In the order in which the files were named."""
    unchanged: list[str] = field(default_factory=list)
    """Ids of documents whose files came again as they are."""
    duplicates: dict[str, list[Other]] = field(default_factory=dict)
    """New names of documents that are held already, by id."""
    moved: dict[str, str] = field(default_factory=dict)
    """New places of documents whose files are no longer where they were, by id."""
    settled: list[str] = field(default_factory=list)
    """Journal keys of files that are in the base: a build may be killed before it forgets them."""
    failures: list[Failure] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    resumed: int = 0
    """Readings that an earlier, unfinished build left."""
    pages: int = 0


@dataclass(frozen=True)
class _Found:
    path: Path
    name: str
    place: str


def gather(
    folder: Path,
    files: Sequence[Path],
    options: Options,
    catalogue: Catalogue | None,
    journal: Journal,
    tell: Progress,
) -> Gathered:
    """Read what is new in the files into the journal. The caller holds the base for writing.

    Raises:
        SetupError: the journal or the disk.
    """
    gathered = Gathered()
    expanded = folder / EXPANDED
    shutil.rmtree(expanded, ignore_errors=True)  # what a killed build left
    try:
        found = list(_expanded(files, expanded, gathered))
        readings, jobs = _known(folder, found, options, catalogue, journal, gathered, tell)
    finally:
        shutil.rmtree(expanded, ignore_errors=True)
    gathered.resumed = sum(1 for slot in readings.values() if slot.count)
    for reply in _read(jobs, options, tell):
        _take(reply, readings, options, journal, gathered)
    gathered.readings = [slot for slot in readings.values() if slot.count]
    return gathered


def _expanded(files: Sequence[Path], into: Path, gathered: Gathered) -> Iterator[_Found]:
    for number, path in enumerate(files):
        if path.suffix.lower() not in archive.SUFFIXES:
            yield _Found(path, path.name, str(path))
            continue
        try:
            members = archive.expand(path, into / f"{number:06d}")
        except InputError as error:
            gathered.failures.append(failure(str(path), error))
            continue
        for member in members:
            yield _Found(member.path, f"{path.name}!/{member.name}", f"{path}!/{member.name}")


def _known(
    folder: Path,
    found: Sequence[_Found],
    options: Options,
    catalogue: Catalogue | None,
    journal: Journal,
    gathered: Gathered,
    tell: Progress,
) -> tuple[dict[str, Reading], list[Job]]:
    """Keep the originals; sort the files into held, read before, and to be read.

    Returns:
        A place for each reading by its key, in order, filled where the journal has it; and the jobs.
    """
    held: dict[str, list[Entry]] = {}
    for entry in catalogue.entries if catalogue else ():
        for sha256 in {entry.document.original or "", *(o.sha256 for o in entry.others)}:
            held.setdefault(sha256, []).append(entry)
    first: dict[str, str] = {}
    readings: dict[str, Reading] = {}
    jobs: list[Job] = []
    told = time.monotonic()
    for number, file in enumerate(found, 1):
        if time.monotonic() - told > TELL_SECONDS:
            told = time.monotonic()
            tell(f"清点 {number}/{len(found)}：{file.name}")
        try:
            kept = keep(folder, file.path)
        except InputError as error:
            gathered.failures.append(failure(file.place, error))
            continue
        sha256, reading = kept.sha256, options.reading(kept.sha256)
        key = hashlib.blake2b(f"{reading}\0{file.name}".encode(), digest_size=16).hexdigest()
        if _is_held(file, sha256, reading, held.get(sha256, []), gathered):
            gathered.settled.append(key)
            continue
        if sha256 in first:
            earlier = readings[first[sha256]]
            readings[first[sha256]] = replace(earlier, others=(*earlier.others, file.name))
            continue
        first[sha256] = key
        before = journal.get(key)
        if before is None:
            blank = Document(id="", title="", original=sha256)
            before = Reading(journal, key, blank, (), (), 0)
            jobs.append(
                Job(
                    key=key,
                    path=str(kept.path),
                    name=file.name,
                    size=kept.size,
                    secrecy=options.secrecy,
                    department=options.department,
                    roles=options.roles,
                    ocr=options.ocr,
                )
            )
        readings[key] = replace(before, path=file.place, reading=reading)
    return readings, jobs


def _is_held(
    file: _Found, sha256: str, reading: str, holders: Sequence[Entry], gathered: Gathered
) -> bool:
    """Say whether the bytes are in the base already; note a new name of theirs."""
    for entry in holders:
        document = entry.document
        if file.name == document.source and document.original == sha256:
            if entry.reading == reading:
                _stays_as_it_is(entry, file, gathered)
                return True
            return False
    for entry in holders:
        other = Other(name=file.name, sha256=sha256)
        if other in entry.others:
            _stays_as_it_is(entry, file, gathered)
            return True
    for entry in holders:
        if entry.document.original == sha256:
            gathered.duplicates.setdefault(entry.document.id, []).append(
                Other(name=file.name, sha256=sha256)
            )
            _stays_as_it_is(entry, file, gathered)
            gathered.notices.append(
                f"{file.name} 与库内 {entry.document.source} 内容相同，只保留一份"
                f"（密级、部门与角色仍按《{entry.document.title}》已有的设置）"
            )
            return True
    return False


def _stays_as_it_is(entry: Entry, file: _Found, gathered: Gathered) -> None:
    """Note that a file came again; a renamed or moved one has a new place."""
    gathered.unchanged.append(entry.document.id)
    if file.place != entry.place and not still_there(entry.place):
        gathered.moved[entry.document.id] = file.place


def still_there(place: str) -> bool:
    """Say whether the file (or the archive) of a place exists."""
    return bool(place) and Path(place.partition("!/")[0]).exists()


def _read(jobs: Sequence[Job], options: Options, tell: Progress) -> Iterator[Reply]:
    """Read the files and tell files, megabytes, passages, rate and time left."""
    if not jobs:
        return
    total = sum(job.size for job in jobs)
    begun = told = time.monotonic()
    size = passages = 0
    tell(f"读取 0/{len(jobs)} 个文件（{total / 1e6:.1f} MB）")
    for done, reply in enumerate(
        read_all(jobs, workers=options.workers, seconds=options.seconds), 1
    ):
        size += reply.job.size
        passages += reply.head.get("count", 0)
        yield reply
        now = time.monotonic()
        if now - told > TELL_SECONDS or done == len(jobs):
            told, elapsed = now, max(now - begun, 1e-6)
            left = elapsed / max(size, 1) * (total - size)
            tell(
                f"读取 {done}/{len(jobs)} 个文件，{size / 1e6:.1f}/{total / 1e6:.1f} MB，"
                f"{size / 1e6 / elapsed:.2f} MB/秒，{passages} 条，约剩 {left:.0f} 秒：{reply.job.name}"
            )


def _take(
    reply: Reply,
    readings: dict[str, Reading],
    options: Options,
    journal: Journal,
    gathered: Gathered,
) -> None:
    """Put a reply into the journal, or among the failures."""
    job, head = reply.job, reply.head
    slot = readings[job.key]
    if "document" not in head:
        gathered.failures.append(
            Failure(
                path=slot.path,
                message=f"文件 {slot.path}：{head['reason']}"
                + (f"\n处理办法：{head['mend']}" if head["mend"] else ""),
                reason=head["reason"],
                mend=head["mend"],
            )
        )
        return
    document = Document.model_validate(head["document"])
    document = document.model_copy(update={"original": slot.document.original})
    if options.fill is not None:
        document = options.fill(document, head["opening"])
    gaps, notices = tuple(head["gaps"]), tuple(head["notices"])
    journal.put(job.key, document, gaps, notices, head["count"], reply.passages)
    gathered.pages += head["pages"]
    readings[job.key] = replace(
        slot, document=document, gaps=gaps, notices=notices, count=head["count"]
    )


def failure(place: str, error: InputError) -> Failure:
    """Return the error of a file as a failure."""
    mend = error.mend
    message = f"文件 {place}：{error.message}"
    return Failure(
        path=place,
        message=f"{message}\n处理办法：{mend}" if mend else message,
        reason=error.message,
        mend=mend,
    )
