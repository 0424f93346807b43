"""Units that rasters are declared in: exact conversion inside a family, and plausible ranges."""

from fractions import Fraction

Range = tuple[float, float]

_FAMILIES: dict[str, dict[str, Fraction]] = {
    "length": {
        "km": Fraction(1000),
        "m": Fraction(1),
        "dm": Fraction(1, 10),
        "cm": Fraction(1, 100),
        "mm": Fraction(1, 1000),
        "0.1mm": Fraction(1, 10_000),
    },
    "temperature": {"℃": Fraction(1), "0.1℃": Fraction(1, 10)},
    "slope angle": {"degree": Fraction(1)},
    "slope percent": {"percent_slope": Fraction(1)},
    "share": {"1": Fraction(1), "%": Fraction(1, 100), "‰": Fraction(1, 1000)},
    "degree days": {"℃·d": Fraction(1), "0.1℃·d": Fraction(1, 10)},
    "time": {"h": Fraction(3600), "min": Fraction(60), "s": Fraction(1)},
    "mass share": {"mg/kg": Fraction(1), "g/kg": Fraction(1000)},
    "speed": {"km/h": Fraction(1)},
}
_ALIASES = {"度": "degree", "°": "degree", "米": "m", "毫米": "mm", "摄氏度": "℃", "分钟": "min",
            "小时": "h", "百分比坡度": "percent_slope"}  # fmt: skip
_RANGES: dict[str, Range] = {
    "degree": (0.0, 90.0),
    "percent_slope": (0.0, 100_000.0),
    "mm": (0.0, 9_000.0),
    "0.1mm": (0.0, 90_000.0),
    "%": (0.0, 100.0),
    "℃": (-90.0, 60.0),
    "℃·d": (0.0, 12_000.0),
    "km/h": (0.0, 1_000.0),
    "min": (0.0, 1e7),
    "mg/kg": (0.0, 1e6),
}
"""What a value can plausibly be; 9,000 mm is above the wettest year measured in China."""


def canonical(unit: str) -> str:
    """Return the name of a unit that conversions know; unknown units stay as they are."""
    unit = unit.strip()
    return _ALIASES.get(unit, unit)


def conversion(source: str, wanted: str) -> Fraction | None:
    """Return the factor that takes values of one unit to another, or None where there is none."""
    source, wanted = canonical(source), canonical(wanted)
    if source == wanted:
        return Fraction(1)
    for members in _FAMILIES.values():
        if source in members and wanted in members:
            return members[source] / members[wanted]
    return None


def plausible(unit: str) -> Range | None:
    """Return the range that values of a unit lie in, or None where nothing is known."""
    return _RANGES.get(canonical(unit))
