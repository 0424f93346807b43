"""The state of an input: of all its files, or of a table in a database."""

from types import SimpleNamespace

import numpy as np
import pyogrio.raw
import pytest
import shapely

from cspon.schemas.spatial import LayerSpec
from tools.dual_evaluation.digests import file_digest, layer_digest

FIELDS = {"role": "roads", "name": "DL", "title": "道路", "epsg": 4547, "date": "2025-12-31",
          "synthetic": True, "source": "tests", "geometry": "line"}  # fmt: skip


def write_shapefile(folder, value):
    file = folder / "d.shp"
    pyogrio.raw.write(
        file, geometry=shapely.to_wkb(np.array([shapely.Point(1, 2)], object)),
        field_data=[np.array([value], object)], fields=["DJ"], geometry_type="Point",
        crs="EPSG:4547", driver="ESRI Shapefile", encoding="UTF-8",
    )  # fmt: skip
    return file


def test_an_attribute_of_a_shapefile_counts(tmp_path):
    file = write_shapefile(tmp_path, "高")
    before, geometry = file_digest(file), file.read_bytes()
    assert file_digest(file) == before
    write_shapefile(tmp_path, "低")
    assert file.read_bytes() == geometry
    assert file_digest(file) != before


def test_a_folder_is_its_files_and_their_names(tmp_path):
    folder = tmp_path / "a.gdb"
    folder.mkdir()
    (folder / "x").write_bytes(b"1")
    before = file_digest(folder)
    (folder / "x").rename(folder / "y")
    assert file_digest(folder) != before


def test_a_table_of_postgis_has_the_last_change_and_no_file(monkeypatch, tmp_path):
    spec = LayerSpec.model_validate(FIELDS | {"path": "postgis:guihua", "layer": "plan.dl"})
    table = SimpleNamespace(last_change="gh 12 900")
    monkeypatch.setattr("tools.layers.open_postgis", lambda path, layer: table)
    assert layer_digest(spec, tmp_path) == "postgis:gh 12 900"
    table.last_change = "gh 12 901"
    assert layer_digest(spec, tmp_path) == "postgis:gh 12 901"


@pytest.mark.parametrize("content", [b"", b"abc"])
def test_a_file_is_its_sha256(tmp_path, content):
    import hashlib

    file = tmp_path / "s.csv"
    file.write_bytes(content)
    assert file_digest(file) == f"sha256:{hashlib.sha256(content).hexdigest()}"
