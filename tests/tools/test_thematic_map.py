import numpy as np
import pytest
import shapely
from PIL import Image

from tools.thematic_map import FRAME, MapLabel, MapLayer, ThematicMap, _legible, draw_map, window_of


def test_the_window_has_the_frames_shape_and_holds_the_bounds():
    window, scale = window_of((0, 0, 1000, 10))
    assert window[0] < 0 < 1000 < window[2]
    width, height = window[2] - window[0], window[3] - window[1]
    assert width / height == pytest.approx(FRAME[2] / FRAME[3])
    assert scale == pytest.approx(width / FRAME[2] * 1000)


def test_labels_that_would_lie_over_another_are_left_out():
    labels = [MapLabel("1", 0, 0), MapLabel("2", 1, 1), MapLabel("3", 500, 0)]
    assert [label.text for label in _legible(labels, 10_000)] == ["1", "3"]


def test_a_map_of_areas_lines_and_points_is_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    shapes = np.array([shapely.box(0, 0, 100, 100)], dtype=object)
    line = np.array([shapely.LineString([(0, 0), (100, 100)])], dtype=object)
    point = np.array([shapely.Point(50, 50)], dtype=object)
    sheet = ThematicMap(
        title="图",
        layers=[
            MapLayer("面", shapes, face="#ff0000"),
            MapLayer("线", line),
            MapLayer("点", point),
        ],
        bounds=(0, 0, 100, 100),
        labels=[MapLabel("1", 50, 50)],
        notes=["注"],
        synthetic=True,
    )
    file = draw_map(sheet, tmp_path / "map.png")
    with Image.open(file) as image:
        assert image.size == (1870, 1322)
        assert (255, 0, 0) in {
            image.convert("RGB").getpixel((x, 500)) for x in range(300, 1100, 20)
        }
    assert [p.name for p in tmp_path.iterdir()] == ["map.png"]
