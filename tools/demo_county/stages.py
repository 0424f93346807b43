"""The steps that a first-time user is told of while the county is made, each with a count."""

from collections.abc import Callable
from dataclasses import dataclass

from tools.demo_county.products import Build, VectorLayer, layers


@dataclass(frozen=True)
class Stage:
    """A step: `count` makes what is still missing and tells what there is."""

    title: str
    count: Callable[[Build], str]

    def report(self, build: Build) -> str:
        """Make the step's products and say so in one line."""
        return f"{self.title}：{self.count(build)}"


def _features(build: Build, *names: str) -> list[int]:
    found = [build.get(name) for name in names]
    return [len(made.geometries) for made in found if isinstance(made, VectorLayer)]


def _parcels(build: Build) -> str:
    land_use = build.get("land_use")
    towns, villages = build.get("towns"), build.get("villages")
    return f"{len(towns)} 个乡镇，{len(villages)} 个村庄，{len(land_use.codes):,} 个图斑"


def _control_lines(build: Build) -> str:
    farmland = len(build.get("permanent_farmland").patches)
    redline = len(build.get("ecological_redline").patches)
    boundary = len(build.get("development_boundary").zones)
    return f"永久基本农田 {farmland:,} 块，生态保护红线 {redline} 块，城镇开发边界 {boundary} 块"


def _plan(build: Build) -> str:
    zones, uses = _features(build, "planning_zones_layer", "planned_land_use_layer")
    return f"规划分区 {zones:,} 块，规划用地 {uses:,} 块"


def _facilities(build: Build) -> str:
    roads, services, homes = _features(build, "roads_layer", "facilities_layer", "population_layer")
    return f"道路 {roads:,} 段，公共服务设施 {services:,} 处，人口点 {homes:,} 个"


def _all(build: Build) -> str:
    known = layers()
    for name in known:
        build.get(name)
    projects = build.get("projects")
    return f"共 {len(known)} 个图层，{len(projects)} 个示例项目"


STAGES = (
    Stage("地形、村镇与地类图斑", _parcels),
    Stage("三条控制线", _control_lines),
    Stage("规划分区与用地布局", _plan),
    Stage("道路、设施与人口", _facilities),
    Stage("其余控制线、灾害、气候与土壤", _all),
)
"""In the order in which they are made."""
