"""Character recognition of page images, offline: the models come inside the package."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cspon.errors import SetupError, missing_extra
from knowledge_base.parse.layout import Segment
from knowledge_base.parse.turn import Turn, skew

DPI = 150
"""Resolution at which pages are recognised; more finds no more and takes longer."""
STRIP = 1600
"""Height in pixels of the strips of a long picture."""
LOW_CONFIDENCE = 0.85
_DOUBTFUL = 0.75
"""Below this a page is also tried sideways and upside down."""


@dataclass(frozen=True)
class Recognised:
    """The runs of text on an upright image, in its pixels."""

    runs: tuple[Segment, ...]
    confidence: float
    """Mean over the characters, 0 when there is none."""
    image: Any
    """The upright image."""
    turn: Turn
    """How it was made upright."""


@lru_cache(maxsize=1)
def _engine() -> Any:
    try:
        from rapidocr_onnxruntime import RapidOCR
    except ImportError as error:
        if ".so" in str(error):
            raise SetupError(
                f"文字识别缺少系统库（{error}）", mend="apt-get install -y libgl1 libglib2.0-0"
            ) from error
        raise missing_extra("rapidocr-onnxruntime", "parse") from error
    threads = os.environ.get("OMP_NUM_THREADS", "")
    return RapidOCR(intra_op_num_threads=int(threads) if threads.isdecimal() else -1)


def recognise(image: Any) -> Recognised:
    """Recognise the text of a picture (PIL image), whichever way up it is.

    Raises:
        SetupError: rapidocr-onnxruntime is not installed, or lacks a system library.
    """
    degrees = skew(image)
    best = _tried(image, 0, degrees)
    if best.runs and (best.confidence < _DOUBTFUL or _stands_on_end(best.runs)):
        for quarters in (1, 3, 2):
            other = _tried(image, quarters, 0.0)
            if _worth(other) > 1.1 * _worth(best):
                best = other
    return best


def _tried(image: Any, quarters: int, degrees: float) -> Recognised:
    import numpy as np

    turn = Turn(image.width, image.height, quarters, degrees)
    upright = turn.apply(image.convert("RGB"))
    pixels = np.ascontiguousarray(np.asarray(upright)[:, :, ::-1])
    runs: list[Segment] = []
    weight = total = 0.0
    for start, end in strips(pixels):
        found, _ = _engine()(pixels[start:end], use_cls=False)
        for corners, words, score in found or ():
            text = words.strip()
            if not text:
                continue
            xs, ys = [float(c[0]) for c in corners], [float(c[1]) + start for c in corners]
            runs.append(Segment(text, min(xs), min(ys), max(xs), max(ys), max(ys) - min(ys)))
            weight += len(text)
            total += len(text) * float(score)
    return Recognised(tuple(runs), round(total / weight, 4) if weight else 0.0, upright, turn)


def strips(pixels: Any) -> list[tuple[int, int]]:
    """Return the row ranges in which an image is recognised: a long one is cut where it is empty.

    The engine shrinks what is longer than 2,000 pixels, which makes a long screenshot unreadable.

    Args:
        pixels: Array of shape (height, width, 3).
    """
    height, width = pixels.shape[:2]
    if height <= 2 * max(width, STRIP // 2):
        return [(0, height)]
    cuts = [0]
    while height - cuts[-1] > STRIP:
        end = cuts[-1] + STRIP
        search = pixels[end - STRIP // 4 : end, :, 0].astype("float32")
        busy = search.max(axis=1) - search.min(axis=1)
        cuts.append(end - STRIP // 4 + int(busy.argmin()))
    return list(zip(cuts, [*cuts[1:], height], strict=True))


def _stands_on_end(runs: Sequence[Segment]) -> bool:
    long = [run for run in runs if len(run.text) >= 3]
    return sum(1 for run in long if run.bottom - run.top > run.x1 - run.x0) * 2 > len(long) > 0


def _worth(found: Recognised) -> float:
    """Return how much was read how surely; lines on end are read too, but their page is not upright."""
    upright = 0.5 if _stands_on_end(found.runs) else 1.0
    return upright * found.confidence**2 * sum(len(run.text) for run in found.runs)
