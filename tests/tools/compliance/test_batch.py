import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import affinity

from tools.compliance.batch import overlay_batch
from tools.compliance.overlay import MANY_VERTICES, overlay_layer
from tools.layers import layer_by_role, load_catalogue

X, Y = 500_000.0, 3_300_000.0


def spec_of(county):
    spec = layer_by_role(load_catalogue(county.folder), "land_use")
    assert spec is not None
    return spec


def box(*corners):
    return affinity.translate(shapely.box(*corners), X, Y)


def expected_rows(county, projects):
    """One project at a time: (project, code) to parcels and areas."""
    rows = {}
    for index, project in enumerate(projects):
        pieces = overlay_layer(project, spec_of(county), county.folder)
        for code in sorted(set(pieces.codes.tolist())):
            of_code = pieces.codes == code
            rows[index, code] = (
                int(of_code.sum()),
                float(pieces.planar_m2[of_code].sum()),
                float(pieces.ellipsoidal_m2[of_code].sum()),
            )
    return rows


def check_equal(areas, expected):
    keys = list(zip(areas.projects.tolist(), areas.codes.tolist(), strict=True))
    assert keys == sorted(expected)
    for row, key in enumerate(keys):
        parcels, planar, ellipsoidal = expected[key]
        assert areas.parcels[row] == parcels
        assert areas.planar_m2[row] == pytest.approx(planar, rel=1e-12)
        assert areas.ellipsoidal_m2[row] == pytest.approx(ellipsoidal, rel=1e-12)


@given(
    st.lists(
        st.tuples(
            st.floats(-100, 1000), st.floats(-100, 1000), st.floats(1, 400), st.integers(3, 40)
        ),
        max_size=8,
    )
)
@settings(max_examples=30)
def test_equal_to_one_project_at_a_time(fixed_county, places):
    angle = {n: np.linspace(0, 2 * np.pi, n, endpoint=False) for *_, n in places}
    projects = np.array(
        [
            shapely.Polygon(np.c_[X + x + r * np.cos(angle[n]), Y + y + r * np.sin(angle[n])])
            for x, y, r, n in places
        ],
        dtype=object,
    )
    areas = overlay_batch(projects, spec_of(fixed_county), fixed_county.folder)
    check_equal(areas, expected_rows(fixed_county, projects))


def test_two_processes_and_small_chunks_change_nothing(fixed_county, monkeypatch):
    rng = np.random.default_rng(1)
    corners = rng.uniform(0, 900, (60, 2))
    projects = np.array([box(x, y, x + 130, y + 70) for x, y in corners], dtype=object)
    expected = expected_rows(fixed_county, projects)
    monkeypatch.setattr("tools.compliance.batch.CHUNK_PARCELS", 7)
    monkeypatch.setattr("tools.compliance.batch.SHARE", 25)
    told = []
    spec, folder = spec_of(fixed_county), fixed_county.folder
    check_equal(overlay_batch(projects, spec, folder, progress=told.append), expected)
    assert told == [25, 50, 60]
    check_equal(overlay_batch(projects, spec, folder, workers=2), expected)


def test_a_boundary_of_very_many_vertices_goes_the_other_way(fixed_county):
    n = MANY_VERTICES + 500
    angle = np.linspace(0, 2 * np.pi, n, endpoint=False)
    large = shapely.Polygon(np.c_[X + 500 + 300 * np.cos(angle), Y + 500 + 300 * np.sin(angle)])
    projects = np.array([box(0, 0, 50, 50), large, box(10, 10, 60, 60)], dtype=object)
    areas = overlay_batch(projects, spec_of(fixed_county), fixed_county.folder)
    check_equal(areas, expected_rows(fixed_county, projects))


def test_an_invalid_parcel_is_repaired_and_named(county):
    bow_tie = shapely.Polygon([(X, Y), (X + 100, Y + 100), (X + 100, Y), (X, Y + 100)])
    county.land_use([bow_tie, box(100, 0, 200, 100)], ["0101", "0301"])
    projects = np.array([box(10, 10, 150, 90)], dtype=object)
    areas = overlay_batch(projects, spec_of(county), county.folder)
    single = overlay_layer(projects[0], spec_of(county), county.folder)
    assert areas.repaired == single.repaired
    assert areas.planar_m2.sum() == pytest.approx(single.planar_m2.sum(), rel=1e-12)


def test_nothing_asked_and_nothing_met(fixed_county):
    spec, folder = spec_of(fixed_county), fixed_county.folder
    assert len(overlay_batch(np.empty(0, dtype=object), spec, folder)) == 0
    assert len(overlay_batch(np.array([box(5000, 0, 5100, 100)]), spec, folder)) == 0


def test_a_shapefile_layer_gives_the_same(fixed_county, tmp_path):
    import pyogrio

    spec = spec_of(fixed_county)
    projects = np.array([box(50, 50, 450, 250), box(700, 0, 900, 900)], dtype=object)
    expected = expected_rows(fixed_county, projects)
    meta, _, geometry, fields = pyogrio.raw.read(fixed_county.folder / spec.path)
    pyogrio.raw.write(
        tmp_path / "DLTB.shp", geometry=geometry, field_data=fields, fields=meta["fields"],
        geometry_type="Polygon", crs=meta["crs"], encoding="UTF-8",
    )  # fmt: skip
    shp = spec.model_copy(update={"path": "DLTB.shp", "layer": None})
    check_equal(overlay_batch(projects, shp, tmp_path), expected)
