import json

import pyogrio
import pytest
import rasterio
import yaml

from cspon.schemas.spatial import LayerCatalogue
from tools.demo_county import generate
from tools.demo_county.generate import STAMP, generate_county

from .conftest import PARCELS, SEED

ROLES = {
    "land_use", "permanent_basic_farmland", "ecological_redline", "urban_development_boundary",
    "admin_county", "admin_town", "roads", "facilities", "population", "dem", "precipitation",
    "accumulated_temperature", "evapotranspiration", "soil_sand", "soil_silt", "soil_clay", "soil_ph",
    "soil_organic_carbon", "planning_zones", "planned_land_use", "urban_green_line",
    "urban_purple_line", "urban_blue_line", "urban_yellow_line", "flood_risk_line", "heritage_line",
    "nature_reserve", "mineral_line", "industrial_land_line", "power_lines", "oil_gas_pipelines",
    "rivers_line", "geohazard_zones", "fault_lines", "hazard_points", "flood_depth", "public_services",
    "urban_area", "detailed_plan",
}  # fmt: skip


@pytest.fixture(scope="module")
def catalogue(county):
    return LayerCatalogue.model_validate(
        yaml.safe_load((county / "layers.yaml").read_text("utf-8"))
    )


def test_the_catalogue_names_every_layer_once_and_labels_it(catalogue):
    assert {layer.role for layer in catalogue.layers} == ROLES
    assert len(catalogue.layers) == len(ROLES)
    assert catalogue.synthetic
    assert all(layer.synthetic and "合成数据" in layer.source for layer in catalogue.layers)
    assert all(layer.epsg == 4547 and layer.date and layer.secrecy for layer in catalogue.layers)
    land_use = next(layer for layer in catalogue.layers if layer.role == "land_use")
    assert (land_use.code_scheme, land_use.code_field) == ("ydyh_2023", "DLBM")


def test_gdal_opens_every_vector_layer_in_its_crs(county, catalogue):
    vectors = [layer for layer in catalogue.layers if layer.geometry != "raster"]
    assert len(vectors) == 29
    for layer in vectors:
        info = pyogrio.read_info(county / layer.path, layer=layer.layer)
        assert info["crs"] == "EPSG:4547"
        assert info["features"] > 0
        fields = set(info["fields"])
        assert {f for f in (layer.id_field, layer.code_field, layer.name_field) if f} <= fields
        notes = pyogrio.raw.read(county / layer.path, columns=["BZ"], read_geometry=False)[3][0]
        assert set(notes) == {"合成数据"}


def test_rasters_share_one_grid_and_carry_the_label(county, catalogue):
    rasters = [layer for layer in catalogue.layers if layer.geometry == "raster"]
    assert len(rasters) == 10
    frames = set()
    for layer in rasters:
        with rasterio.open(county / layer.path) as raster:
            frames.add((raster.transform, raster.shape, raster.crs.to_epsg()))
            assert raster.tags()["NOTE"] == "合成数据"
            assert raster.units[0]
    assert len(frames) == 1


def test_soil_texture_adds_up(county):
    parts = []
    for name in ("SAND", "SILT", "CLAY"):
        with rasterio.open(county / f"{name}.tif") as raster:
            parts.append(raster.read(1))
    assert (sum(parts) == 100).all()
    assert min(part.min() for part in parts) > 0


def content(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_complete_county_is_left_alone(county):
    before = {path: path.stat().st_mtime_ns for path in county.rglob("*")}
    said = []
    generate_county(county, parcels=PARCELS, seed=SEED, progress=said.append)
    assert said == ["演示县已是最新，无需重新生成"]
    assert {path: path.stat().st_mtime_ns for path in county.rglob("*")} == before


def test_another_size_a_missing_file_or_a_broken_stamp_are_not_complete(county, tmp_path):
    stamp = json.loads((county / STAMP).read_text("utf-8"))
    files = stamp.pop("files")
    assert generate._is_complete(county, stamp)
    assert not generate._is_complete(county, {**stamp, "parcels": 1})
    (tmp_path / STAMP).write_text(json.dumps({**stamp, "files": files}), "utf-8")
    assert not generate._is_complete(tmp_path, stamp)
    (tmp_path / STAMP).write_text("{", "utf-8")
    assert not generate._is_complete(tmp_path, stamp)


def test_equal_seeds_give_equal_bytes_and_other_files_stay(county, tmp_path):
    folder = tmp_path / "again"
    folder.mkdir()
    (folder / "README.md").write_text("说明", "utf-8")
    generate_county(folder, parcels=PARCELS, seed=SEED)
    assert (folder / "README.md").read_text("utf-8") == "说明"
    assert content(folder) == {**content(county), "README.md": "说明".encode()}


def test_a_failure_half_way_leaves_nothing(tmp_path):
    def refuse(text):
        if "控制线" in text:
            raise RuntimeError(text)

    with pytest.raises(RuntimeError):
        generate_county(tmp_path / "county", parcels=PARCELS, seed=SEED, progress=refuse)
    assert list(tmp_path.iterdir()) == []
