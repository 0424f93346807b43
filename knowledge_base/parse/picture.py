"""Pictures of documents: photographs and scans, recognised; each frame of a TIFF is a page."""

import io
import warnings
from collections.abc import Iterator
from typing import Any

from cspon.errors import InputError, missing_extra
from knowledge_base.parse.builder import SourceBuilder
from knowledge_base.parse.opened import Opened
from knowledge_base.parse.paged import write_pages
from knowledge_base.parse.scanned import confidence_notice, scanned_page
from knowledge_base.parse.source import SourceText

MAX_PIXELS = 100_000_000
MAX_FRAMES = 500
FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")


def read_picture(opened: Opened) -> SourceText:
    """Read a picture by character recognition.

    Raises:
        SetupError: Pillow or rapidocr-onnxruntime is not installed.
        InputError: damaged, too large, recognition is off, or no text is found.
    """
    if not opened.ocr:
        raise InputError(
            "图片需要文字识别（OCR），但未开启", file=opened.path, mend="开启文字识别后再入库"
        )
    out = SourceBuilder()
    pages = [scanned_page(image, number) for number, image in enumerate(frames(opened), 1)]
    out.notices.append("图片由文字识别得到，引用前请核对原件")
    if low := confidence_notice(pages):
        out.notices.append(low)
    write_pages(pages, out)
    return out.build()


def frames(opened: Opened) -> Iterator[Any]:
    """Yield the frames of a picture, upright.

    Raises:
        SetupError: Pillow is not installed.
        InputError: damaged, of another format, or too large.
    """
    try:
        from PIL import Image, ImageOps, ImageSequence
    except ImportError as error:
        raise missing_extra("Pillow", "parse") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(opened.data), formats=FORMATS)
        for number, frame in enumerate(ImageSequence.Iterator(image)):
            if number >= MAX_FRAMES:
                raise InputError(
                    f"图片超过 {MAX_FRAMES} 页", file=opened.path, mend="拆分后分别入库"
                )
            width, height = frame.size
            if width * height > MAX_PIXELS:
                raise InputError(
                    f"图片有 {width}×{height} 像素，超过上限 {MAX_PIXELS // 10**6} 百万",
                    file=opened.path,
                    mend="缩小或裁剪后再入库",
                )
            yield ImageOps.exif_transpose(frame).convert("RGB")
    except InputError:
        raise
    except Image.DecompressionBombError as error:
        raise InputError(
            f"图片像素超过上限 {MAX_PIXELS // 10**6} 百万",
            file=opened.path,
            mend="缩小或裁剪后再入库",
        ) from error
    except Exception as error:
        raise InputError(
            f"图片无法读取（{type(error).__name__}）",
            file=opened.path,
            mend="重新导出为 PNG 或 JPEG",
        ) from error
