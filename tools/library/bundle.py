"""Export a library as a zip: the YAML files and a manifest with their hashes, the same bytes each time."""

import json
import os
import zipfile
from pathlib import Path

from cspon.errors import SetupError
from tools.library.entry import KIND_TITLES, Entry, Kind
from tools.library.kinds import library
from tools.library.own import file_of

MANIFEST = "manifest.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)


def export(kind: Kind, target: Path) -> list[Entry]:
    """Write all entries of a kind into one zip.

    The own entries stand in `own/`; unpacked into the folder of own entries of another
    installation they work there.

    Raises:
        SetupError: the file cannot be written.
    """
    entries = library(kind).entries()
    manifest = {
        "format": 1,
        "kind": kind,
        "title": KIND_TITLES[kind],
        "entries": [
            {
                "id": e.id,
                "title": e.title,
                "version": e.version,
                "verified": e.verified,
                "enabled": e.enabled,
                "disabled_because": e.disabled_because,
                "file": _name(e),
                "sha256": e.sha256,
            }
            for e in entries
        ],
    }
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
            _put(archive, MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1).encode())
            for e in entries:
                _put(archive, _name(e), file_of(e).read_bytes().replace(b"\r\n", b"\n"))
        draft.replace(target)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise SetupError(
            f"无法写入 {target}（{error.strerror}）", mend="检查磁盘空间与目录权限，或换一个位置"
        ) from error
    return list(entries)


def _name(entry: Entry) -> str:
    folder = "own" if entry.origin == "own" else "shipped"
    return f"{folder}/{entry.kind}/{entry.id}.yaml"


def _put(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    archive.writestr(info, content)
