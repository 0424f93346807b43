"""Read layers of Shapefiles and FileGDBs through pyogrio (GDAL)."""

from pathlib import Path
from typing import Any

import numpy as np

from cspon.errors import InputError
from tools.geometry.shapefile import shapefile_parts, table_encoding
from tools.quality_check.features import (
    Chunk,
    FieldInfo,
    LayerFile,
    declared_systems,
    make_chunk,
)


def describe_ogr(file: Path) -> list[LayerFile]:
    """Describe the layers of a Shapefile or FileGDB.

    Raises:
        InputError: it is damaged or incomplete.
    """
    import pyogrio
    from pyogrio.errors import DataLayerError, DataSourceError

    lengths: dict[str, int] = {}
    encoding = None
    try:
        if file.suffix.lower() == ".shp":
            parts = shapefile_parts(file)
            missing = [s for s in (".shx", ".dbf") if s not in parts]
            if missing:
                raise InputError(f"Shapefile 不完整，缺少 {'、'.join(missing)}", file=file)
            encoding = table_encoding(parts)
            lengths = _dbf_lengths(parts[".dbf"], encoding)
        layers = []
        for name, kind in pyogrio.list_layers(file):
            if kind is None:
                continue
            info = pyogrio.read_info(
                file,
                layer=name,
                encoding="ISO-8859-1" if encoding else None,
                force_feature_count=True,
            )
            fields = tuple(
                FieldInfo(
                    _recoded(str(n), encoding),
                    _ogr_type(str(t)),
                    lengths.get(_recoded(str(n), encoding)),
                )
                for n, t in zip(info["fields"], info["ogr_types"], strict=True)
            )
            epsg, height, problem = declared_systems(info["crs"])
            layers.append(
                LayerFile(
                    file,
                    str(name),
                    str(kind).upper().replace(" ", ""),
                    fields,
                    epsg,
                    problem,
                    height,
                    int(info["features"]),
                    encoding=encoding,
                )
            )
    except (DataSourceError, DataLayerError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
        raise InputError(f"无法打开，可能已损坏（{reason}）", file=file) from None
    return layers


def _ogr_type(name: str) -> str:
    kinds = {"OFTString": "text", "OFTReal": "number", "OFTDate": "date", "OFTDateTime": "date"}
    return "integer" if name.startswith("OFTInteger") else kinds.get(name, "other")


def _dbf_lengths(file: Path, encoding: str) -> dict[str, int]:
    """Read the lengths of text fields from the header of a .dbf, in bytes as it declares them."""
    content = file.read_bytes()[:65_536]
    lengths, at = {}, 32
    while at + 32 <= len(content) and content[at] != 0x0D:
        name = content[at : at + 11].split(b"\0")[0].decode(encoding, "ignore")
        if content[at + 11 : at + 12] == b"C":
            lengths[name] = content[at + 16]
        at += 32
    return lengths


def read_ogr(layer: LayerFile, columns: tuple[str, ...], **which: Any) -> Chunk:
    """Read features; `which` goes to GDAL: skip_features and max_features, or fids.

    Raises:
        InputError: the file is damaged.
    """
    from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, GeometryError
    from pyogrio.raw import read

    encoding = layer.encoding
    try:
        meta, fids, wkb, values = read(
            layer.file,
            layer=layer.name,
            encoding="ISO-8859-1" if encoding else None,
            return_fids=True,
            **which,
        )
    except (DataSourceError, DataLayerError, FeatureError, GeometryError) as error:
        raise InputError(
            f"读取要素时出错（{error}）", file=layer.file, layer=layer.name, mend="重新导出该图层"
        ) from None
    names = [_recoded(str(name), encoding) for name in meta["fields"]]
    return make_chunk(
        fids.astype(np.int64),
        wkb,
        {
            name: [_plain(v, encoding) for v in values[names.index(name)].tolist()]
            for name in columns
        },
    )


def _plain(value: Any, encoding: str | None) -> Any:
    """Return None for what GDAL gives for a missing number, and decoded text."""
    if isinstance(value, str):
        return _recoded(value, encoding)
    return None if isinstance(value, float) and value != value else value


def _recoded(value: str, encoding: str | None) -> str:
    return value.encode("latin-1", "ignore").decode(encoding, "replace") if encoding else value
