"""One nature reserve inside the ecological redline, with the two zones of the 2026 scheme."""

import shapely

from tools.demo_county.control_lines import Redline
from tools.demo_county.plan_layer import areas, plan_polygons
from tools.demo_county.products import LayerInfo, Setting, VectorLayer, layer
from tools.demo_county.settlements import Town
from tools.demo_county.shapes import blob

NAME = "北部山地省级自然保护区（合成）"
REACH_M, CORE_REACH_M = 2300.0, 1350.0


@layer(
    LayerInfo(
        "nature_reserve", "ZRBHD", "自然保护地", id_field="BSM", code_field="GKFQ", name_field="MC",
        code_scheme="reserve_zones_2026",
    )
)  # fmt: skip
def reserve_layer(
    setting: Setting, ecological_redline: Redline, towns: tuple[Town, ...]
) -> VectorLayer:
    """A core and the ring around it, both within the largest patch of the redline."""
    rng = setting.rng("reserve")
    patch = max((area for _, _, area in ecological_redline.patches), key=lambda area: area.area)
    middle = shapely.get_point(shapely.maximum_inscribed_circle(patch, tolerance=20), 0)
    centre = (middle.x, middle.y)
    inner = shapely.buffer(patch, -30)
    whole = areas(shapely.intersection(blob(centre, REACH_M, rng, rough=0.2, points=120), inner), 50_000)  # fmt: skip
    sketch = blob(centre, CORE_REACH_M, rng, rough=0.2, points=90)
    core = areas(shapely.intersection(sketch, shapely.buffer(whole, -150)), 50_000)
    ring = areas(shapely.difference(whole, core, grid_size=0.001), 1000)
    own = {
        "MC": ("TEXT(100)", [NAME] * 2),
        "BHDLX": ("TEXT(30)", ["自然保护区"] * 2),
        "JB": ("TEXT(10)", ["省级"] * 2),
        "GKFQ": ("TEXT(20)", ["核心保护区", "一般控制区"]),
    }
    return plan_polygons(setting, 2324, [core, ring], own, towns=towns)
