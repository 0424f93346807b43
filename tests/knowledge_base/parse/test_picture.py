import io
import struct
import zlib

import pytest
from PIL import Image

from cspon.errors import InputError
from knowledge_base.parse import picture
from knowledge_base.parse.picture import frames, read_picture


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + head
        + chunk(b"IDAT", zlib.compress(b"\0" * 99))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(60_000, 60_000), (12_000, 12_000)])
def test_a_picture_bomb_is_refused_before_it_is_decoded(opened, size):
    with pytest.raises(InputError, match="像素"):
        list(frames(opened(png(*size), "a.png")))


def test_every_page_of_a_tiff_is_a_frame(opened, monkeypatch):
    out = io.BytesIO()
    page = Image.new("RGB", (40, 30), "white")
    page.save(out, format="TIFF", save_all=True, append_images=[page, page])
    assert len(list(frames(opened(out.getvalue(), "a.tif")))) == 3
    monkeypatch.setattr(picture, "MAX_FRAMES", 2)
    with pytest.raises(InputError, match="超过 2 页"):
        list(frames(opened(out.getvalue(), "a.tif")))


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n123"])
def test_what_is_no_picture_is_refused(opened, data):
    with pytest.raises(InputError, match="图片无法读取"):
        list(frames(opened(data, "a.png")))


def test_recognition_that_is_off_is_told(opened):
    with pytest.raises(InputError, match="OCR"):
        read_picture(opened(b"", "a.png", ocr=False))
