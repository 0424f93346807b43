"""Build and change a base: laws from the package, files from users, edits, removals."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cspon.errors import InputError
from cspon.schemas.base import Secrecy
from cspon.schemas.knowledge import Document
from knowledge_base.catalogue import (
    Catalogue,
    Entry,
    disk_errors,
    held_catalogue,
    writer,
)
from knowledge_base.describe.metadata import Metadata
from knowledge_base.ingest.build_report import BuildReport, Failure
from knowledge_base.ingest.change import apply_change, apply_locked, silent
from knowledge_base.ingest.engine import Engine
from knowledge_base.ingest.erasure import finish_erasure
from knowledge_base.ingest.gather import Gathered, Options, gather
from knowledge_base.ingest.journal import Journal
from knowledge_base.ingest.look import Look, look_through
from knowledge_base.ingest.model_fill import filler
from knowledge_base.ingest.originals import collect
from knowledge_base.ingest.replace import settle
from knowledge_base.ingest.vector_cache import Progress
from knowledge_base.ingest.wanted import Change, read_successions
from knowledge_base.laws import read_laws, read_list, read_repeals, read_titles
from knowledge_base.parse.read import READERS, find_files
from knowledge_base.titles import title_key
from llm.embeddings import Embedder

if TYPE_CHECKING:
    from llm.chat import ChatModel

__all__ = [
    "BuildReport",
    "Engine",
    "Failure",
    "add_paths",
    "build_laws",
    "edit_document",
    "remove_documents",
]


def build_laws(
    folder: Path,
    *,
    laws_list: Path,
    laws_db: Path | None = None,
    embedder: Embedder,
    progress: Progress | None = None,
    engine: Engine | None = None,
) -> BuildReport:
    """Bring the base in line with the list of laws; documents from files stay.

    Args:
        folder: Folder of the base; created when missing.
        laws_list: YAML list of titles.
        laws_db: SQLite file of laws; the package's by default.
        embedder: Makes the vectors that the caches lack.
        progress: Told what is going on, with rate and time left.
        engine: Store to use; the embedded one by default.

    Raises:
        SetupError: law database, disk, lock or store.
        InputError: the list is wrong, or names a law that the database lacks.
    """
    tell = progress or silent
    tell("读取法规库")
    laws = read_laws(read_list(laws_list), laws_db)
    change = Change(
        incoming=laws,
        drop=lambda entry: entry.origin == "laws",
        repeals=[*read_repeals(laws_db), *read_successions()],
        lexicon=sorted({title_key(title) for title in read_titles(laws_db)}),
        rebuild=True,
    )
    return apply_change(folder, change, embedder, engine or Engine(), tell)


def add_paths(
    folder: Path,
    paths: Sequence[Path],
    *,
    embedder: Embedder,
    progress: Progress | None = None,
    secrecy: Secrecy = Secrecy.PUBLIC,
    department: str | None = None,
    roles: Sequence[str] = (),
    engine: Engine | None = None,
    workers: int | None = None,
    ocr: bool = True,
    chat: "ChatModel | None" = None,
    seconds: float | None = None,
    may_touch: Callable[[Document], bool] | None = None,
    look: Look | None = None,
) -> BuildReport:
    """Take files, and the readable files of folders and archives, into the base.

    A file that cannot be read, or that takes the process reading it down, is reported and does not
    stop the others. The same file again changes nothing; an edited file replaces what came from the
    file of that place, and of that only the passages that changed; another version of a title stands
    beside the one that is held. What was read is kept on disk, so a killed call goes on.

    Args:
        folder: Folder of the base; created when missing.
        paths: Files (see `parse.read.READERS`, and .zip) and folders.
        embedder: Makes the vectors that the caches lack.
        progress: Told what is going on, with rate and time left.
        secrecy: Level of all these documents; a mark in a file can raise it.
        department: Department that may read them; None for all.
        roles: Roles that may read them; empty for all.
        engine: Store to use; the embedded one by default.
        workers: Reading processes; one per core by default, 0 for none (all in this process).
        ocr: Whether pages without text are recognised.
        chat: Completes metadata that the rules did not find; None for rules alone.
        seconds: Time limit of one file; by its size when None.
        may_touch: Held documents that these files may replace or be taken for; all when None. The
            others stay as they are, and nothing is said of them.
        look: Looks at each document that was read; may keep it out.

    Raises:
        InputError: a path does not exist, or nothing readable is there.
        SetupError: disk, lock or store.
    """
    tell = progress or silent
    files = find_files(paths)
    if not files:
        raise InputError(
            "没有找到可入库的文件",
            file="、".join(map(str, paths)),
            mend=f"支持 {'、'.join(READERS)} 和 .zip",
        )
    options = Options(
        secrecy=secrecy,
        department=department,
        roles=tuple(roles),
        ocr=ocr,
        workers=workers,
        seconds=seconds,
    )
    engine = engine or Engine()
    with writer(folder), disk_errors(folder):
        finish_erasure(folder, engine)
        held = held_catalogue(folder)
        touched, reserved = _touchable(held, may_touch)
        journal = Journal(folder)
        try:
            gathered = _gathered(folder, files, options, touched, journal, tell, chat)
            look_through(gathered, look)
            change = _change(gathered, touched, reserved)
            report = apply_locked(folder, change, embedder, engine, tell)
            journal.forget([*gathered.settled, *(reading.key for reading in gathered.readings)])
        finally:
            journal.close()
        after = held_catalogue(folder)
        collect(folder, {sha for e in (after.entries if after else ()) for sha in _originals(e)})
    return report


def _gathered(
    folder: Path,
    files: Sequence[Path],
    options: Options,
    held: Catalogue | None,
    journal: Journal,
    tell: Progress,
    chat: "ChatModel | None",
) -> Gathered:
    """Read the files, with metadata completed by a model where there is one."""
    notices: list[str] = []
    if chat is not None:
        options = replace(options, fill=filler(chat, notices), fill_name=chat.name)
    gathered = gather(folder, files, options, held, journal, tell)
    gathered.notices += notices
    return gathered


def _touchable(
    held: Catalogue | None, may_touch: Callable[[Document], bool] | None
) -> tuple[Catalogue | None, frozenset[str] | None]:
    """Return the catalogue without what must not be touched, and the ids of that; None for all."""
    if may_touch is None:
        return held, None
    if held is None:
        return None, frozenset()
    entries = tuple(e for e in held.entries if may_touch(e.document))
    reserved = {e.document.id for e in held.entries} - {e.document.id for e in entries}
    return held.model_copy(update={"entries": entries}), frozenset(reserved)


def _originals(entry: Entry) -> set[str]:
    return {entry.document.original} if entry.document.original else set()


def _change(gathered: Gathered, held: Catalogue | None, reserved: Collection[str] | None) -> Change:
    """Turn what was gathered into a change: what comes in, what it replaces, what is only noted."""
    settled = settle(gathered, held.entries if held else (), reserved)
    for reading in settled.incoming:
        gathered.notices += [f"{reading.document.source}：{n}" for n in reading.notices]
        if reading.gaps:
            gathered.notices.append(
                f"{reading.document.source} 缺{len(reading.gaps)}条：{'、'.join(reading.gaps[:10])}"
            )
    return Change(
        incoming=settled.incoming,
        origin="file",
        drop=lambda entry: entry.document.id in settled.replaced,
        brought=settled.brought,
        edits=settled.edits,
        kept=settled.kept,
        failures=gathered.failures,
        notices=gathered.notices,
        unchanged=gathered.unchanged,
        resumed=gathered.resumed,
    )


def edit_document(
    folder: Path,
    document_id: str,
    metadata: Metadata,
    *,
    embedder: Embedder,
    engine: Engine | None = None,
    progress: Progress | None = None,
) -> BuildReport:
    """Set metadata of a document by a person's word.

    It wins over what rules and models find, now and when the file or the base is read again. Who
    said so and when is for the caller to record.

    Raises:
        InputError: no such document, or a value that cannot be.
        SetupError: disk, lock or store.
    """
    with writer(folder):
        held = held_catalogue(folder)
        if held is None or held.entry(document_id) is None:
            raise InputError(f"库中没有 {document_id!r}", mend="用 cspon kb status 查看库内文件")
        edits = metadata.model_dump(mode="json", exclude_none=True)
        change = Change(edits={document_id: edits})
        return apply_locked(folder, change, embedder, engine or Engine(), progress or silent)


def remove_documents(
    folder: Path,
    names: Sequence[str],
    *,
    embedder: Embedder,
    progress: Progress | None = None,
    engine: Engine | None = None,
) -> BuildReport:
    """Remove documents by id, title (all versions) or file name, and everything of them on disk.

    Their points, vectors, readings and originals go, and with them the generation before, which
    readers otherwise may go on with.

    Raises:
        InputError: a name fits nothing in the base; names it.
        SetupError: disk, lock or store.
    """
    with writer(folder):
        held = held_catalogue(folder)
        doomed: dict[str, Entry] = {}
        for name in names:
            fits = find_entries(held, name)
            if not fits:
                raise InputError(f"库中没有 {name!r}", mend="用 cspon kb status 查看库内文件")
            doomed |= {entry.document.id: entry for entry in fits}
        notices = [
            f"{entry.document.source} 已移除；同一文件还曾以"
            f" {'、'.join(other.name for other in entry.others)} 之名入库，一并移除"
            for entry in doomed.values()
            if entry.others
        ]
        change = Change(drop=lambda entry: entry.document.id in doomed, erase=True, notices=notices)
        return apply_locked(folder, change, embedder, engine or Engine(), progress or silent)


def find_entries(catalogue: Catalogue | None, name: str) -> list[Entry]:
    """Return the documents that an id, a title or a file name means."""
    entries = catalogue.entries if catalogue else ()
    return [
        e
        for e in entries
        if name in (e.document.id, e.document.source, *(other.name for other in e.others))
        or title_key(name) == title_key(e.document.title)
    ]
