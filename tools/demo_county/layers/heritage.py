"""Historic protection line: listed sites, the old town, and a field of buried remains."""

import numpy as np
import shapely
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from tools.demo_county.plan_layer import areas, plan_polygons
from tools.demo_county.products import LayerInfo, Setting, VectorLayer, layer
from tools.demo_county.projects import Project
from tools.demo_county.settlements import Town, Village
from tools.demo_county.shapes import blob, polygons

CORE, CONTROL = "文物保护单位保护范围", "文物保护单位建设控制地带"
OLD_CORE, OLD_CONTROL = "历史文化核心保护范围", "历史文化建设控制地带"
BURIED = "地下文物埋藏区"
SITES = ("宗祠", "古戏台", "古桥", "书院旧址", "古窑址", "牌坊", "古塔", "古井群")
CONTROL_STRIP_M = 60.0


@layer(
    LayerInfo(
        "heritage_line", "LSWHBHX", "历史文化保护线", id_field="BSM", code_field="BHLX",
        name_field="MC", code_scheme="heritage_zones",
    )
)  # fmt: skip
def heritage_line_layer(
    setting: Setting, villages: tuple[Village, ...], old_town: BaseGeometry,
    projects: tuple[Project, ...], towns: tuple[Town, ...],
) -> VectorLayer:  # fmt: skip
    """Protected cores with their control zones; areas do not overlap."""
    rng = setting.rng("heritage")
    sketches: list[tuple[str, str, BaseGeometry]] = [
        (OLD_CORE, "老城历史文化街区（合成）", old_town),
        (OLD_CONTROL, "老城历史文化街区（合成）", shapely.buffer(old_town, CONTROL_STRIP_M)),
    ]
    far = [
        v for v in villages
        if all(p.geometry.distance(v.outline) > 800 for p in projects)
        and all(t.built_up.distance(v.outline) > 600 for t in towns)
    ]  # fmt: skip
    chosen = [far[k] for k in rng.permutation(len(far))[: len(SITES) + 1].tolist()]
    for name, village in zip(SITES, chosen, strict=False):
        spot = np.array(village.centre) + rng.uniform(-30, 30, 2)
        core = blob((float(spot[0]), float(spot[1])), float(rng.uniform(35, 70)), rng, rough=0.15)
        title = f"{village.name}{name}（合成）"
        sketches += [(CORE, title, core), (CONTROL, title, shapely.buffer(core, CONTROL_STRIP_M))]
    place = chosen[-1].centre
    field = blob((place[0] + 350, place[1] + 120), 260.0, rng, rough=0.2, stretch=1.6)
    sketches.append((BURIED, f"{chosen[-1].name}遗址（合成）", field))
    rows: list[tuple[str, str, BaseGeometry]] = []
    taken: BaseGeometry = Polygon()
    for kind, title, sketch in sketches:
        part = areas(shapely.difference(sketch, taken), 500)
        taken = shapely.union(taken, part)
        rows += [(kind, title, part)] if polygons(part) else []
    own = {
        "BHLX": ("TEXT(60)", [kind for kind, _, _ in rows]),
        "MC": ("TEXT(100)", [title for _, title, _ in rows]),
    }
    return plan_polygons(setting, 2323, [a for _, _, a in rows], own, towns=towns, element="2090020227")  # fmt: skip
