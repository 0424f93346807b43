"""Pages that were scanned askew or sideways: turned upright for reading, and back for showing."""

import math
from dataclasses import dataclass
from typing import Any

from knowledge_base.parse.layout import Rectangle

LEAST_SKEW = 0.3
MOST_SKEW = 4.0
_STEP = 0.25
_SIDE = 700


@dataclass(frozen=True)
class Turn:
    """A turn of an image: quarters to the left, then degrees to the left about its middle."""

    width: int
    height: int
    """Of the image before the turn, in pixels."""
    quarters: int = 0
    degrees: float = 0.0

    def apply(self, image: Any) -> Any:
        """Return the turned image."""
        from PIL import Image

        ways = (
            None,
            Image.Transpose.ROTATE_90,
            Image.Transpose.ROTATE_180,
            Image.Transpose.ROTATE_270,
        )
        way = ways[self.quarters % 4]
        turned = image if way is None else image.transpose(way)
        if self.degrees:
            turned = turned.rotate(
                self.degrees, resample=Image.Resampling.BICUBIC, fillcolor=(255, 255, 255)
            )
        return turned

    def back(self, box: Rectangle) -> Rectangle:
        """Return where a rectangle of the turned image stands in the image before the turn."""
        x0, y0, x1, y1 = box
        sideways = self.quarters % 2
        width, height = (self.height, self.width) if sideways else (self.width, self.height)
        if self.degrees:
            angle = math.radians(self.degrees)
            x, y = (x0 + x1) / 2 - width / 2, (y0 + y1) / 2 - height / 2
            dx = x * math.cos(angle) - y * math.sin(angle) - x
            dy = x * math.sin(angle) + y * math.cos(angle) - y
            rise = abs(math.sin(angle)) * (x1 - x0) / 2
            x0, y0, x1, y1 = x0 + dx, y0 + dy - rise, x1 + dx, y1 + dy + rise
        for _ in range(self.quarters % 4):
            x0, y0, x1, y1 = height - y1, x0, height - y0, x1
            width, height = height, width
        return x0, y0, x1, y1


def skew(image: Any) -> float:
    """Return the degrees to the left that set a page's lines level, 0 when they are or none show.

    The right angle makes the rows' darkness differ most (projection profile).
    """
    import numpy as np
    from PIL import Image

    small = image.convert("L")
    small.thumbnail((_SIDE, _SIDE))
    pixels = np.asarray(small, dtype=np.float32)
    ink = Image.fromarray(((pixels < pixels.mean() - 0.5 * pixels.std()) * 255).astype(np.uint8))
    if not 0.001 < np.asarray(ink).mean() / 255 < 0.5:
        return 0.0

    def sharpness(degrees: float) -> float:
        rows = np.asarray(ink.rotate(degrees), dtype=np.float32).sum(axis=1)
        return float(np.square(np.diff(rows)).sum())

    steps = int(MOST_SKEW / _STEP)
    level = sharpness(0.0)
    best = max((step * _STEP for step in range(-steps, steps + 1)), key=sharpness)
    if abs(best) < LEAST_SKEW or sharpness(best) < 1.15 * level:
        return 0.0
    return best
