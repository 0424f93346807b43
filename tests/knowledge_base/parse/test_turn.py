import pytest
from PIL import Image, ImageDraw

from knowledge_base.parse.turn import Turn, skew


def page(degrees=0.0):
    image = Image.new("RGB", (600, 800), "white")
    pen = ImageDraw.Draw(image)
    for row in range(12):
        pen.rectangle((60, 60 + 50 * row, 540, 72 + 50 * row), fill="black")
    return image.rotate(degrees, fillcolor="white")


@pytest.mark.parametrize("degrees", [-2.0, 1.0, 3.0])
def test_a_skewed_page_is_set_level(degrees):
    assert abs(skew(page(degrees)) + degrees) <= 0.3


def test_level_and_empty_pages_stay():
    assert skew(page()) == 0.0
    assert skew(Image.new("RGB", (100, 100), "white")) == 0.0


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_boxes_turn_back_to_where_they_were(quarters):
    image = Image.new("RGB", (60, 80), "white")
    ImageDraw.Draw(image).rectangle((10, 20, 29, 24), fill="black")
    turn = Turn(60, 80, quarters)
    left, top, right, bottom = turn.apply(image).convert("L").point(lambda v: 255 - v).getbbox()
    assert turn.back((left, top, right, bottom)) == (10, 20, 30, 25)


def test_boxes_of_a_skewed_page_turn_back():
    turn = Turn(600, 800, 0, 2.0)
    x0, y0, x1, y1 = turn.back((500, 100, 520, 110))
    assert abs((y0 + y1) / 2 - 112) < 2 and abs((x0 + x1) / 2 - 520) < 3
