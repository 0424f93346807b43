"""Make the demo county: `python -m tools.demo_county.generate FOLDER` or `generate_county`.

Idempotent: a folder that holds a complete county of the same version, seed and size is left alone.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import shapely
import yaml

from cspon.schemas.spatial import LayerCatalogue, LayerSpec
from tools.demo_county.geopackage import GeoPackage
from tools.demo_county.products import (
    Build,
    LayerInfo,
    RasterLayer,
    Setting,
    VectorLayer,
    documents,
    layers,
)
from tools.demo_county.project_files import write_project
from tools.demo_county.stages import STAGES

STAMP = ".county.json"
LABEL = "合成数据"
SOURCE = "合成数据：由 tools/demo_county 按随机种子生成，不对应任何真实地点"
_TRIES = 4


def generate_county(
    folder: Path,
    *,
    parcels: int = 30_000,
    seed: int = 20260101,
    progress: Callable[[str], None] | None = None,
) -> None:
    """Write the county's layers, catalogue and projects into a folder.

    Everything is made in a temporary folder inside it and then moved, file by file and the stamp
    last; other files in the folder (README.md) stay.

    Args:
        folder: Where to write, e.g. examples/demo_county.
        parcels: Number of land-use parcels at least.
        seed: Equal seeds give equal counties.
        progress: Gets Chinese sentences.
    """
    wanted = {"version": generator_version(), "seed": seed, "parcels": parcels}
    if _is_complete(folder, wanted):
        if progress:
            progress("演示县已是最新，无需重新生成")
        return
    if progress:
        progress("全部为合成数据，由随机种子生成，约需半分钟")
    ours = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=folder))
    try:
        names = _write_county(draft, parcels, seed, progress)
        (folder / STAMP).unlink(missing_ok=True)
        for name in names:
            if (draft / name).is_dir():
                shutil.rmtree(folder / name, ignore_errors=True)
            (draft / name).replace(folder / name)
        stamp = draft / STAMP
        stamp.write_text(json.dumps({**wanted, "files": names}, ensure_ascii=False), "utf-8")
        stamp.replace(folder / STAMP)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        if ours and not any(folder.iterdir()):
            folder.rmdir()
    if progress:
        progress(f"演示县已生成：{folder}")


def generator_version() -> str:
    """Digest of the generator's own source: a changed generator makes the county anew."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _is_complete(folder: Path, wanted: dict[str, object]) -> bool:
    stamp = folder / STAMP
    if not stamp.is_file():
        return False
    try:
        found = json.loads(stamp.read_text("utf-8"))
    except ValueError:
        return False
    files = found.pop("files", None)
    return found == wanted and bool(files) and all((folder / name).exists() for name in files)


def build_county(parcels: int, seed: int, progress: Callable[[str], None] | None = None) -> Build:
    """Make land use, with smaller parcels where a first try gave too few."""
    density = 1.0
    for _ in range(_TRIES):
        build = Build(Setting(seed, parcels, density))
        count = len(build.get("land_use").polygons)
        if count >= parcels:
            if progress:
                progress(STAGES[0].report(build))
            return build
        density *= 1.05 * parcels / count
    raise AssertionError(f"only {count} parcels of {parcels} after {_TRIES} tries")


def _write_county(
    draft: Path, parcels: int, seed: int, progress: Callable[[str], None] | None
) -> list[str]:
    known = layers()
    build = build_county(parcels, seed, progress)
    setting = build.setting
    for stage in STAGES[1:]:
        if progress:
            progress(stage.report(build))
    specs: dict[str, list[LayerSpec]] = {"": []}
    names = []
    for name, info in known.items():
        made = build.get(name)
        path = f"{info.name}.{'tif' if isinstance(made, RasterLayer) else 'gpkg'}"
        folder = draft / info.folder
        folder.mkdir(exist_ok=True)
        if isinstance(made, RasterLayer):
            _write_raster(folder / path, made, info, setting)
        else:
            _write_vector(folder / path, made, info, setting)
        specs.setdefault(info.folder, []).append(_spec(path, made, info, setting))
        names.append(info.folder or path)
    for name, path in documents().items():
        (draft / path).write_bytes(build.get(name))
        names.append(path.split("/")[0])
    for project in build.get("projects"):
        write_project(project, draft / "projects", epsg=setting.epsg)
    for below, found in specs.items():
        _write_catalogue(
            draft / below, found, setting, f"{below.removeprefix('plan_')}年版规划" if below else ""
        )
    return [*dict.fromkeys(names), "projects", "layers.yaml"]


