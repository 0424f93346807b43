"""Build and change a base: laws from the package, files from users, removals."""

from collections.abc import Sequence
from pathlib import Path

from cspon.errors import CsponError, InputError
from cspon.schemas.base import Secrecy
from knowledge_base.catalogue import Entry, current_generation, read_catalogue
from knowledge_base.change import (
    BuildReport,
    Change,
    Failure,
    apply_change,
    read_successions,
    silent,
)
from knowledge_base.chunk import read_document
from knowledge_base.index import Engine
from knowledge_base.laws import Law, read_laws, read_list, read_repeals, read_titles
from knowledge_base.parse.read import find_files
from knowledge_base.titles import title_key
from knowledge_base.vector_cache import Progress
from llm.embeddings import Embedder

__all__ = ["BuildReport", "Engine", "Failure", "add_paths", "build_laws", "remove_documents"]


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
    engine: Engine | None = None,
) -> BuildReport:
    """Take files, and the readable files of folders, into the base.

    A file that cannot be read is reported and does not stop the others. The same file again changes
    nothing; an edited file replaces what came from the file of that name.

    Args:
        folder: Folder of the base; created when missing.
        paths: Files (.md .txt .docx .pdf) and folders.
        embedder: Makes the vectors that the caches lack.
        progress: Told what is going on.
        secrecy: Level of all these documents.
        department: Department that may read them; None for all.
        engine: Store to use; the embedded one by default.

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
            mend="支持 .md、.txt、.docx、.pdf（有文字层）",
        )
    laws: dict[str, Law] = {}
    failures: list[Failure] = []
    notices: list[str] = []
    for number, path in enumerate(files, 1):
        tell(f"读取 {number}/{len(files)}：{path.name}")
        try:
            law = read_document(path, secrecy=secrecy, department=department)
        except CsponError as error:
            failures.append(Failure(path=str(path), message=str(error)))
            continue
        if law.document.id in laws:
            other = laws[law.document.id].document.source
            notices.append(f"{path.name} 与 {other} 是同一文件的同一版本，只收前者")
            continue
        laws[law.document.id] = law
        if law.gaps:
            notices.append(f"{path.name} 缺{len(law.gaps)}条：{'、'.join(law.gaps[:10])}")
    change = Change(
        incoming=list(laws.values()),
        origin="file",
        drop=lambda entry: _replaced(entry, laws),
        failures=failures,
        notices=notices,
    )
    return apply_change(folder, change, embedder, engine or Engine(), tell)


def _replaced(entry: Entry, laws: dict[str, Law]) -> bool:
    """Return whether an incoming file replaces what an earlier one of that name brought."""
    if entry.origin != "file":
        return False
    held = entry.document
    if held.id in laws:
        return laws[held.id].document.content_hash != held.content_hash
    return any(
        law.document.source == held.source
        and title_key(law.document.title) == title_key(held.title)
        and (law.document.version is None or held.version is None)
        for law in laws.values()
    )


def remove_documents(
    folder: Path,
    names: Sequence[str],
    *,
    embedder: Embedder,
    progress: Progress | None = None,
    engine: Engine | None = None,
) -> BuildReport:
    """Remove documents by id, title (all versions) or file name.

    Raises:
        InputError: a name fits nothing in the base; names it.
        SetupError: disk, lock or store.
    """
    generation = current_generation(folder)
    entries = read_catalogue(generation).entries if generation else ()
    doomed: set[str] = set()
    for name in names:
        fits = {
            e.document.id
            for e in entries
            if name in (e.document.id, e.document.source)
            or title_key(name) == title_key(e.document.title)
        }
        if not fits:
            raise InputError(f"库中没有 {name!r}", mend="用 cspon kb status 查看库内文件")
        doomed |= fits
    change = Change(drop=lambda entry: entry.document.id in doomed)
    return apply_change(folder, change, embedder, engine or Engine(), progress or silent)
