"""A page as a picture with boxes drawn on it: where a citation stands."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cspon.errors import InputError, missing_extra
from cspon.schemas.knowledge import Box
from knowledge_base.parse.opened import Opened, read_once

MAX_PIXELS = 40_000_000
FILL = (255, 196, 0, 70)
EDGE = (214, 96, 0, 255)


def page_image(path: Path, page: int, boxes: Sequence[Box] = (), dpi: int = 110) -> bytes:
    """Draw a page of a PDF or picture as PNG, with boxes highlighted.

    Args:
        path: The file.
        page: 1-based page.
        boxes: Boxes of any page; those of this page are drawn.
        dpi: Resolution for a PDF; a picture keeps its own, at most as wide as A4 at `dpi` × 2.

    Raises:
        SetupError: pypdfium2 or Pillow is not installed.
        InputError: no such page, or the file has no pages.
    """
    opened = read_once(path)
    if opened.data[:1024].find(b"%PDF-") >= 0:
        image = rendered(opened.data, page - 1, dpi, path)
    else:
        image = _frame(opened, page, dpi)
    drawn = _draw(image, [box for box in boxes if box.page == page])
    out = io.BytesIO()
    drawn.save(out, format="PNG")
    return out.getvalue()


def rendered(data: bytes, index: int, dpi: int, path: Path) -> Any:
    """Render a page of a PDF (0-based) as a PIL image; large pages at less than `dpi`.

    Raises:
        SetupError: pypdfium2 is not installed.
        InputError: damaged, encrypted, or no such page.
    """
    try:
        import pypdfium2
    except ImportError as error:
        raise missing_extra("pypdfium2", "parse") from error
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise InputError("PDF 无法读取", file=path, mend="确认文件完整且未加密") from error
    try:
        if not 0 <= index < len(document):
            raise InputError(
                f"没有第 {index + 1} 页（共 {len(document)} 页）", file=path, mend="检查页码"
            )
        page = document[index]
        width, height = page.get_size()
        scale = dpi / 72
        pixels = width * height * scale * scale
        if pixels > MAX_PIXELS:
            scale *= (MAX_PIXELS / pixels) ** 0.5
        return page.render(scale=scale, may_draw_forms=False).to_pil().convert("RGB")
    except pypdfium2.PdfiumError as error:
        raise InputError(f"第 {index + 1} 页无法绘制", file=path, mend="确认文件完整") from error
    finally:
        document.close()


def _frame(opened: Opened, page: int, dpi: int) -> Any:
    from knowledge_base.parse.picture import frames

    for number, image in enumerate(frames(opened), 1):
        if number == page:
            image.thumbnail((int(8.3 * 2 * dpi), int(11.7 * 2 * dpi)))
            return image
    raise InputError(f"没有第 {page} 页", file=opened.path, mend="检查页码")


def _draw(image: Any, boxes: Sequence[Box]) -> Any:
    from PIL import Image, ImageDraw

    if not boxes:
        return image
    layer = Image.new("RGBA", image.size, (0, 0, 0, 0))
    pen = ImageDraw.Draw(layer)
    width, height = image.size
    for box in boxes:
        corners = (box.x0 * width - 2, box.y0 * height - 2, box.x1 * width + 2, box.y1 * height + 2)
        pen.rectangle(corners, fill=FILL, outline=EDGE, width=max(width // 600, 1))
    return Image.alpha_composite(image.convert("RGBA"), layer).convert("RGB")
