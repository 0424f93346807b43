"""Write rasters of whole numbers: strips into a working file, then a cloud-optimised GeoTIFF.

Everything is written to temporary names in the target's folder; `publish` renames at the very end.
"""

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from cspon.errors import SetupError
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
        strip_rows: int,
        categories: Mapping[int, Category],
        title: str = "",
        threads: int = 1,
    ) -> None:
        import rasterio
        from rasterio.errors import RasterioError

        self.file, self.threads, self.dtype, self.categories = file, threads, dtype, categories
        stem = f".{file.name}.{os.getpid()}.{id(self):x}"
        self.working = file.with_name(f"{stem}.work.tif")
        self.ready = file.with_name(f"{stem}.ready.tif")
        self.names = file.with_name(f"{stem}.aux.xml")
        self._lock = threading.Lock()
        height = min(TILE, max(16, -(-strip_rows // 16) * 16))
        try:
            self._dataset: Any = rasterio.open(
                self.working, "w", driver="GTiff", width=grid.width, height=grid.height, count=1,
                dtype=dtype, nodata=nodata, crs=grid.crs, transform=grid.affine, tiled=True,
                blockxsize=TILE, blockysize=height, compress="ZSTD", zstd_level=1,
                num_threads=threads, bigtiff="IF_SAFER",
            )  # fmt: skip
            if categories and dtype == "uint8":
                self._dataset.write_colormap(1, _colours(categories))
            self._dataset.update_tags(
                **({"TITLE": title} if title else {}),
                **{f"CATEGORY_{value}": shown.name for value, shown in categories.items()},
            )
        except (RasterioError, OSError) as problem:
            self.discard()
            raise _not_written(file, problem) from None

    def write(self, first: int, values: Array) -> None:
        """Write `(rows, width)` values from row `first` on.

        Raises:
            SetupError: the disk is full or the folder cannot be written.
        """
        from rasterio.errors import RasterioError
        from rasterio.windows import Window

        window = Window(0, first, values.shape[1], values.shape[0])
        try:
            with self._lock:
                self._dataset.write(values, 1, window=window)
        except (RasterioError, OSError) as problem:
            raise _not_written(self.file, problem) from None

    def finish(self) -> None:
        """Make the cloud-optimised file with overviews, beside the target.

        Raises:
            SetupError: the disk is full or the folder cannot be written.
        """
        import rasterio
        import rasterio.shutil
        from rasterio.errors import RasterioError

        try:
            self._dataset.close()
            with rasterio.Env(GDAL_CACHEMAX=64):
                _require_complete(self.working)
                rasterio.shutil.copy(
                    self.working, self.ready, driver="COG", compress="ZSTD", level=1, blocksize=TILE,
                    overviews="AUTO", overview_resampling="NEAREST", num_threads=self.threads,
                    bigtiff="IF_SAFER", statistics="NO",
                )  # fmt: skip
                _require_complete(self.ready)
            self.working.unlink()
            if self.categories:
                self.names.write_text(_names(self.categories), encoding="utf-8")
        except (RasterioError, OSError) as problem:
            raise _not_written(self.file, problem) from None

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

        dataset = getattr(self, "_dataset", None)
        if dataset is not None:
            with suppress(RasterioError, OSError):
                dataset.close()
        for file in self.file.parent.glob(f".{self.file.name}.{os.getpid()}.{id(self):x}.*"):
            file.unlink(missing_ok=True)


def _require_complete(file: Path) -> None:
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


def _not_written(file: Path, problem: Exception) -> SetupError:
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
