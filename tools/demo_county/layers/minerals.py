"""The mineral resource control line."""

from tools.demo_county.mining import MineralSite
from tools.demo_county.plan_layer import plan_polygons
from tools.demo_county.products import LayerInfo, Setting, VectorLayer, layer
from tools.demo_county.settlements import Town


@layer(LayerInfo("mineral_line", "KCZYKZX", "矿产资源控制线", id_field="BSM", name_field="KZMC"))
def mineral_line_layer(
    setting: Setting, mineral_sites: tuple[MineralSite, ...], towns: tuple[Town, ...]
) -> VectorLayer:
    """One row a site."""
    own = {
        "KZMC": ("TEXT(60)", [site.mineral for site in mineral_sites]),
        "KCLX": ("TEXT(30)", ["重点开采区"] * len(mineral_sites)),
    }
    return plan_polygons(setting, 2321, [s.area for s in mineral_sites], own, towns=towns)
