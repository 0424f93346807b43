"""What a base holds: its documents with windows, the known repeals, and where its index is.

A base is a folder of **generations**. A generation is written under a temporary name, renamed, and
never changed again; the file `CURRENT` names the one to read. So a reader never sees a half-built
base, and a killed build leaves the old one in place.
"""

import contextlib
import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, JsonValue, ValidationError

from cspon.errors import SetupError
from cspon.schemas.base import Frozen
from cspon.schemas.knowledge import Document
from knowledge_base.store.protocol import Where
from knowledge_base.store.sparse import copy_tree, size_on_disk
from knowledge_base.titles import canonical_key, carried_title, title_key
from knowledge_base.validity import Repeal

LAYOUT = 2
"""Version of the folder layout and of the payloads; another one is rebuilt."""

GENERATIONS, CURRENT, CATALOGUE, INDEX = "generations", "CURRENT", "catalogue.json", "index"
_BUILDING = ".building-"
MEND_BUILD = "运行 cspon kb build-laws"


class Other(Frozen):
    """Another file that gave a document that is held already; it is kept once."""

    name: str
    sha256: str


class Entry(Frozen):
    """A document in a base."""

    document: Document
    origin: Literal["laws", "file"]
    passages: int
    gaps: tuple[str, ...] = ()
    """Labels of articles that the source lacks."""
    place: str = ""
    """Where its file was; an edited file of that place replaces it. Empty once another version came
    from there."""
    reading: str = ""
    """Bytes, recipe and options of its reading; the same again changes nothing."""
    others: tuple[Other, ...] = ()
    """Other files with the same bytes, or with the same version of the text."""
    edits: dict[str, JsonValue] = Field(default_factory=dict)
    """Metadata that a person gave (`metadata.Metadata`); it wins over what the text says."""
    notices: tuple[str, ...] = ()
    """What its reader told."""


class Catalogue(Frozen):
    """The table of contents of one generation."""

    layout: int = LAYOUT
    embedder: str
    dim: int
    recipe: str
    lexical: str = ""
    """`lexical_recipe` of the sparse vectors."""
    store: str
    collection: str = ""
    built_at: datetime
    entries: tuple[Entry, ...] = ()
    repeals: tuple[Repeal, ...] = ()
    lexicon: tuple[str, ...] = ()
    """Keys of law titles that people name, in the base or not: 可再生能源法 is not 能源法."""
    known: tuple[str, ...] = ()
    """Those that are named for other reasons than that a document of the base bears them."""

    @property
    def documents(self) -> list[Document]:
        """All documents."""
        return [entry.document for entry in self.entries]

    def resolve(self, title: str) -> str:
        """Return the key of a title: the base's own if it has it, else what the short name means."""
        key = title_key(title)
        return key if self.titled(key) else canonical_key(title)

    @cached_property
    def _by_title(self) -> dict[str, list[Entry]]:
        found: dict[str, list[Entry]] = {}
        for entry in sorted(self.entries, key=lambda e: (e.document.version or "", e.document.id)):
            title = entry.document.title
            for key in {title_key(title), title_key(carried_title(title) or title)}:
                found.setdefault(key, []).append(entry)
        return found

    @cached_property
    def _by_id(self) -> dict[str, Entry]:
        return {entry.document.id: entry for entry in self.entries}

    @cached_property
    def names_by_reader(self) -> dict[Where, tuple[str, ...]]:
        """What `knowledge_base.known` worked out of the titles, by what a reader may read."""
        return {}

    def titled(self, key: str) -> list[Entry]:
        """Return the entries of a title, oldest version first."""
        return self._by_title.get(key, [])

    def entry(self, document_id: str) -> Entry | None:
        """Return the entry of a document."""
        return self._by_id.get(document_id)

    def repeals_of(self, key: str) -> list[Repeal]:
        """Return what is known to have ended a title, in the base or not."""
        return [r for r in self.repeals if title_key(r.title) == key]


