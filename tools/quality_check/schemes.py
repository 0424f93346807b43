"""Code schemes by name: code to name, whatever table they stand in."""

from collections.abc import Mapping

from tools.land_use import classification
from tools.rules.lines import zone_schemes


def scheme_codes(name: str) -> Mapping[str, str] | None:
    """Return code to name of a scheme, or None when there is no such scheme."""
    if name == "ydyh_2023":
        return classification().codes
    known = zone_schemes().get(name)
    return None if known is None else known.codes
