"""Smoothing of gridded surfaces."""

import numpy as np

from tools.demo_county.noise import Floats


def smoothed(values: Floats, radius: int) -> Floats:
    """Mean over a square window of 2 * radius + 1 cells, applied twice; edges are repeated."""
    for _ in range(2):
        padded = np.pad(values, radius + 1, mode="edge")
        total = padded.cumsum(0).cumsum(1)
        side = 2 * radius + 1
        box = (
            total[side:, side:]
            - total[:-side, side:]
            - total[side:, :-side]
            + total[:-side, :-side]
        )
        values = box[: values.shape[0], : values.shape[1]] / side**2
    return np.asarray(values)
