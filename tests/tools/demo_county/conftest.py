"""One small county for all tests of its content."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from tools.demo_county.generate import generate_county

PARCELS, SEED = 2000, 7


@pytest.fixture(scope="session")
def county(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("county") / "demo"
    generate_county(folder, parcels=PARCELS, seed=SEED)
    return folder


def read(path: Path, table: str, *fields: str) -> tuple[NDArray[np.object_], list[tuple]]:
    """Geometries and attribute rows of a table, by plain SQLite: a second reader beside GDAL."""
    columns = ", ".join(["geom", *fields])
    with sqlite3.connect(path) as db:
        rows = db.execute(f"SELECT {columns} FROM {table} ORDER BY fid").fetchall()
    db.close()
    return shapely.from_wkb(np.array([row[0][40:] for row in rows], dtype=object)), [
        row[1:] for row in rows
    ]
