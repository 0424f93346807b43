"""The tool `run_model`: agents, API and command line run library models by name."""

from pathlib import Path
from typing import Any

from cspon.schemas.spatial import ToolResult
from tools.catalogue import tool
from tools.library.kinds import Context, entry
from tools.models.run import compute_model

VERSION = "1"
MOST_FEATURES = 2_000
"""Features of a layer that travel inside a result."""


@tool(
    "run_model",
    title="运行模型库模型",
    version=VERSION,
    examples=(
        "用建设用地适宜性初筛模型算一下全县适宜建设的图斑",
        "运行城镇开发边界扩展倍数核算模型",
        "按模型库的模型做一次建设用地适宜性分析",
    ),
)
def run_model(
    model: str,
    layers: Path,
    boundary: Path | None = None,
    inputs: dict[str, Any] | None = None,
) -> ToolResult:
    """Run a model of the model library (模型库) by id or title on the layers of a place.

    Layers come from the catalogue by role; a missing one is an error, never an empty layer. The
    result holds the outputs, a record of every node, and the grounds of the model.

    Args:
        model: Id or title, e.g. construction_suitability or 建设用地适宜性初筛.
        layers: Folder with `layers.yaml`.
        boundary: Boundary file for a model that takes an area; the whole county when not given.
        inputs: Further inputs and replaced constants by name: "4000 ha", {value, unit}, texts, rows.

    Raises:
        InputError: no such model, switched off, or an input that is missing or does not fit.
    """
    given = dict(inputs or {})
    if boundary is not None:
        given.update(_area(entry("model", model).inputs, boundary, layers))
    return compute_model(model, given, Context(layers=layers), most_features=MOST_FEATURES)


def _area(ports: dict[str, Any], boundary: Path, layers: Path) -> dict[str, Any]:
    """Read a boundary into the coordinate system of the catalogue."""
    from cspon.errors import InputError
    from tools.layers import load_catalogue
    from tools.library.coerce import read_boundary_layer

    names = [name for name, port in ports.items() if port.type == "geometry"]
    if not names:
        raise InputError(
            "这个模型不需要项目范围",
            field="boundary",
            mend="不给边界文件；输入见 cspon library model explain",
        )
    return {names[0]: read_boundary_layer(boundary, load_catalogue(layers).epsg)}
