"""Files as they are handed in: under safe names, in the folder of their batch."""

import shutil
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from starlette.datastructures import UploadFile

from cspon.errors import InputError

MAX_NAME_BYTES = 200


def keep_files(folder: Path, files: Sequence[UploadFile]) -> list[Path]:
    """Write the files into a folder; those of one name go into folders of their own.

    Raises:
        InputError: a name has no suffix.
    """
    paths: list[Path] = []
    for number, file in enumerate(files):
        path = folder / document_name(file.filename or "")
        if path in paths:
            path = folder / str(number) / path.name
            path.parent.mkdir()
        with path.open("wb") as out:
            shutil.copyfileobj(file.file, out, 1 << 20)
        paths.append(path)
    return paths


def document_name(name: str) -> str:
    """Return a safe file name that keeps what a title may hold, and the suffix.

    Raises:
        InputError: nothing is left of it.
    """
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(c for c in last if unicodedata.category(c)[0] != "C" and c not in '<>:"|?*')
    stem, dot, suffix = kept.strip().lstrip(".~$ ").rpartition(".")
    if not dot or not stem.strip() or not suffix.isalnum():
        raise InputError(
            "文件名没有扩展名", file=last[-80:], mend="保留原扩展名（如 .docx、.pdf）后再上传"
        )
    room = MAX_NAME_BYTES - len(suffix.encode()) - 1
    stem = stem.strip().encode()[: max(room, 0)].decode(errors="ignore")
    return f"{stem}.{suffix[:12].lower()}"
