"""Open raster files: local files of known formats, and errors that name factor and file.

GeoTIFF, Erdas IMG and ASCII grids are read, told apart by their first bytes. VRT is not: it may point
to other files and to the network.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cspon.errors import InputError

BLOCK_CACHE = 32 << 20
"""Bytes. Strips are read once and kept by the engine; a large cache of GDAL's would only double them."""


@contextmanager
def open_raster(file: Path, *, factor: str, threads: int = 1) -> Iterator[Any]:
    """Open a raster for reading.

    Args:
        file: A local file.
        factor: Whose source it is, for the error.
        threads: Threads that decode tiles of one read.

    Raises:
        InputError: missing, or no raster that is known here.
    """
    import rasterio
    from rasterio.errors import RasterioError

    if not file.is_file():
        raise InputError(f"因子“{factor}”的栅格文件不存在", file=file, mend="核对路径")
    with rasterio.Env(GDAL_CACHEMAX=BLOCK_CACHE, GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):
        try:
            dataset = _open(rasterio, file, threads)
        except RasterioError as problem:
            raise InputError(
                f"因子“{factor}”的文件无法作为栅格打开：{problem}",
                file=file,
                mend="提供 GeoTIFF、COG、IMG 或 ASCII 栅格",
            ) from None
        with dataset:
            yield dataset


def _open(rasterio: Any, file: Path, threads: int) -> Any:
    with file.open("rb") as handle:
        start = handle.read(16)
    if start[:2] in (b"II", b"MM"):
        return rasterio.open(
            file, driver="GTiff", **({"NUM_THREADS": threads} if threads > 1 else {})
        )
    driver = "HFA" if start.startswith(b"EHFA_HEADER") else "AAIGrid"
    return rasterio.open(file, driver=driver)
