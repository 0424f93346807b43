import itertools

import numpy as np

from knowledge_base.parse.ocr import STRIP, strips


def test_a_long_picture_is_cut_where_it_is_empty():
    pixels = np.full((5000, 800, 3), 255, dtype=np.uint8)
    for top in range(0, 5000, 50):
        pixels[top : top + 30, 100:700] = 0
        pixels[top : top + 30, 0] = 255
    found = strips(pixels)
    assert found[0][0] == 0 and found[-1][1] == 5000
    assert all(a[1] == b[0] for a, b in itertools.pairwise(found))
    assert all(end - start <= STRIP for start, end in found)
    assert all((pixels[start] == 255).all() for start, _ in found[1:])


def test_a_page_is_recognised_whole():
    assert strips(np.zeros((1754, 1240, 3), dtype=np.uint8)) == [(0, 1754)]