def current_generation(folder: Path) -> Path | None:
    """Return the folder of the generation to read; None when the base was never built.

    Raises:
        SetupError: `CURRENT` names a generation that is not there.
    """
    pointer = folder / CURRENT
    try:
        name = pointer.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    generation = folder / GENERATIONS / name
    if not name or not (generation / CATALOGUE).is_file():
        raise SetupError(f"知识库 {folder} 不完整：{pointer} 指向的版本不存在", mend=MEND_BUILD)
    return generation


def read_catalogue(generation: Path) -> Catalogue:
    """Read the catalogue of a generation.

    Raises:
        SetupError: damaged, or of another layout.
    """
    path = generation / CATALOGUE
    try:
        catalogue = Catalogue.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise SetupError(f"知识库目录文件无法读取：{path}", mend=MEND_BUILD) from error
    if catalogue.layout != LAYOUT:
        raise SetupError(
            f"知识库格式版本为 {catalogue.layout}，本程序用 {LAYOUT}", mend=f"{MEND_BUILD} 重建"
        )
    return catalogue


def held_catalogue(folder: Path) -> Catalogue | None:
    """Return the catalogue of the generation to read; None when the base was never built.

    Raises:
        SetupError: as `current_generation` and `read_catalogue`.
    """
    generation = current_generation(folder)
    return read_catalogue(generation) if generation else None


@contextlib.contextmanager
def writer(folder: Path) -> Iterator[None]:
    """Hold the base for writing; readers go on with the generation that they have open.

    Raises:
        SetupError: another process is writing, or the folder cannot be written.
    """
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "write.lock").open("a+")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "未知"
            raise SetupError(
                f"知识库 {folder} 正被另一进程写入（进程号 {holder}）", mend="等它结束后重试"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


@contextlib.contextmanager
def new_generation(folder: Path, copy_of: Path | None = None) -> Iterator[Path]:
    """Yield a working folder that is removed when the block fails; publish it inside the block."""
    root = folder / GENERATIONS
    working = root / f"{_BUILDING}{os.getpid()}"
    with disk_errors(folder):
        root.mkdir(parents=True, exist_ok=True)
        for stale in root.glob(f"{_BUILDING}*"):  # the writer lock is ours: these are dead
            shutil.rmtree(stale)
        if copy_of is None:
            working.mkdir()
        else:
            _require_space(folder, size_on_disk(copy_of))
            copy_tree(copy_of, working)
    try:
        with disk_errors(folder):
            yield working
    finally:
        if working.exists():
            shutil.rmtree(working)


def publish(
    folder: Path, working: Path, catalogue: Catalogue, *, keep_previous: bool = True
) -> Path:
    """Make the working folder the current generation.

    The one before it stays for readers that have it open, unless something was erased: they go on
    with the files that they have open, and nothing of it stays on disk.
    """
    (working / CATALOGUE).write_text(catalogue.model_dump_json(indent=1), encoding="utf-8")
    root = folder / GENERATIONS
    pointer = folder / CURRENT
    before = root / pointer.read_text(encoding="utf-8").strip() if pointer.exists() else None
    number = max((int(p.name) for p in root.iterdir() if p.name.isdigit()), default=0) + 1
    generation = root / f"{number:06d}"
    working.rename(generation)
    temporary = folder / f"{CURRENT}.tmp"
    temporary.write_text(generation.name, encoding="utf-8")
    temporary.replace(pointer)
    sweep(folder, before if keep_previous else None)
    return generation


def sweep(folder: Path, but: Path | None = None) -> None:
    """Delete all generations but the current one and one other."""
    current = current_generation(folder)
    root = folder / GENERATIONS
    for old in root.iterdir() if root.is_dir() else ():
        if old.name.isdigit() and old not in (current, but):
            shutil.rmtree(old)


@contextlib.contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turn a full disk or a folder that cannot be written into a message."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise SetupError(f"磁盘空间不足，无法写入 {folder}", mend="清理磁盘后重试") from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
            raise SetupError(
                f"无法写入知识库目录 {folder}：{error.strerror}",
                mend="检查目录权限，或改 CSPON_HOME",
            ) from error
        raise


def _require_space(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < 2 * size:
        raise SetupError(
            f"磁盘空间不足：{folder} 剩余 {free // 2**20} MB，需要约 {2 * size // 2**20} MB",
            mend="清理磁盘后重试",
        )
