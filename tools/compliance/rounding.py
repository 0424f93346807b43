"""Areas as users see them: hectares with four decimals, 亩 with two, parts that sum to the whole."""

from collections.abc import Mapping

from tools.geometry.area import M2_PER_HA, MU_PER_HA

HA_DIGITS = 4
ROUNDING_NOTE = (
    "公顷保留四位小数，各行按项目面积平差后以最大余数法取整，合计等于项目面积；"
    "亩为公顷的十五倍，各行四舍五入。"
)
_STEP_M2 = M2_PER_HA / 10**HA_DIGITS


def hectares(area_m2: float) -> float:
    """Round square metres to hectares with four decimals, that is to whole square metres."""
    return round(area_m2 / M2_PER_HA, HA_DIGITS)


def mu(area_ha: float) -> float:
    """Convert rounded hectares to 亩 with two decimals."""
    return round(area_ha * MU_PER_HA, 2)


def share_out(areas_m2: Mapping[str, float], total_ha: float) -> dict[str, float]:
    """Adjust areas to a total and round them to hectares that sum to it (largest remainder).

    Pieces have vertices where parcels meet the project's edges, the project does not; an edge is
    straight in latitude and longitude, so pieces and whole differ by some 0.2 m² for an edge of
    300 m. As surveys do (平差), the difference is spread in proportion to the areas.

    Args:
        areas_m2: Areas by key.
        total_ha: The rounded total, a multiple of 0.0001 ha.
    """
    found = sum(areas_m2.values())
    factor = total_ha * M2_PER_HA / found if found > 0 else 1.0
    areas_m2 = {key: area * factor for key, area in areas_m2.items()}
    units = {key: int(area // _STEP_M2) for key, area in areas_m2.items()}
    left = round(total_ha * 10**HA_DIGITS) - sum(units.values())
    by_remainder = sorted(areas_m2, key=lambda key: areas_m2[key] % _STEP_M2, reverse=left > 0)
    if by_remainder:
        whole, rest = divmod(abs(left), len(by_remainder))
        sign = 1 if left > 0 else -1
        for position, key in enumerate(by_remainder):
            units[key] += sign * (whole + (position < rest))
    return {key: value / 10**HA_DIGITS for key, value in units.items()}
