"""The run record: what a result was made from, enough to make the same rasters again."""

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field, ValidationError

from cspon.errors import InputError
from cspon.schemas.base import Frozen
from tools.dual_evaluation.config import DualConfig
from tools.dual_evaluation.evaluate import DualEvaluation
from tools.dual_evaluation.extent import COUNTY_ROLE
from tools.dual_evaluation.outcome import TOOL, VERSION
from tools.dual_evaluation.variables import variables

WATER = "water"
PACKAGES = ("numpy", "scipy", "rasterio", "shapely", "pyproj", "numba")


class RunRecord(Frozen):
    """Written as `run.json` beside the rasters."""

    tool: str
    version: str
    config: DualConfig
    config_folder: str | None
    """Folder that paths of the configuration are relative to; None: the layers' folder."""
    layers: str
    scheme: dict[str, Any]
    """As it was used, own figures included."""
    inputs: dict[str, dict[str, str]]
    """Variable to file or layer and its state: "sha256:…", or the last change of a PostGIS table."""
    places: dict[str, dict[str, str]] = Field(default_factory=dict)
    """Role of the layers that say where is evaluated (county, units) to layer and state."""
    grid: dict[str, Any]
    rasters: dict[str, str]
    """File below the output folder to "sha256:…" of its pixels."""
    versions: dict[str, str] = Field(default_factory=dict)


def record_of(made: DualEvaluation) -> RunRecord:
    """Make the record of an evaluation from its rasters."""
    inputs = made.inputs
    rasters = {f.name: f for part in made.parts.values() for f in part.files.values()}
    return RunRecord(
        tool=TOOL,
        version=VERSION,
        config=inputs.config,
        config_folder=str(inputs.base.resolve()) if inputs.free else None,
        layers=str(inputs.folder.resolve()),
        scheme=made.scheme.model_dump(mode="json"),
        inputs=_inputs(made),
        places={
            role: {spec.name: inputs.state(spec)}
            for role, spec in sorted(inputs.used.items())
            if role in (COUNTY_ROLE, inputs.config.unit_role)
        },
        grid=inputs.grid.model_dump(mode="json"),
        rasters={name: pixel_digest(file) for name, file in sorted(rasters.items())},
        versions=_versions(),
    )


def _inputs(made: DualEvaluation) -> dict[str, dict[str, str]]:
    inputs = made.inputs
    states = {name: dict(found.files) for name, found in sorted(inputs.found.items())}
    if inputs.config.water is not None:
        file = inputs.path(inputs.config.water.file, WATER)
        states[WATER] = {file.name: inputs.digest(file)}
    return states


def pixel_digest(file: Path) -> str:
    """Return "sha256:…" of shape, place and pixels of a raster."""
    import hashlib

    import rasterio

    digest = hashlib.sha256()
    with rasterio.open(file) as dataset:
        head = (dataset.shape, tuple(dataset.transform)[:6], dataset.dtypes[0], dataset.nodata)
        digest.update(repr(head).encode())
        for _, window in dataset.block_windows(1):
            digest.update(np.ascontiguousarray(dataset.read(1, window=window)).tobytes())
    return f"sha256:{digest.hexdigest()}"


def read_record(file: Path) -> RunRecord:
    """Read a run record.

    Raises:
        InputError: no such file, or it is no record.
    """
    try:
        return RunRecord.model_validate_json(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"运行记录打不开（{error.strerror}）", file=file, mend="核对路径"
        ) from None
    except (ValidationError, UnicodeDecodeError):
        raise InputError(
            "不是双评价的运行记录", file=file, mend="给出输出目录中的 run.json"
        ) from None


def compare(record: RunRecord, again: RunRecord) -> tuple[str, ...]:
    """Say what differs between a record and the record of its re-run; empty: the same.

    Inputs first, for they explain the rest.
    """
    told = []
    for name, files in record.inputs.items():
        what = (
            f"因子“{variables()[name].title}”（{name}）的输入"
            if name in variables()
            else "可用水量表"
        )
        told += _changed(what, files, again.inputs.get(name, {}))
    for role, files in record.places.items():
        told += _changed(f"图层（{role}）", files, again.places.get(role, {}))
    if record.grid != again.grid:
        told.append("评价格网已改变")
    if record.scheme != again.scheme:
        told.append("评价方案的内容已改变")
    different = [
        f"栅格 {file} 不同"
        for file, digest in record.rasters.items()
        if again.rasters.get(file) != digest
    ]
    if different and not told:
        told += [
            f"软件版本不同：{package} 记录为 {number}，现为 {again.versions.get(package, '未安装')}"
            for package, number in record.versions.items()
            if again.versions.get(package) != number
        ]
    return (*told, *different)


def _changed(what: str, before: dict[str, str], now: dict[str, str]) -> list[str]:
    lines = [
        f"{what} {file} {'已改变' if file in now else '没有用到（换了数据来源）'}"
        for file, state in before.items()
        if now.get(file) != state
    ]
    return lines + [f"{what} {file} 是记录中没有的" for file in now if file not in before]


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
