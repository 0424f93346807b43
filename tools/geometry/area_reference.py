"""The ellipsoidal area formula as it is printed, one edge at a time, in 34-digit decimals.

Slow (about 10 ms a polygon of 26 vertices) and independent of `area.py`: tests and benchmarks hold
the fast path against it. Knows polygons only; nothing in production calls it.
"""

from decimal import Context, Decimal, localcontext
from fractions import Fraction
from itertools import pairwise

import shapely
from shapely.geometry.base import BaseGeometry

from tools.geometry.crs import require_metric
from tools.geometry.ellipsoid import (
    BETA_EXACT,
    DELTA_EXACT,
    FLATTENING,
    RECTIFYING_RADIUS_EXACT_M,
    area_series,
)

_DIGITS = Context(prec=34)


def _decimal(value: Fraction) -> Decimal:
    return _DIGITS.divide(Decimal(value.numerator), Decimal(value.denominator))


_BETA = tuple(_decimal(c) for c in BETA_EXACT)
_DELTA = tuple(_decimal(c) for c in DELTA_EXACT)
_RADIUS_M = _decimal(RECTIFYING_RADIUS_EXACT_M)
_SEMI_MINOR_M = _decimal(6_378_137 * (1 - FLATTENING))
_RADIANS = Decimal("3.14159265358979323846264338327950288") / 180
_A_TO_E = tuple(_decimal(c) for c in area_series())


def ellipsoidal_area_reference_m2(geometry: BaseGeometry, epsg: int) -> float:
    """Compute the ellipsoidal area of a (Multi)Polygon in square metres, literally.

    Every vertex is inverted to (B, L); ΔL is taken from the central meridian.

    Raises:
        InputError: the code is not a CGCS2000 projection in metres.
    """
    zone = require_metric(epsg)
    total = Decimal(0)
    with localcontext(_DIGITS):
        for polygon in shapely.get_parts(geometry):
            if polygon.geom_type != "Polygon" or polygon.is_empty:
                continue
            for ring, sign in ((polygon.exterior, 1), *((hole, -1) for hole in polygon.interiors)):
                places = [
                    _inverse(Decimal(float(y)), Decimal(float(x)) - Decimal(zone.false_easting_m))
                    for x, y in shapely.get_coordinates(ring)
                ]
                total += sign * _ring_area(places)
    return float(total)


def geographic_area_reference_m2(polygon: shapely.Polygon) -> float:
    """Compute the ellipsoidal area of a Polygon in longitude and latitude (degrees), literally."""
    with localcontext(_DIGITS):
        total = Decimal(0)
        for ring, sign in ((polygon.exterior, 1), *((hole, -1) for hole in polygon.interiors)):
            places = [
                (Decimal(float(lat)) * _RADIANS, Decimal(float(lon)) * _RADIANS)
                for lon, lat in shapely.get_coordinates(ring)
            ]
            total += sign * _ring_area(places)
    return float(total)


def _ring_area(places: list[tuple[Decimal, Decimal]]) -> Decimal:
    """Sum the signed trapezoids between latitudes and longitudes; return the absolute value."""
    total = Decimal(0)
    for (b1, l1), (b2, l2) in pairwise(places):
        middle, difference, sign = (b1 + b2) / 2, b2 - b1, 1
        bracket = Decimal(0)
        for index, coefficient in enumerate(_A_TO_E):
            multiple = 2 * index + 1
            bracket += (
                sign * coefficient * _sin(difference * multiple / 2) * _cos(middle * multiple)
            )
            sign = -sign
        total += 2 * _SEMI_MINOR_M * _SEMI_MINOR_M * ((l1 + l2) / 2) * bracket
    return abs(total)


def _inverse(north: Decimal, east: Decimal) -> tuple[Decimal, Decimal]:
    """Return latitude and longitude from the central meridian, in radians."""
    xi, eta = north / _RADIUS_M, east / _RADIUS_M
    xi1, eta1 = xi, eta
    for j, beta in enumerate(_BETA, start=1):
        xi1 -= beta * _sin(2 * j * xi) * _cosh(2 * j * eta)
        eta1 -= beta * _cos(2 * j * xi) * _sinh(2 * j * eta)
    sine = _sin(xi1) / _cosh(eta1)
    conformal = _atan(sine / (1 - sine * sine).sqrt())
    latitude = conformal
    for j, delta in enumerate(_DELTA, start=1):
        latitude += delta * _sin(2 * j * conformal)
    return latitude, _atan(_sinh(eta1) / _cos(xi1))


def _series(first: Decimal, square: Decimal, start: int) -> Decimal:
    """Sum first·(1 + square/(start·(start+1)) + …) until the terms vanish."""
    total = term = first
    k = start
    while abs(term) > Decimal("1e-36"):
        term = term * square / (k * (k + 1))
        total += term
        k += 2
    return total


def _sin(x: Decimal) -> Decimal:
    return _series(x, -x * x, 2)


def _cos(x: Decimal) -> Decimal:
    return _series(Decimal(1), -x * x, 1)


def _sinh(x: Decimal) -> Decimal:
    return _series(x, x * x, 2)


def _cosh(x: Decimal) -> Decimal:
    return _series(Decimal(1), x * x, 1)


def _atan(x: Decimal) -> Decimal:
    """Halve the angle three times, then sum the arctangent series."""
    for _ in range(3):
        x = x / (1 + (1 + x * x).sqrt())
    total = power = x
    k = 1
    while abs(power) > Decimal("1e-36"):
        power *= -x * x
        k += 2
        total += power / k
    return total * 8