def _write_catalogue(folder: Path, specs: list[LayerSpec], setting: Setting, edition: str) -> None:
    catalogue = LayerCatalogue(
        title=f"{setting.region_name}{edition}（{LABEL}）",
        region_code=setting.region_code,
        region_name=setting.region_name,
        epsg=setting.epsg,
        synthetic=True,
        layers=tuple(specs),
    )
    (folder / "layers.yaml").write_text(
        f"# {SOURCE}。行政区代码 {setting.region_code} 为虚构。\n"
        + yaml.safe_dump(catalogue.model_dump(mode="json"), allow_unicode=True, sort_keys=False),
        encoding="utf-8",
    )


def _spec(
    path: str, made: VectorLayer | RasterLayer, info: LayerInfo, setting: Setting
) -> LayerSpec:
    vector = isinstance(made, VectorLayer)
    return LayerSpec(
        role=info.role,
        name=info.name,
        title=info.title,
        path=path,
        layer=info.name if vector else None,
        geometry=made.geometry if isinstance(made, VectorLayer) else "raster",
        id_field=info.id_field,
        code_field=info.code_field,
        name_field=info.name_field,
        code_scheme=info.code_scheme,
        epsg=setting.epsg,
        secrecy=info.secrecy,
        date=info.date or setting.date,
        synthetic=True,
        source=SOURCE,
    )


_MULTI = {"polygon": "MULTIPOLYGON", "line": "MULTILINESTRING", "point": "POINT"}


def _write_vector(path: Path, made: VectorLayer, info: LayerInfo, setting: Setting) -> None:
    geometries = made.geometries
    if made.geometry != "point":
        parts, index = shapely.get_parts(geometries, return_index=True)
        wrap = shapely.multipolygons if made.geometry == "polygon" else shapely.multilinestrings
        geometries = np.asarray(wrap(parts, indices=index))
    with (
        GeoPackage(path, epsg=setting.epsg) as package,
        package.table(
            info.name, geometry=_MULTI[made.geometry], fields=made.fields, title=info.title,
            description=f"{LABEL}；{info.date or setting.date}；{info.secrecy.value}",
        ) as table,
    ):  # fmt: skip
        table.add(geometries, made.columns)


def _write_raster(path: Path, made: RasterLayer, info: LayerInfo, setting: Setting) -> None:
    import rasterio

    with rasterio.open(
        path, "w", driver="GTiff", height=made.values.shape[0], width=made.values.shape[1], count=1,
        dtype=made.values.dtype, crs=f"EPSG:{setting.epsg}", nodata=made.nodata,
        transform=rasterio.Affine(made.cell, 0.0, made.west, 0.0, -made.cell, made.north), tiled=True,
        blockxsize=256, blockysize=256, compress="deflate", predictor=2 if made.values.dtype.kind == "i" else 3,
    ) as raster:  # fmt: skip
        raster.write(made.values, 1)
        raster.set_band_description(1, info.title)
        raster.set_band_unit(1, made.unit)
        raster.update_tags(
            TITLE=info.title,
            NOTE=LABEL,
            DATE=info.date or setting.date,
            SECRECY=info.secrecy.value,
            SOURCE=SOURCE,
        )


if __name__ == "__main__":
    import sys

    generate_county(Path(sys.argv[1]), progress=lambda text: print(text, file=sys.stderr))
