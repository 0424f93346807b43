"""The ruled tables of a scanned page: its long straight lines, and the cells between them."""

from typing import Any

from knowledge_base.parse.cell_grid import CellGrid

_LEAST_SHARE = 1 / 40
"""Length of a rule, as a share of the page's width or height, from which it counts."""
MAX_RULES = 400


def ruled_tables(image: Any, tolerance: float) -> list[CellGrid]:
    """Return the ruled tables of an upright page image (PIL), from top to bottom.

    Args:
        image: The page.
        tolerance: Distance in pixels within which rules meet.
    """
    import cv2
    import numpy as np
    from pdfplumber.table import (
        cells_to_tables,
        edges_to_intersections,
        intersections_to_cells,
        merge_edges,
    )

    gray = np.asarray(image.convert("L"))
    ink = cv2.adaptiveThreshold(
        gray, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, 25, 12
    )
    edges: list[dict[str, Any]] = []
    for orientation, size in (
        ("h", (max(int(image.width * _LEAST_SHARE), 20), 1)),
        ("v", (1, max(int(image.height * _LEAST_SHARE), 20))),
    ):
        kernel = cv2.getStructuringElement(cv2.MORPH_RECT, size)
        lines = cv2.dilate(cv2.morphologyEx(ink, cv2.MORPH_OPEN, kernel), np.ones((3, 3), np.uint8))
        contours, _ = cv2.findContours(lines, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        for contour in contours:
            edges.append(_edge(orientation, *cv2.boundingRect(contour)))
    if not 4 <= len(edges) <= MAX_RULES:
        return []
    merged = merge_edges(edges, tolerance, tolerance, 3 * tolerance, 3 * tolerance)
    cells = intersections_to_cells(edges_to_intersections(merged, tolerance, tolerance))
    grids = [CellGrid(table, tolerance) for table in cells_to_tables(cells)]
    return [grid for grid in grids if grid.is_table]


def _edge(orientation: str, x: int, y: int, width: int, height: int) -> dict[str, Any]:
    """Return a rule as the table finder of pdfplumber takes it: a line without thickness."""
    if orientation == "h":
        y, height = y + height // 2, 0
    else:
        x, width = x + width // 2, 0
    return {
        "object_type": "line",
        "orientation": orientation,
        "x0": float(x),
        "x1": float(x + width),
        "top": float(y),
        "bottom": float(y + height),
        "width": float(width),
        "height": float(height),
    }
