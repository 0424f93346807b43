"""The map of a control-line check: what a planner puts into a report.

`tools.map_content` reads what the sheet shows, `tools.map_sheet` draws it.
"""

import threading
from pathlib import Path

from cspon.schemas.spatial import ToolResult
from tools.map_content import read_sheet

_drawing = threading.Lock()
"""One sheet at a time: drawing holds the interpreter anyway, and a sheet takes 60 MB."""


def draw_compliance_map(boundary: Path, layers: Path, result: ToolResult, out: Path) -> Path:
    """Draw the project, land use, control lines and conflict patches as an A4 landscape PNG.

    Args:
        boundary: The project's boundary file.
        layers: Folder of the layer catalogue.
        result: Result of `check_compliance` for this boundary; its areas are printed.
        out: The PNG; written under a temporary name, then renamed.

    Returns:
        `out`.

    Raises:
        SetupError: no Chinese font is installed.
        InputError: the boundary or a layer cannot be read.
    """
    sheet = read_sheet(boundary, layers, result)
    from tools.map_sheet import save_sheet  # matplotlib: half a second to import

    with _drawing:
        save_sheet(sheet, out)
    return out
