"""Boundary point files (界址点 TXT), the exchange format for reporting land coordinates.

Layout and traps: 建设项目用地报批坐标交换格式 as in handbook §7.1: `[属性描述]` with key=value lines,
`[地块坐标]` with one header line per plot ending in `@` and point lines `点号,圈号,X(北),Y(东)`.
Files in use mix encodings and full-width marks, leave the closing point out of the count, write the
area with its unit, and state a zone that their coordinates contradict.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from shapely import MultiPolygon

from cspon.errors import InputError
from tools.geometry.boundary import MAX_PLOTS, MAX_VERTICES, Drawing, Plot, parse_area_ha
from tools.geometry.decode import decode_text
from tools.geometry.rings import has_three_points, polygons_from_rings
from tools.geometry.txt_header import FORMAT_MEND, TxtHeader

ATTRIBUTES, COORDINATES = "属性描述", "地块坐标"
_HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {
    ord("　"): " ",
    ord("【"): "[",
    ord("】"): "]",
    ord("〔"): "[",
    ord("〕"): "]",
    ord("。"): ".",
    0xFEFF: None,
    0x200B: None,
}
_SEPARATORS = re.compile(r"[,;，；]")
_NUMBER = re.compile(r"[+-]?(\d{1,20}(\.\d*)?|\.\d+)")
_USUAL_POINT = re.compile(
    r"\s*([^,;@\s]*)\s*,\s*([1-9]\d{0,5})\s*,\s*(\d{1,20}\.?\d*)\s*,\s*(\d{1,20}\.?\d*)\s*,?\s*"
)
"""A point line as it should be; the slow path takes full-width marks and finds what is wrong."""
_SAME_POINT_M = 0.0015
"""A closing point may differ from the first by a rounding of the third decimal."""


class _Point(NamedTuple):
    row: int
    label: str
    ring: int
    north: float
    east: float


@dataclass
class _OpenPlot:
    """A plot header and the points read so far."""

    row: int
    count: int
    area_ha: float | None
    number: str
    name: str
    use: str
    points: list[_Point] = field(default_factory=list)


def read_boundary_txt(path: Path, layer: str | None = None) -> Drawing:
    """Read the plots of a boundary point file; geometries come out as x = east, y = north.

    Raises:
        InputError: naming the line, for every deviation that could change the boundary.
    """
    text = decode_text(path.read_bytes(), file=path)
    return _Parser(path).parse(text)


def _narrow(text: str) -> str:
    return text.translate(_HALF_WIDTH).strip()


class _Parser:
    """Reads one file line by line."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.header = TxtHeader(file)
        self.plots: list[_OpenPlot] = []
        self.notices: list[str] = []
        self.vertices = 0

    def error(
        self, message: str, row: int | None = None, field: str | None = None, mend: str = ""
    ) -> InputError:
        return InputError(
            message,
            file=self.file,
            row=row,
            field=field,
            mend=mend or FORMAT_MEND,
        )

    def parse(self, text: str) -> Drawing:
        section, seen, row = "", set(), 0
        for row, raw in enumerate(text.splitlines(), start=1):
            if section == COORDINATES and self.plots and raw.isascii():
                usual = _USUAL_POINT.fullmatch(raw)
                if usual:
                    label, ring, north, east = usual.groups()
                    self._add(_Point(row, label, int(ring), float(north), float(east)))
                    continue
            line = _narrow(raw)
            if not line:
                continue
            if line.startswith("[") and line.endswith("]"):
                section = line[1:-1].strip()
                seen.add(section)
            elif section == ATTRIBUTES:
                self.header.add(line, row)
            elif section == COORDINATES:
                self._coordinate_line(raw, row)
            elif not section:
                raise self.error(f"文件应以 [{ATTRIBUTES}] 开头，此处是“{line[:30]}”", row)
        for name in (ATTRIBUTES, COORDINATES):
            if name not in seen:
                raise self.error(f"到文件末尾没有找到 [{name}] 段", max(row, 1))
        if not self.plots:
            raise self.error(f"[{COORDINATES}] 段没有地块", row)
        zone = self.header.stated_zone()
        plots = tuple(self._plot(plot) for plot in self.plots)
        return Drawing(
            plots,
            zone.epsg if zone else None,
            self.header.stated_by,
            (*self.header.notices, *self.notices),
        )

    def _coordinate_line(self, raw: str, row: int) -> None:
        fields = [part.strip() for part in _SEPARATORS.split(raw.replace("＠", "@"))]
        if len(fields) == 1:
            fields = raw.split()
        while fields and not _narrow(fields[-1]):
            fields.pop()
        if fields and fields[-1].endswith("@"):
            self._plot_header(fields, row)
        elif self._is_point(fields):
            self._point(fields, row)
        else:
            raise self.error(
                "此行既不是界址点（点号,圈号,X坐标,Y坐标），也不是以 @ 结尾的地块首行", row
            )

    @staticmethod
    def _is_point(fields: list[str]) -> bool:
        if len(fields) in (5, 6):  # with a remark; a plot header without @ has words here
            return not any(char.isalpha() for char in _narrow("".join(fields[1:4])))
        return len(fields) == 4

    def _plot_header(self, fields: list[str], row: int) -> None:
        fields = [*fields[:-1], fields[-1][:-1]]
        fields += [""] * (9 - len(fields))
        count = _narrow(fields[0])
        if not count.isdigit():
            raise self.error(f"地块首行的界址点数“{fields[0]}”不是整数", row, "界址点数")
        kind = fields[4]
        if kind in ("点", "线"):
            raise self.error(f"地块的图形属性是“{kind}”，不是面", row, "记录图形属性")
        self.plots.append(
            _OpenPlot(
                row,
                int(count[:9]),
                parse_area_ha(_narrow(fields[1]), file=self.file, row=row, field="地块面积"),
                number=_narrow(fields[2]),
                name=fields[3],
                use=fields[6],
            )
        )
        if len(self.plots) > MAX_PLOTS:
            raise self.error(f"地块多于 {MAX_PLOTS} 个，不像项目边界", row)

    def _point(self, fields: list[str], row: int) -> None:
        if not self.plots:
            raise self.error("界址点之前没有地块首行（以 @ 结尾）", row)
        values = []
        for name, text in zip(("地块圈号", "X坐标", "Y坐标"), fields[1:4], strict=True):
            if not _NUMBER.fullmatch(_narrow(text)):
                raise self.error(f"“{text[:40]}”不是数字", row, name)
            values.append(float(_narrow(text)))
        if values[0] < 1 or values[0] != int(values[0]):
            raise self.error(f"圈号“{fields[1]}”应为从 1 开始的整数", row, "地块圈号")
        self._add(_Point(row, _narrow(fields[0]), int(values[0]), values[1], values[2]))

    def _add(self, point: _Point) -> None:
        self.vertices += 1
        if self.vertices > MAX_VERTICES:
            raise self.error(f"界址点多于 {MAX_VERTICES} 个", point.row, mend="请分成几个文件")
        self.plots[-1].points.append(point)

    def _plot(self, plot: _OpenPlot) -> Plot:
        """Check the point count, close the rings and assemble the polygons."""
        title = f"地块“{plot.name or plot.number or '（未命名）'}”"
        rings = self._rings(plot.points)
        closed = sum(ring.closed for ring in rings)
        self._check_count(plot, title, closed, len(rings) - closed)
        arrays = [self._closed_ring(ring, title) for ring in rings]
        polygons, holes = polygons_from_rings(arrays)
        inner = sum(ring.points[0].ring > 1 for ring in rings)
        if inner > holes:
            self.notices.append(
                f"{title}有 {inner - holes} 个圈号大于 1 的圈不在外圈之内，按独立的部分处理"
            )
        elif holes > inner:
            self.notices.append(
                f"{title}有 {holes - inner} 个圈号为 1 的圈位于外圈之内，按孔洞扣除"
            )
        return Plot(
            polygons[0] if len(polygons) == 1 else MultiPolygon(polygons),
            name=plot.name,
            number=plot.number,
            use=plot.use,
            declared_area_ha=plot.area_ha,
            row=plot.row,
        )

    def _check_count(self, plot: _OpenPlot, title: str, closed: int, unclosed: int) -> None:
        """Accept the count with or without the closing points, nothing else."""
        written = len(plot.points)
        accepted = {written, written - closed, written + unclosed}
        if closed:
            accepted.add(written - 1)
        if plot.count not in accepted:
            raise self.error(
                f"{title}首行写界址点数 {plot.count}，实际有 {written} 行界址点"
                f"（其中闭合点 {closed} 个）",
                plot.row,
                "界址点数",
                "请核对是否缺行或多行，改正点数或补齐界址点后重试",
            )

    def _rings(self, points: list[_Point]) -> list["_Ring"]:
        """Split points into rings: at a new ring number, or where a ring has closed."""
        rings: list[_Ring] = []
        for point in points:
            current = rings[-1] if rings else None
            if current is None or current.points[0].ring != point.ring:
                rings.append(_Ring([point]))
            elif not current.closed:
                current.points.append(point)
            elif not _is_same(current.points[0], point):
                rings.append(_Ring([point]))
            else:
                current.points.append(point)
        return rings

    def _closed_ring(self, ring: "_Ring", title: str) -> npt.NDArray[np.float64]:
        """Return a closed ring as (n, 2) east, north."""
        first, last = ring.points[0], ring.points[-1]
        points = ring.points
        if not ring.closed and last.label and last.label == first.label and len(points) > 3:
            if last.north != last.east or last.north not in (first.north, first.east):
                raise self.error(
                    f"{title}闭合点 {last.label} 的坐标与起点（第 {first.row} 行）不一致", last.row
                )
            self.notices.append(
                f"{title}第 {last.row} 行闭合点 {last.label} 的 X、Y 坐标误写成同一数值，已按起点闭合"
            )
            points = points[:-1]
        array = np.array([(p.east, p.north) for p in points])
        if ring.closed:
            array[-1] = array[0]
        else:
            array = np.vstack([array, array[:1]])
        if not has_three_points(array):
            raise self.error(f"{title}第 {first.ring} 圈少于三个不同的界址点，构不成面", first.row)
        return array


@dataclass
class _Ring:
    points: list[_Point]

    @property
    def closed(self) -> bool:
        return len(self.points) > 3 and _is_same(self.points[0], self.points[-1])


def _is_same(left: _Point, right: _Point) -> bool:
    return (
        abs(left.north - right.north) <= _SAME_POINT_M
        and abs(left.east - right.east) <= _SAME_POINT_M
    )
