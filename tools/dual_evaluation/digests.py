"""What an input was: hash of its files, or the last change of a table in a database."""

import hashlib
from pathlib import Path

from cspon.schemas.spatial import LayerSpec
from tools.layers import layer_state
from tools.postgis.connection import in_postgis

_BESIDE = (".dbf", ".shx", ".prj", ".cpg")
"""Files of a shapefile beside the geometries."""


def file_digest(file: Path) -> str:
    """Return "sha256:…" of a file, or of the files of a folder (FileGDB) with their names.

    A shapefile is hashed with its attributes and coordinate system.
    """
    if file.is_dir():
        parts = sorted(part for part in file.rglob("*") if part.is_file())
        return _together([(part.relative_to(file).as_posix(), part) for part in parts])
    if file.suffix.lower() == ".shp":
        beside = [
            part for part in file.parent.glob(f"{file.stem}.*") if part.suffix.lower() in _BESIDE
        ]
        return _together([(part.suffix.lower(), part) for part in sorted([file, *beside])])
    return f"sha256:{_hash(file)}"


def layer_digest(spec: LayerSpec, folder: Path) -> str:
    """Return the state of a layer of the catalogue.

    A table of PostGIS has no file: its state is "postgis:" and database, rows and youngest row version.

    Raises:
        SetupError: the database does not answer.
    """
    if in_postgis(spec.path):
        return "postgis:" + " ".join(map(str, layer_state(spec, folder)))
    return file_digest(folder / spec.path)


def _hash(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _together(parts: list[tuple[str, Path]]) -> str:
    digest = hashlib.sha256()
    for name, part in parts:
        digest.update(f"{name} {_hash(part)}\n".encode())
    return f"sha256:{digest.hexdigest()}"
