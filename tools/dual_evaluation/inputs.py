"""Find every variable that a scheme needs: a file on the grid, or why it is not there.

What is computed from other variables is in `derive`, how one input comes onto the grid in `spread`.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from shapely.geometry.base import BaseGeometry

from cspon.errors import InputError
from cspon.schemas.spatial import LayerCatalogue, LayerSpec
from tools.dual_evaluation.config import DualConfig
from tools.dual_evaluation.digests import file_digest, layer_digest
from tools.dual_evaluation.rasters import (
    NAN,
    UNKNOWN_CODE,
    Rows,
    raster_writer,
    read_whole,
    row_strips,
    source_rows,
)
from tools.dual_evaluation.scheme import Scheme
from tools.dual_evaluation.variables import Variable, variables
from tools.layers import layer_by_role
from tools.raster.grid import Grid
from tools.raster.sources import Source, Terrain

if TYPE_CHECKING:
    from tools.dual_evaluation.survey import Survey


@dataclass(frozen=True)
class Found:
    """A variable that is there."""

    variable: Variable
    source: Source | Terrain
    how: str
    """How it came onto the grid, one phrase."""
    codes: dict[str, int] = field(default_factory=dict)
    """Category to code, for categories."""
    files: dict[str, str] = field(default_factory=dict)
    """Input to "sha256:…"."""
    date: str = ""
    notes: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)
    """E.g. the cross-validation of an interpolation."""


@dataclass
class Inputs:
    """All that one evaluation reads."""

    config: DualConfig
    scheme: Scheme
    catalogue: LayerCatalogue
    folder: Path
    base: Path
    """Folder that paths of the configuration are relative to."""
    free: bool
    """Paths may leave the folder of the layers: only where a user gave the configuration as a file."""
    work: Path
    grid: Grid
    inside: npt.NDArray[np.bool_]
    area: BaseGeometry | None
    found: dict[str, Found] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    """Variable to what is missing."""
    used: dict[str, LayerSpec] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    hashes: dict[str, str] = field(default_factory=dict)
    surveys: dict[str, "Survey"] = field(default_factory=dict)
    factors: dict[str, float] = field(default_factory=dict)
    """Of a scenario: variable to the factor on its values."""

    @property
    def epsg(self) -> int:
        """EPSG code of the grid."""
        return int(self.grid.crs.removeprefix("EPSG:"))

    def path(self, name: str, variable: str) -> Path:
        """Resolve a path of the configuration.

        Raises:
            InputError: it leaves the folder of the layers, or is not there.
        """
        return resolved(name, variable, folder=self.folder, base=self.base if self.free else None)

    def role(self, role: str) -> LayerSpec | None:
        """Return the layer of a role and remember that it was used."""
        spec = layer_by_role(self.catalogue, role)
        if spec is not None:
            self.used[role] = spec
        return spec

    def digest(self, file: Path) -> str:
        """Return "sha256:…" of a file, computed once."""
        key = str(file)
        if key not in self.hashes:
            self.hashes[key] = file_digest(file)
        return self.hashes[key]

    def state(self, spec: LayerSpec) -> str:
        """Return the state of a layer: "sha256:…" of its files, or the last change of its table."""
        key = f"{spec.path}|{spec.layer}"
        if key not in self.hashes:
            self.hashes[key] = layer_digest(spec, self.folder)
        return self.hashes[key]

    def read(self, name: str, thin: int = 1) -> npt.NDArray[Any]:
        """Read a variable wholly, or thinned: floats in its unit with NaN, or codes of a category."""
        found = self.found[name]
        return read_whole(
            found.source, self.grid, factor=found.variable.title,
            category=found.variable.category, thin=thin,
        )  # fmt: skip

    def known(self, name: str) -> npt.NDArray[Any]:
        """Return the finite values within the area, row by row; float32 where that is exact."""
        found = self.found[name]
        exact = isinstance(found.source, Source) and found.source.file.parent == self.work
        values = np.empty(int(np.count_nonzero(self.inside)), "float32" if exact else "float64")
        count = 0
        for part, (strip,) in self.strips(name):
            here = strip[self.inside[part] & np.isfinite(strip)]
            values[count : count + len(here)] = here
            count += len(here)
        return values[:count]

    def rows(self, name: str) -> AbstractContextManager[Rows]:
        """Open a variable for reading by rows, as `read` gives them."""
        found = self.found[name]
        return source_rows(
            found.source, self.grid, factor=found.variable.title, category=found.variable.category
        )

    def strips(self, *names: str) -> Iterator[tuple[slice, list[npt.NDArray[Any]]]]:
        """Yield strips of rows and what the variables are there, as `read` gives them."""
        with ExitStack() as stack:
            readers = [stack.enter_context(self.rows(name)) for name in names]
            for part in row_strips(self.grid.height):
                yield part, [rows(part.start, part.stop) for rows in readers]

    def keep(self, name: str, values: npt.NDArray[Any], **more: Any) -> None:
        """Keep computed values as a raster of the grid."""
        parts = ((part, values[part]) for part in row_strips(self.grid.height))
        self.keep_strips(name, parts, **more)

    def compute(
        self, name: str, function: Callable[..., npt.NDArray[Any]], *names: str, **more: Any
    ) -> None:
        """Compute a variable cell by cell from others and keep it, strip by strip."""
        parts = ((part, function(*arrays)) for part, arrays in self.strips(*names))
        self.keep_strips(name, parts, **more)

    def keep_strips(
        self, name: str, parts: Iterable[tuple[slice, npt.NDArray[Any]]], **more: Any
    ) -> None:
        """Keep values that come as strips of rows from the north.

        Raises:
            SetupError: the disk is full.
        """
        variable = variables()[name]
        file = self.work / f"{name}.tif"
        kind, nodata = ("uint8", UNKNOWN_CODE) if variable.category else ("float32", NAN)
        factor = self.factors.get(name)
        with raster_writer(file, self.grid, dtype=kind, nodata=nodata) as write:
            for part, values in parts:
                if factor is not None:
                    values = values * factor
                if not variable.category:
                    values = np.where(self.inside[part], values, np.nan)
                write(part.start, values.astype(kind))
        self.found[name] = Found(variable, Source(file=file, unit=variable.unit), **more)


def where_is(
    inputs: Inputs, name: str, test: Callable[[npt.NDArray[Any]], npt.NDArray[np.bool_]]
) -> npt.NDArray[np.bool_]:
    """Return where the values of a variable that was found pass a test, read strip by strip."""
    result = np.empty(inputs.inside.shape, bool)
    for part, (values,) in inputs.strips(name):
        result[part] = test(values)
    return result


def resolved(name: str, variable: str, *, folder: Path, base: Path | None) -> Path:
    """Resolve a path of the configuration.

    Args:
        name: As it is written.
        variable: For the error.
        folder: Of the layers.
        base: Folder of the configuration's own file; None: paths may not leave `folder`.

    Raises:
        InputError: it leaves the folder of the layers, or is not there.
    """
    file = ((base or folder) / name).resolve()
    if base is None and not file.is_relative_to(folder.resolve()):
        raise InputError(
            f"因子 {variable} 的文件须在图层目录之内", field=variable, mend="把文件放进图层目录"
        )
    if not file.is_file():
        raise InputError(
            f"因子 {variable} 的文件不存在", file=name, field=variable, mend="核对路径"
        )
    return file


def find(inputs: Inputs, name: str) -> bool:
    """Find a variable and what it is made from; says whether it is there."""
    from tools.dual_evaluation.derive import DERIVED

    if name in inputs.found:
        return True
    if name in inputs.missing or name in inputs.config.absent:
        return False
    variable = variables()[name]
    if _given(inputs, variable):
        return True
    derive: Callable[[Inputs], str] | None = DERIVED.get(name)
    lacks = [variables()[need].title for need in variable.made_from if not find(inputs, need)]
    if derive is not None and not lacks:
        problem = derive(inputs)
        if not problem:
            return True
        inputs.missing[name] = problem
    elif derive is not None:
        inputs.missing[name] = f"缺少{'、'.join(lacks)}"
    else:
        role = f"（图层角色 {variable.role}）" if variable.role else ""
        inputs.missing.setdefault(name, f"没有输入{role}")
    return False


def _given(inputs: Inputs, variable: Variable) -> bool:
    """Take a variable from the configuration or from its default layer."""
    from tools.dual_evaluation import spread
    from tools.dual_evaluation.categories import take_category_layer
    from tools.dual_evaluation.layer_variables import FROM_LAYER

    entry = inputs.config.inputs.get(variable.id)
    if entry is not None:
        spread.take(inputs, variable, entry)
        return True
    if variable.id in FROM_LAYER:
        return FROM_LAYER[variable.id](inputs, variable)
    if variable.role is None:
        return False
    spec = inputs.role(variable.role)
    if spec is None:
        return False
    if spec.geometry == "raster":
        spread.take_raster_layer(inputs, variable, spec)
        return True
    take_category_layer(inputs, variable, spec, field=None, classes={}, outside=None)
    return True
