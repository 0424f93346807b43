"""Write rasters of whole numbers: strips into working files, then a cloud-optimised GeoTIFF.

The raster and each of its overviews are tiled files of their own while strips arrive; at the end their
compressed tiles are put into one file (`cog_layout`). Everything has temporary names in the target's
folder; `publish` renames at the very end.
"""

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np

from cspon.errors import SetupError
from tools.raster.cog_layout import assemble
from tools.raster.grid import Grid
from tools.raster.plan import Category
from tools.raster.program import Array

TILE = 512
NO_DATA_COLOUR = (0, 0, 0, 0)


class OutputFile:
    """One output on its way: `write` strips in any order, `finish`, then `publish` or `discard`."""

    def __init__(
        self,
        file: Path,
        grid: Grid,
        *,
        dtype: str,
        nodata: int,
        categories: Mapping[int, Category],
        title: str = "",
        threads: int = 1,
    ) -> None:
        from rasterio.errors import RasterioError

        self.file, self.grid, self.threads = file, grid, threads
        self.dtype, self.categories = dtype, categories
        stem = f".{file.name}.{os.getpid()}.{id(self):x}"
        self.working = file.with_name(f"{stem}.work")
        self.ready = file.with_name(f"{stem}.ready.tif")
        self.names = file.with_name(f"{stem}.aux.xml")
        self._lock = threading.Lock()
        self._levels: list[Any] = []
        try:
            for number, size in enumerate(self._sizes()):
                self._levels.append(self._level(number, *size, nodata))
            self._levels[0].update_tags(
                **({"TITLE": title} if title else {}),
                **{f"CATEGORY_{value}": shown.name for value, shown in categories.items()},
            )
        except (RasterioError, OSError) as problem:
            self.discard()
            raise not_written(file, problem) from None

    def _level(self, number: int, width: int, height: int, nodata: int) -> Any:
        """Open the working file of the raster (0) or of its overview with cells 2^number as long.

        It is as large as whole tiles: so what fills the last tiles is always no data.
        """
        import rasterio
        from affine import Affine

        level = rasterio.open(
            self._work(number), "w", driver="GTiff", width=_whole(width), height=_whole(height), count=1,
            dtype=self.dtype, nodata=nodata, crs=self.grid.crs, transform=self.grid.affine @ Affine.scale(2**number),
            tiled=True, blockxsize=TILE, blockysize=TILE, compress="ZSTD", zstd_level=1,
            num_threads=self.threads, bigtiff="IF_SAFER",
        )  # fmt: skip
        if self.categories and self.dtype == "uint8":
            level.write_colormap(1, _colours(self.categories))
        return level

    def _sizes(self) -> list[tuple[int, int]]:
        """Return width and height of the raster and of its overviews."""
        sizes = [(self.grid.width, self.grid.height)]
        while max(sizes[-1]) > TILE:
            sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
        return sizes

    def _work(self, number: int) -> Path:
        return self.working.with_name(f"{self.working.name}.{number}.tif")

    def write(self, first: int, values: Array) -> None:
        """Write `(rows, width)` values from row `first` on; overviews take every 2nd, 4th … cell.

        Raises:
            SetupError: the disk is full or the folder cannot be written.
        """
        from rasterio.errors import RasterioError
        from rasterio.windows import Window

        try:
            with self._lock:
                for number, level in enumerate(self._levels):
                    apart = 2**number
                    part = np.ascontiguousarray(values[-first % apart :: apart, ::apart])
                    if len(part):
                        window = Window(0, -(-first // apart), part.shape[1], len(part))
                        level.write(part, 1, window=window)
        except (RasterioError, OSError) as problem:
            raise not_written(self.file, problem) from None

    def finish(self) -> None:
        """Make the cloud-optimised file with overviews, beside the target.

        Raises:
            SetupError: the disk is full or the folder cannot be written.
        """
        from rasterio.errors import RasterioError

        try:
            for level in self._levels:
                level.close()
            files = [self._work(number) for number in range(len(self._levels))]
            assemble(files, self._sizes(), self.ready)
            require_complete(self.ready)
            for file in files:
                file.unlink()
            if self.categories:
                self.names.write_text(_names(self.categories), encoding="utf-8")
        except (RasterioError, OSError) as problem:
            raise not_written(self.file, problem) from None

    def publish(self) -> None:
        """Rename to the target; category names go into the `.aux.xml` that GDAL and QGIS read."""
        if self.categories:
            self.names.replace(self.file.with_name(f"{self.file.name}.aux.xml"))
        else:
            self.file.with_name(f"{self.file.name}.aux.xml").unlink(missing_ok=True)
        self.ready.replace(self.file)

    def discard(self) -> None:
        """Remove everything that is not published."""
        from contextlib import suppress

        from rasterio.errors import RasterioError

        for level in self._levels:
            with suppress(RasterioError, OSError):
                level.close()
        for file in self.file.parent.glob(f".{self.file.name}.{os.getpid()}.{id(self):x}.*"):
            file.unlink(missing_ok=True)


def require_complete(file: Path) -> None:
    """Check that every tile of the first level lies inside the file."""
    import rasterio

    size = file.stat().st_size
    with rasterio.open(file) as dataset:
        height, width = dataset.block_shapes[0]
        for row in range(-(-dataset.height // height)):
            for column in range(-(-dataset.width // width)):
                place = dataset.get_tag_item(f"BLOCK_OFFSET_{column}_{row}", "TIFF", bidx=1)
                length = dataset.get_tag_item(f"BLOCK_SIZE_{column}_{row}", "TIFF", bidx=1)
                if not place or not length or int(place) + int(length) > size:
                    raise OSError(f"tile {column}, {row} is missing")


def _whole(cells: int) -> int:
    """Return cells rounded up to whole tiles."""
    return -(-cells // TILE) * TILE


def not_written(file: Path, problem: Exception) -> SetupError:
    """Return the error of a raster that could not be written; nothing of it is left."""
    return SetupError(
        f"栅格 {file} 没有写成：{problem}；未留下不完整的文件",
        mend="核对磁盘剩余空间（df -h）与输出文件夹的写权限后重新运行",
    )


def _colours(categories: Mapping[int, Category]) -> dict[int, tuple[int, int, int, int]]:
    colours = {
        value: (int(c.colour[1:3], 16), int(c.colour[3:5], 16), int(c.colour[5:7], 16), 255)
        for value, c in categories.items()
    }
    return {**colours, 255: NO_DATA_COLOUR}


def _names(categories: Mapping[int, Category]) -> str:
    names = (categories[v].name if v in categories else "" for v in range(max(categories) + 1))
    lines = "\n".join(f"      <Category>{escape(name)}</Category>" for name in names)
    return (
        '<PAMDataset>\n  <PAMRasterBand band="1">\n    <CategoryNames>\n'
        f"{lines}\n    </CategoryNames>\n  </PAMRasterBand>\n</PAMDataset>\n"
    )
