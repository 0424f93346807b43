import io

import pytest
from PIL import Image

from cspon.errors import InputError
from cspon.schemas.knowledge import Box
from knowledge_base.parse.page_image import page_image


def pixel(data: bytes, x: float, y: float):
    image = Image.open(io.BytesIO(data))
    assert image.format == "PNG"
    return image.convert("RGB").getpixel((int(x * image.width), int(y * image.height)))


def test_a_page_of_a_pdf_is_drawn_with_its_box(lines_pdf, tmp_path):
    path = tmp_path / "a.pdf"
    path.write_bytes(lines_pdf([["甲"], ["乙"]]))
    boxes = [Box(page=2, x0=0.5, y0=0.5, x1=0.7, y1=0.6), Box(page=1, x0=0, y0=0, x1=0.1, y1=0.1)]
    data = page_image(path, 2, boxes)
    red, green, blue = pixel(data, 0.6, 0.55)
    assert red > 240 and blue < green < 250
    assert pixel(data, 0.05, 0.05) == (255, 255, 255)
    with pytest.raises(InputError, match="没有第 3 页（共 2 页）"):
        page_image(path, 3)


def test_a_picture_is_its_own_page(tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGB", (400, 300), "white").save(path)
    data = page_image(path, 1, [Box(page=1, x0=0, y0=0, x1=1, y1=0.5)])
    assert pixel(data, 0.5, 0.25) != (255, 255, 255) == pixel(data, 0.5, 0.75)
    with pytest.raises(InputError, match="没有第 2 页"):
        page_image(path, 2)


def test_a_file_without_pages_is_told(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("甲")
    with pytest.raises(InputError):
        page_image(path, 1)
