"""Character recognition of page images, offline: the models come inside the package."""

import os
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cspon.errors import SetupError, missing_extra
from knowledge_base.parse.layout import Segment

LOW_CONFIDENCE = 0.85
DPI = 200


@dataclass(frozen=True)
class Recognised:
    """The runs of text on an image, in its pixels, and the mean confidence by length."""

    runs: tuple[Segment, ...]
    confidence: float
    width: int
    height: int


@lru_cache(maxsize=1)
def _engine() -> Any:
    try:
        from rapidocr_onnxruntime import RapidOCR
    except ImportError as error:
        if "libGL" in str(error) or "libgthread" in str(error):
            raise SetupError(
                f"文字识别缺少系统库（{error}）", mend="apt-get install -y libgl1 libglib2.0-0"
            ) from error
        raise missing_extra("rapidocr-onnxruntime", "parse") from error
    threads = os.environ.get("OMP_NUM_THREADS", "")
    return RapidOCR(
        intra_op_num_threads=int(threads) if threads.isdigit() else -1, max_side_len=2400
    )


def recognise(image: Any) -> Recognised:
    """Recognise the text of a picture (PIL image).

    Raises:
        SetupError: rapidocr-onnxruntime is not installed.
    """
    import numpy as np

    pixels = np.asarray(image.convert("RGB"))[:, :, ::-1]
    found, _ = _engine()(np.ascontiguousarray(pixels), use_cls=False)
    runs: list[Segment] = []
    weight = total = 0.0
    for corners, text, score in found or ():
        text = text.strip()
        if not text:
            continue
        xs, ys = [float(c[0]) for c in corners], [float(c[1]) for c in corners]
        runs.append(Segment(text, min(xs), min(ys), max(xs), max(ys), max(ys) - min(ys)))
        weight += len(text)
        total += len(text) * float(score)
    return Recognised(
        tuple(runs), round(total / weight, 4) if weight else 0.0, image.width, image.height
    )
