"""What a check hands back: hits with their place, turned into findings by the caller."""

from dataclasses import dataclass, replace
from typing import Any

import shapely

from tools.quality_check.model import CheckRule, Finding


@dataclass(frozen=True)
class Hit:
    """One place where a check found something; light, so that processes can hand it over."""

    message: str
    layer: str = ""
    fid: int | None = None
    other_fid: int | None = None
    identifier: str = ""
    field: str = ""
    x: float | None = None
    y: float | None = None
    measured: str = ""
    tolerance: str = ""
    geometry: bytes | None = None
    """WKB of the place, where it is more than a point."""

    def at(self, geometry: Any) -> "Hit":
        """Return the hit with a geometry's place."""
        if geometry is None or geometry.is_empty:
            return self
        point = geometry if geometry.geom_type == "Point" else shapely.point_on_surface(geometry)
        if point.is_empty:
            point = shapely.Point(shapely.get_coordinates(geometry)[0])
        wkb = None if geometry.geom_type == "Point" else shapely.to_wkb(geometry)
        return replace(self, x=float(point.x), y=float(point.y), geometry=wkb)


def finding(rule: CheckRule, hit: Hit) -> Finding:
    """Say a hit with its check's title, mend and basis."""
    return Finding(
        check=rule.id,
        title=rule.title,
        severity=rule.severity,
        layer=hit.layer,
        fid=hit.fid,
        other_fid=hit.other_fid,
        identifier=hit.identifier,
        field=hit.field,
        x=None if hit.x is None else round(hit.x, 4),
        y=None if hit.y is None else round(hit.y, 4),
        measured=hit.measured,
        tolerance=hit.tolerance,
        message=hit.message,
        mend=rule.mend,
        basis=rule.basis,
        verified=rule.verified,
        geometry=shapely.to_wkt(shapely.from_wkb(hit.geometry), rounding_precision=4)
        if hit.geometry
        else None,
    )
