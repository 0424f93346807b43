"""Small maps of what a finding is about, drawn from the plan database: no coordinates, no background.

Towns and control lines near the features are drawn as far as the checks have read them.
"""

from collections.abc import Iterator
from html import escape

import shapely
from shapely.geometry.base import BaseGeometry

from agents.review.database.plan import Layer, PlanDatabase
from cspon.schemas.review import Finding, Review

WIDTH, HEIGHT = 380, 240
MARGIN = 0.6
"""Surroundings beside a feature, as a share of its size."""
LEAST_M = 300.0
LEAST_PX = 4.0
"""Smaller parts would not be seen."""
STYLES = {
    "town": 'fill="none" stroke="#999" stroke-dasharray="4 3"',
    "permanent_basic_farmland": 'fill="#e9d96b" fill-opacity=".6" stroke="none"',
    "ecological_redline": 'fill="#c0392b" fill-opacity=".35" stroke="#c0392b"',
    "urban_development_boundary": 'fill="#7d3c98" fill-opacity=".15" stroke="#7d3c98"',
}
COLOURS = {
    "permanent_basic_farmland": "#a08f1a",
    "ecological_redline": "#c0392b",
    "urban_development_boundary": "#7d3c98",
}
THING = 'fill="#000" fill-opacity=".12" stroke="#111" stroke-width="2"'


def sketches(review: Review, database: PlanDatabase | None) -> dict[str, str]:
    """Return a map as SVG for each finding that names a feature, by the id of the finding."""
    if database is None:
        return {}
    drawn = ((f.id, _sketch(f, database)) for f in review.findings if f.kind.startswith("spatial."))
    return {identity: svg for identity, svg in drawn if svg}


def _sketch(finding: Finding, database: PlanDatabase) -> str:
    places = [place for place in (finding.place, *finding.also) if place is not None]
    found = [at for place in places if (at := database.find(place)) is not None]
    if not found:
        return ""
    layer, row = found[0]
    focus: BaseGeometry = layer.geometries[row]
    if layer.kind.role in STYLES and len(found) > 1:  # lines that meet: where they do
        shared = [shapely.intersection(focus, other.geometries[n]) for other, n in found[1:]]
        focus = next((part for part in shared if not part.is_empty), focus)
    window = _window(focus)
    parts = [
        f'<path d="{path}" {style}/>'
        for role, style in STYLES.items()
        if (held := database.held.get(role)) is not None
        for path in _near(held, window)
    ]
    parts += [f'<path d="{path}" {THING}/>' for path in _paths(focus, window)]
    legend = "".join(
        f'<tspan fill="{colour}">■{escape(held.kind.title)} </tspan>'
        for role, colour in COLOURS.items()
        if (held := database.held.get(role)) is not None
    )
    return (
        f'<svg class="map" viewBox="0 0 {WIDTH} {HEIGHT + 18}" role="img" aria-label="{escape(finding.message)}">'
        f'{"".join(parts)}<text x="4" y="{HEIGHT + 13}" font-size="11">{legend}</text></svg>'
    )


def _window(focus: BaseGeometry) -> tuple[float, float, float, float]:
    west, south, east, north = focus.bounds
    wide = max((east - west) * (1 + 2 * MARGIN), LEAST_M)
    high = max((north - south) * (1 + 2 * MARGIN), LEAST_M)
    wide, high = max(wide, high * WIDTH / HEIGHT), max(high, wide * HEIGHT / WIDTH)
    x, y = (west + east) / 2, (south + north) / 2
    return x - wide / 2, y - high / 2, x + wide / 2, y + high / 2


def _near(layer: Layer, window: tuple[float, float, float, float]) -> Iterator[str]:
    for row in layer.near(shapely.box(*window)):
        yield from _paths(layer.geometries[row], window)


def _paths(shape: BaseGeometry, window: tuple[float, float, float, float]) -> Iterator[str]:
    """Yield the rings or lines of a geometry inside a window as SVG paths; a point is a small circle."""
    west, _, east, north = window
    scale = WIDTH / (east - west)
    if shapely.get_dimensions(shape) == 0:
        shape = shapely.buffer(shape, 4 / scale, quad_segs=2)
    inner = shapely.clip_by_rect(shape, *window)
    for part in shapely.get_parts(shapely.simplify(inner, 1 / scale)):
        rings = [part.exterior, *part.interiors] if part.geom_type == "Polygon" else [part]
        drawn = [
            "M"
            + " ".join(
                f"{(x - west) * scale:.1f},{(north - y) * scale:.1f}"
                for x, y in shapely.get_coordinates(ring)
            )
            + "Z" * (part.geom_type == "Polygon")
            for ring in rings
            if _size(ring) * scale >= LEAST_PX
        ]
        if drawn:
            yield " ".join(drawn)


def _size(shape: BaseGeometry) -> float:
    west, south, east, north = shape.bounds
    return max(float(east - west), float(north - south))
