"""What flows between ports: vector layers, rasters, tables, numbers with units, texts.

A layer of the catalogue is read in pieces: an operator that can work piece by piece never holds the
whole. Rasters stand in `tools.library.raster`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import shapely

from cspon.errors import InputError
from cspon.schemas.spatial import LayerSpec
from tools.geometry.crs import require_metric
from tools.library.raster import Raster
from tools.library.units import Quantity

GeometryKind = Literal["polygon", "line", "point"]
Rows = tuple[dict[str, Any], ...]
"""A table: one mapping a row."""

MAX_FEATURES = 2_000_000
"""Features that an operator may hold at once."""
_EVERYWHERE = shapely.box(-1e9, -1e9, 1e9, 1e9)


@dataclass(frozen=True)
class Layer:
    """Features in memory: parallel arrays; `code` and `name` are fields like any other."""

    geometry: GeometryKind
    epsg: int
    geometries: npt.NDArray[np.object_]
    fields: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    specs: tuple[LayerSpec, ...] = ()
    """Catalogue layers that this was made from: their dates and secrecy go with the result."""

    def __len__(self) -> int:
        return len(self.geometries)

    def chunks(self) -> Iterator["Layer"]:
        """Yield the layer itself: it is in memory already."""
        yield self

    def whole(self) -> "Layer":
        """Return itself."""
        return self

    def take(self, index: Any) -> "Layer":
        """Keep some features."""
        kept = {name: values[index] for name, values in self.fields.items()}
        return replace(self, geometries=self.geometries[index], fields=kept)

    def column(self, name: str) -> npt.NDArray[Any]:
        """Return a field.

        Raises:
            InputError: there is no such field.
        """
        if name not in self.fields:
            known = "、".join(self.fields) or "（无）"
            raise InputError(f"图层没有字段 {name}", field=name, mend=f"可用字段：{known}")
        return self.fields[name]


@dataclass(frozen=True)
class CatalogueLayer:
    """A layer of the catalogue, not read yet."""

    spec: LayerSpec
    folder: Path
    window: Any = None
    """Geometry around which is read; None for everything."""

    @property
    def geometry(self) -> GeometryKind:
        """Kind of its features."""
        assert self.spec.geometry != "raster"
        return self.spec.geometry

    @property
    def epsg(self) -> int:
        """EPSG code of the coordinates."""
        return self.spec.epsg

    @property
    def specs(self) -> tuple[LayerSpec, ...]:
        """The one layer."""
        return (self.spec,)

    def chunks(self) -> Iterator[Layer]:
        """Read some thousand features at a time; codes are checked against the layer's scheme.

        Raises:
            InputError: the layer is wrong, or a code is none of its scheme.
        """
        from tools.compliance.zones import zone_name
        from tools.layers import read_windows

        require_metric(self.spec.epsg)
        window = _EVERYWHERE if self.window is None else self.window
        checked: set[str] = set()
        for features in read_windows(self.spec, self.folder, window):
            fields: dict[str, npt.NDArray[Any]] = {"fid": features.fids}
            if self.spec.code_field:
                fields["code"] = features.codes
                found = set(np.unique(features.codes).tolist()) - checked
                for code in found if self.spec.code_scheme != "none" else ():
                    at = int(np.flatnonzero(features.codes == code)[0])
                    zone_name(self.spec, code, str(features.names[at]), fid=int(features.fids[at]))
                    checked.add(code)
            if self.spec.name_field:
                fields["name"] = features.names
            yield Layer(self.geometry, self.epsg, features.geometries, fields, self.specs)

    def whole(self) -> Layer:
        """Read everything.

        Raises:
            InputError: more features than an operator may hold.
        """
        parts: list[Layer] = []
        for part in self.chunks():
            parts.append(part)
            if sum(map(len, parts)) > MAX_FEATURES:
                raise InputError(
                    f"图层“{self.spec.title}”超过 {MAX_FEATURES} 个要素",
                    layer=self.spec.name,
                    mend="先用 clip 或 select 缩小范围，或分乡镇计算",
                )
        if not parts:
            return Layer(self.geometry, self.epsg, np.empty(0, object), {}, self.specs)
        return concatenated(parts)


AnyLayer = Layer | CatalogueLayer


def concatenated(parts: list[Layer]) -> Layer:
    """Put layers of one source together."""
    names = parts[0].fields
    return replace(
        parts[0],
        geometries=np.concatenate([p.geometries for p in parts]),
        fields={name: np.concatenate([p.fields[name] for p in parts]) for name in names},
    )


Value = AnyLayer | Raster | Quantity | Rows | str | tuple[Any, ...]


def require_same_crs(*values: AnyLayer | Raster) -> int:
    """Return the common EPSG code.

    Raises:
        InputError: they differ, or are not metres.
    """
    codes = {value.epsg for value in values}
    if len(codes) > 1:
        raise InputError(
            f"输入图层的坐标系不同：{'、'.join(f'EPSG:{c}' for c in sorted(codes))}",
            field="epsg",
            mend="先把各图层转换到同一个 CGCS2000 投影坐标系",
        )
    epsg = codes.pop()
    require_metric(epsg)
    return epsg


def specs_of(*values: Any) -> tuple[LayerSpec, ...]:
    """List the catalogue layers behind some values, each once."""
    found: dict[str, LayerSpec] = {}
    for value in values:
        for spec in getattr(value, "specs", ()):
            found.setdefault(spec.name, spec)
    return tuple(found.values())
