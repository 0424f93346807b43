"""The street network of one mode: nodes, edges with length and time, direction, connected parts."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from cspon.errors import InputError
from tools.accessibility.noding import Ints, node_lines
from tools.accessibility.parameters import Mode, ModeName, NetworkParameters
from tools.accessibility.roads import Roads

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Network:
    """Edges are parallel arrays, one element an edge; `start` and `end` are node numbers."""

    mode: ModeName
    epsg: int
    nodes: Floats
    """Coordinates, shape (nodes, 2)."""
    lines: npt.NDArray[np.object_]
    start: Ints
    end: Ints
    length_m: Floats
    seconds: Floats
    forward: Flags
    """May be gone from start to end."""
    backward: Flags
    frontage: Flags
    """Places may be attached."""
    road: Ints
    """Index of the road that an edge was cut from."""
    part: Ints
    """Connected part of each node (directions aside), 0 the longest."""
    part_length_m: Floats
    """Length of each part."""

    def __len__(self) -> int:
        return len(self.start)

    @property
    def total_m(self) -> float:
        """Length of all edges."""
        return float(self.length_m.sum())


def build_network(
    roads: Roads, mode: ModeName, parameters: NetworkParameters
) -> tuple[Network, tuple[str, ...]]:
    """Node the roads that a mode may use and give every edge its time.

    Args:
        roads: In metres.
        mode: walk or drive.
        parameters: Tolerance, classes, speeds.

    Returns:
        The network, and notices: unknown classes, disconnected parts.

    Raises:
        InputError: the mode may use none of the roads.
    """
    profile = parameters.modes[mode]
    open_ = np.flatnonzero(~np.isin(roads.kinds, profile.closed))
    if not len(open_):
        raise InputError(
            f"道路图层没有{profile.title}可走的道路（等级：{'、'.join(sorted(set(roads.kinds.tolist())))}）",
            layer=roads.layer,
            mend="检查道路等级字段，或改 tools/accessibility/network.yaml 的 closed",
        )
    pieces = node_lines(
        roads.lines[open_],
        roads.levels[open_],
        parameters.snap_m,
        at_vertices=roads.meet_at_vertices,
    )
    road = open_[pieces.source]
    length = shapely.length(pieces.lines)
    oneway = roads.oneway[road] if profile.keeps_oneway else np.zeros(len(road), np.int8)
    part, part_length = _parts(pieces.start, pieces.end, length, len(pieces.nodes))
    network = Network(
        mode=mode,
        epsg=roads.epsg,
        nodes=pieces.nodes,
        lines=pieces.lines,
        start=pieces.start,
        end=pieces.end,
        length_m=length,
        seconds=length * 3.6 / _speeds(roads, profile)[road],
        forward=oneway >= 0,
        backward=oneway <= 0,
        frontage=~np.isin(roads.kinds[road], parameters.no_frontage),
        road=road,
        part=part,
        part_length_m=part_length,
    )
    kept = network.part_length_m[network.part[network.start]] >= parameters.smallest_part_m
    kept |= network.part[network.start] == 0
    notices = [*_unknown_classes(roads, profile), *_disconnected(network, roads, parameters)]
    return _only(network, kept), tuple(notices)


def _speeds(roads: Roads, profile: Mode) -> Floats:
    """Return km/h of each road."""
    speeds = np.array([profile.speeds_kmh.get(k, profile.other_kmh) for k in roads.kinds.tolist()])
    if profile.stated_share is not None:
        stated = np.isfinite(roads.speeds_kmh)
        speeds[stated] = roads.speeds_kmh[stated] * profile.stated_share
    return speeds


def _parts(start: Ints, end: Ints, length: Floats, count: int) -> tuple[Ints, Floats]:
    """Number the connected parts, the longest first; returns also their lengths."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    links = coo_matrix((np.ones(len(start)), (start, end)), shape=(count, count))
    total, labels = connected_components(links, directed=False)
    lengths = np.bincount(labels[start], weights=length, minlength=total).astype(np.float64)
    order = np.argsort(-lengths, kind="stable")
    rank = np.empty(total, dtype=np.int64)
    rank[order] = np.arange(total)
    return rank[labels], lengths[order]


def _only(network: Network, kept: Flags) -> Network:
    """Leave edges out; node numbers stay."""
    return Network(
        mode=network.mode,
        epsg=network.epsg,
        nodes=network.nodes,
        lines=network.lines[kept],
        start=network.start[kept],
        end=network.end[kept],
        length_m=network.length_m[kept],
        seconds=network.seconds[kept],
        forward=network.forward[kept],
        backward=network.backward[kept],
        frontage=network.frontage[kept],
        road=network.road[kept],
        part=network.part,
        part_length_m=network.part_length_m,
    )


def _unknown_classes(roads: Roads, profile: Mode) -> list[str]:
    """Name classes for which only the default speed is known; walking has one speed for all."""
    if not profile.speeds_kmh:
        return []
    known = {*profile.speeds_kmh, *profile.closed}
    unknown = np.array([kind not in known for kind in roads.kinds.tolist()])
    if profile.stated_share is not None:
        unknown &= ~np.isfinite(roads.speeds_kmh)
    if not unknown.any():
        return []
    counts = Counter(roads.kinds[unknown].tolist())
    words = "、".join(f"{kind or '（空）'} {n} 条" for kind, n in counts.most_common(6))
    first = roads.fids[np.flatnonzero(unknown)[0]]
    return [
        f"道路图层 {roads.layer} 有参数中没有的等级（{words}；第一条是要素 {first}），"
        f"按{profile.title} {profile.other_kmh:g} 公里/小时计"
    ]


def _disconnected(network: Network, roads: Roads, parameters: NetworkParameters) -> list[str]:
    lengths = network.part_length_m
    if len(lengths) == 1:
        return []
    edge_part = network.part[network.start]
    first_edge = np.unique(edge_part, return_index=True)[1]
    small = lengths < parameters.smallest_part_m
    small[0] = False
    words = []
    others = np.flatnonzero(~small)[1:]
    if len(others):
        named = "、".join(
            f"{lengths[k] / 1000:.2f} 千米（含要素 {roads.fids[network.road[first_edge[k]]]}"
            f"，{roads.kinds[network.road[first_edge[k]]] or '等级为空'}）"
            for k in others[:5].tolist()
        )
        words.append(
            f"另有 {len(others)} 个部分与之不连通：{named}{'等' if len(others) > 5 else ''}"
        )
    if small.any():
        fids = sorted({int(roads.fids[network.road[first_edge[k]]]) for k in np.flatnonzero(small)})
        words.append(
            f"不足 {parameters.smallest_part_m:g} 米的孤立部分 {int(small.sum())} 个、共"
            f" {lengths[small].sum():.0f} 米未用（如要素 {'、'.join(map(str, fids[:5]))}）"
        )
    title = parameters.modes[network.mode].title
    share = lengths[0] / lengths.sum()
    return [f"{title}路网不连通：最大部分占总长 {share:.2%}；{'；'.join(words)}"]
