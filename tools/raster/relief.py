"""Relief of a strip: highest minus lowest cell with data in a square window."""

import numpy as np

from tools.raster.program import Array, Band, ReliefBand


def relief(heights: Array, dem: Band, band: ReliefBand) -> Array:
    """Compute relief from a strip with halo.

    Args:
        heights: `(rows + 2·halo, width + 2·halo)`, int16 or float32.
        dem: The band that the heights are of; its halo is at least half the window.
        band: Window and type of the result.

    Returns:
        `(rows, width)`; no data where the centre has none.
    """
    from scipy.ndimage import maximum_filter1d, minimum_filter1d

    spare = dem.halo - band.window // 2
    if spare:
        heights = heights[spare:-spare, spare:-spare]
    half = band.window // 2
    absent = ~np.isfinite(heights) if heights.dtype.kind == "f" else heights == dem.nodata
    if heights.dtype.kind == "f":
        low: float = np.inf
        high: float = -np.inf
    else:
        low, high = np.iinfo(np.int16).max, np.iinfo(np.int16).min
    top, bottom = (
        np.where(absent, heights.dtype.type(high), heights),
        np.where(absent, heights.dtype.type(low), heights),
    )
    for axis in (0, 1):
        top = maximum_filter1d(top, band.window, axis=axis, mode="nearest")
        bottom = minimum_filter1d(bottom, band.window, axis=axis, mode="nearest")
    inner = (slice(half, -half), slice(half, -half))
    lost = absent[inner]
    kind = np.int32 if band.dtype == "int32" else np.float32
    with np.errstate(invalid="ignore"):
        result: Array = top[inner].astype(kind) - bottom[inner].astype(kind)
    result[lost] = -1 if band.nodata is not None else np.nan
    return result
