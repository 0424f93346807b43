"""The layers of a worked example as a place of its own: for models whose nodes are rules."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import shapely
import yaml

from cspon.errors import InputError
from tools.library.coerce import coerce
from tools.library.entry import Port
from tools.library.values import Layer


@contextmanager
def example_place(layers: Mapping[str, Any], file: Path) -> Iterator[Path | None]:
    """Write layers given as WKT to a folder with `layers.yaml`.

    Args:
        layers: Role to `{epsg, features: [{wkt, code, name}], scheme}`; empty for no place at all.
        file: The file of the example, for messages.

    Raises:
        InputError: a layer is no layer.
    """
    if not layers:
        yield None
        return
    with TemporaryDirectory(prefix="cspon-example-") as name:
        folder = Path(name)
        specs = [_write(folder, role, given, file) for role, given in layers.items()]
        catalogue = {
            "title": "算例",
            "region_code": "990000",
            "region_name": "算例",
            "epsg": specs[0]["epsg"],
            "layers": specs,
        }
        (folder / "layers.yaml").write_text(
            yaml.safe_dump(catalogue, allow_unicode=True), encoding="utf-8"
        )
        yield folder


def _write(folder: Path, role: str, given: Any, file: Path) -> dict[str, Any]:
    import pyogrio.raw

    if not isinstance(given, dict):
        raise InputError(
            "图层写法有误", file=file, field=role, mend="写作 {epsg, features: [{wkt: …}]}"
        )
    written = {key: value for key, value in given.items() if key != "scheme"}
    layer: Layer = coerce(role, Port(type="layer", title=role), written, file=file)
    # Roles come from a file that a person wrote: the file names are ours.
    name = f"L{len(list(folder.glob('*.gpkg')))}"
    fields: dict[str, Any] = {
        key: layer.fields[key] for key in ("code", "name") if key in layer.fields
    }
    columns: dict[str, Any] = {"BSM": np.arange(1, len(layer) + 1), **fields}
    pyogrio.raw.write(
        folder / f"{name}.gpkg",
        geometry=shapely.to_wkb(layer.geometries),
        field_data=[
            np.array([str(v) for v in values], dtype=object) for values in columns.values()
        ],
        fields=list(columns),
        layer=name,
        driver="GPKG",
        geometry_type="Unknown",
        crs=f"EPSG:{layer.epsg}",
    )
    return {
        "role": role,
        "name": name,
        "title": role,
        "path": f"{name}.gpkg",
        "layer": name,
        "geometry": layer.geometry,
        "code_field": "code" if "code" in fields else None,
        "name_field": "name" if "name" in fields else None,
        "code_scheme": given.get("scheme", "none"),
        "epsg": layer.epsg,
        "date": "2020-01-01",
        "source": "算例",
    }
