"""Indicators that the accessibility tool measures on the street network."""

from pathlib import Path

from cspon.schemas.spatial import LayerCatalogue
from tools.indicators.values import IndicatorValue
from tools.layers import layer_by_role

MEASURES = {
    "fire_service_coverage": "fire",
    "fifteen_minute_circle_coverage": "community_circle",
    "park_five_minute_coverage": "park",
}
"""Indicator to the measure of the tool `accessibility`."""


def measured(
    values: tuple[IndicatorValue, ...], layers: Path, catalogue: LayerCatalogue, year: int
) -> tuple[IndicatorValue, ...]:
    """Put measured values in the place of missing ones; stated values stay.

    Raises:
        InputError: a layer that the measure needs is wrong.
    """
    roads = layer_by_role(catalogue, "roads")
    if roads is None or roads.date[:4] != str(year):
        return values
    return tuple(
        _measured(v, layers) if v.status == "missing" and v.id in MEASURES else v for v in values
    )


def _measured(value: IndicatorValue, layers: Path) -> IndicatorValue:
    from tools.accessibility.outcome import Accessibility
    from tools.accessibility.tool import accessibility

    result = accessibility(layers, kind=MEASURES[value.id])
    found = Accessibility.model_validate(result.data)
    if found.value is None:
        missing = "；".join(found.missing) or found.headline
        return value.model_copy(update={"method": f"{value.method}；按路网也不能计算：{missing}"})
    return value.model_copy(
        update={
            "value": round(found.value, value.digits),
            "status": "computed",
            "scope": found.scope,
            "method": f"由可达性工具按路网计算：{found.definition}",
            "sources": tuple(
                f"{name}（{day}）" for name, day in result.provenance.layer_dates.items()
            ),
            "verified": False,
        }
    )
