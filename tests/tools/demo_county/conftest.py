"""One small county for all tests of its content."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from tests.made_once import PARCELS, SEED

__all__ = ["PARCELS", "SEED"]


@pytest.fixture(scope="session")
def county(demo_county: Path) -> Path:
    return demo_county


def read(path: Path, table: str, *fields: str) -> tuple[NDArray[np.object_], list[tuple]]:
    """Geometries and attribute rows of a table, by plain SQLite: a second reader beside GDAL."""
    columns = ", ".join(["geom", *fields])
    with sqlite3.connect(path) as db:
        rows = db.execute(f"SELECT {columns} FROM {table} ORDER BY fid").fetchall()
    db.close()
    return shapely.from_wkb(np.array([row[0][40:] for row in rows], dtype=object)), [
        row[1:] for row in rows
    ]
