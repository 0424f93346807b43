"""The CGCS2000 ellipsoid and the Krüger series of its Gauss–Krüger projection.

Knows constants only. Sources: GB 22021-2008 (a, 1/f); C. F. F. Karney, "Transverse Mercator with
an accuracy of a few nanometers", J. Geodesy 85 (2011), eq. 36 (β) and the series of conformal to
geodetic latitude (δ) to the sixth order in the third flattening n. For CGCS2000 n⁷ is 4e-20, so
the truncation is below the last bit of a float.
"""

from fractions import Fraction

SEMI_MAJOR_M = 6_378_137.0
FLATTENING = Fraction(1_000_000_000, 298_257_222_101)
"""1/298.257222101, exact."""
FALSE_EASTING_M = 500_000.0

SEMI_MINOR_M = float(Fraction(6_378_137) * (1 - FLATTENING))
ECCENTRICITY2_EXACT = FLATTENING * (2 - FLATTENING)
ECCENTRICITY2 = float(ECCENTRICITY2_EXACT)
THIRD_FLATTENING = FLATTENING / (2 - FLATTENING)

_BETA = (
    ("1/2", "-2/3", "37/96", "-1/360", "-81/512", "96199/604800"),
    ("1/48", "1/15", "-437/1440", "46/105", "-1118711/3870720"),
    ("17/480", "-37/840", "-209/4480", "5569/90720"),
    ("4397/161280", "-11/504", "-830251/7257600"),
    ("4583/161280", "-108847/3991680"),
    ("20648693/638668800",),
)
_DELTA = (
    ("2", "-2/3", "-2", "116/45", "26/45", "-2854/675"),
    ("7/3", "-8/5", "-227/45", "2704/315", "2323/945"),
    ("56/15", "-136/35", "-1262/105", "73814/2835"),
    ("4279/630", "-332/35", "-399572/14175"),
    ("4174/315", "-144838/6237"),
    ("601676/22275",),
)


def _coefficients(table: tuple[tuple[str, ...], ...]) -> tuple[Fraction, ...]:
    """Evaluate a table whose row j starts at n^j."""
    n = THIRD_FLATTENING
    return tuple(
        sum((Fraction(c) * n ** (j + i) for i, c in enumerate(row)), Fraction(0))
        for j, row in enumerate(table, start=1)
    )


BETA_EXACT = _coefficients(_BETA)
"""From rectifying to conformal complex latitude: ζ' = ζ − Σ β_j sin 2jζ."""
DELTA_EXACT = _coefficients(_DELTA)
"""From conformal to geodetic latitude: B = χ + Σ δ_j sin 2jχ."""
RECTIFYING_RADIUS_EXACT_M = (
    Fraction(6_378_137)
    / (1 + THIRD_FLATTENING)
    * (1 + THIRD_FLATTENING**2 / 4 + THIRD_FLATTENING**4 / 64 + THIRD_FLATTENING**6 / 256)
)

BETA = tuple(float(c) for c in BETA_EXACT)
DELTA = tuple(float(c) for c in DELTA_EXACT)
RECTIFYING_RADIUS_M = float(RECTIFYING_RADIUS_EXACT_M)


def area_series() -> tuple[Fraction, ...]:
    """Return the coefficients A to E of the ellipsoidal area formula, exactly.

    Source: 国土调查办发〔2008〕32号, 椭球面积计算公式 (kept by TD/T 1055-2019).
    """
    e2 = ECCENTRICITY2_EXACT
    table = (
        ("1", "3/6", "30/80", "35/112", "630/2304"),
        ("0", "1/6", "15/80", "21/112", "420/2304"),
        ("0", "0", "3/80", "7/112", "180/2304"),
        ("0", "0", "0", "1/112", "45/2304"),
        ("0", "0", "0", "0", "5/2304"),
    )
    return tuple(
        sum((Fraction(c) * e2**power for power, c in enumerate(row)), Fraction(0)) for row in table
    )
