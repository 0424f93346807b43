"""Things that the plan database names, and where the text and its tables speak of them.

A name counts only where it stands whole: in a cell of its own, or in a sentence where no character
before or behind makes it part of a longer name.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import shapely
from shapely.geometry.base import BaseGeometry

from agents.review.case import Case
from agents.review.database.plan import Layer, PlanDatabase
from agents.review.document import Block, Cell, Span, Table
from agents.review.quantities.statements import sentences
from agents.review.quantities.subjects import named_in
from cspon.schemas.review import Place

ROLES = (
    "town", "county", "village", "projects", "nature_reserve", "ecological_redline", "urban_area", "heritage",
    "urban_development_boundary", "planning_zones",
)  # fmt: skip
ADMIN = ("town", "county", "village")
SHORTEST = 3
LONGEST_CELL = 60
_SUFFIX = re.compile(r"(?:建设)?(?:项目|工程)$")
_BRACKETS = re.compile(r"[（(][^（）()]*[）)]")
_LEFT = re.compile(
    r"(?:^|[^一-鿿]|[于在和与及至到从由经市县区省的为对将以建括进施造]|[：:、，；。])$"
)
_OBJECT = re.compile(
    r"(?:依托|服务|带动|围绕|结合|配套|联系|连接|辐射|邻近|毗邻|靠近|距离?|利用|比照|参照|对接)$"
)
_LONGER = re.compile(
    r"[东西南北中一二三四五六七八九十]?(?:[区站厂园路桥港街]|分[区院校场]|[镇乡村]|大道|支线|[东西南北一二三四五]期)|[（(][^（）()]{0,6}(?:期|阶段|扩建|扩容|配套|管网)"
)


@dataclass(frozen=True)
class Thing:
    """Something of the database with a name of its own."""

    name: str
    role: str
    layer: Layer
    rows: tuple[int, ...]

    @property
    def geometry(self) -> BaseGeometry:
        """All its features."""
        shapes = self.layer.geometries[list(self.rows)]
        return shapes[0] if len(shapes) == 1 else shapely.union_all(shapes)

    @property
    def kind(self) -> str:
        """What kind of thing its layer says that it is."""
        return self.layer.kinds[self.rows[0]]

    @property
    def place(self) -> Place:
        """Its first feature as others are told it."""
        return self.layer.place(self.rows[0])


@dataclass(frozen=True)
class Mention:
    """A thing where a sentence names it."""

    thing: Thing
    block: Block
    start: int
    end: int
    sentence: tuple[int, int]
    """Where the sentence stands in its block."""

    @property
    def span(self) -> Span:
        """The name."""
        return Span(self.block.number, self.start, self.end)

    @property
    def behind(self) -> str:
        """The rest of the sentence."""
        return self.block.text[self.end : self.sentence[1]]


@dataclass(frozen=True)
class Row:
    """A row of a table that is about a thing."""

    thing: Thing
    table: Table
    row: int
    cell: Cell

    def header(self, column: int) -> str:
        """Return the headers of a column, from top to bottom."""
        texts = [self.table.grid[r][column] for r in range(self.table.headers)]
        return "/".join(dict.fromkeys(re.sub(r"\s+", "", c.text) for c in texts if c))

    def cells(self) -> Iterator[tuple[str, Cell]]:
        """Yield its other cells, each with its headers."""
        for column, cell in enumerate(self.table.grid[self.row]):
            if cell is not None and cell is not self.cell and cell.column == column:
                yield self.header(column), cell


def key_of(name: str) -> str:
    """Return what two ways of writing a name have in common."""
    return _SUFFIX.sub("", _BRACKETS.sub("", re.sub(r"\s+", "", name)))


def things(database: PlanDatabase) -> dict[str, Thing]:
    """Return what the database names once, by `key_of` its name; what two layers name is left out.

    Raises:
        InputError: a layer cannot be read.
    """
    if "things" not in database.cache:
        database.cache["things"] = dict(_things(database))
    found: dict[str, Thing] = database.cache["things"]
    return found


def _things(database: PlanDatabase) -> Iterator[tuple[str, Thing]]:
    rows: dict[str, dict[str, list[int]]] = {}
    for role in ROLES:
        layer = database.layer(role)
        for row, name in enumerate(layer.names if layer else ()):
            key = key_of(name)
            if len(key) >= SHORTEST and re.search(r"[一-鿿]{2}", key) and not _is_general(key):
                rows.setdefault(key, {}).setdefault(role, []).append(row)
    for key, by_role in rows.items():
        ((role, held), *others) = by_role.items()
        layer = database.layer(role)
        if not others and layer is not None:
            yield key, Thing(_BRACKETS.sub("", layer.names[held[0]]), role, layer, tuple(held))


def _is_general(key: str) -> bool:
    """Say whether a name is a word of the field, such as 城镇集中建设区."""
    return any(named.start == 0 and named.end == len(key) for named in named_in(key))


def mentions(case: Case, database: PlanDatabase) -> Iterator[Mention]:
    """Yield where the running text speaks of things by name, the longest name at each place.

    What a sentence is not about is left out: 依托某产业园, 服务某镇.
    """
    known = things(database)
    if not known:
        return
    pattern = re.compile("|".join(map(re.escape, sorted(known, key=len, reverse=True))))
    for block in case.text.running():
        for start, sentence in sentences(block.text):
            limits = (start, start + len(sentence))
            for match in pattern.finditer(sentence):
                thing = known[match[0]]
                end = match.end()
                if suffix := re.match(r"(?:建设)?(?:项目|工程)", sentence[end:]):
                    end += suffix.end() if thing.role == "projects" else 0
                if thing.role not in ADMIN and _LONGER.match(sentence[end:]):
                    continue
                if len(match[0]) < 5 and not _LEFT.search(sentence[: match.start()]):
                    continue
                if _OBJECT.search(sentence[: match.start()]):
                    continue
                yield Mention(thing, block, start + match.start(), start + end, limits)


def rows(case: Case, database: PlanDatabase) -> Iterator[Row]:
    """Yield the rows of tables that are about a thing: the first cell of the row that is its name.

    A project goes before the town where it lies.
    """
    known = things(database)
    for table in case.text.tables:
        for number in range(table.headers, len(table.grid)):
            named = [
                (known[key], cell)
                for cell in table.grid[number]
                if cell is not None
                and len(cell.text) <= LONGEST_CELL
                and (key := key_of(cell.text)) in known
            ]
            if named:
                thing, cell = min(named, key=lambda item: item[0].role in ADMIN)
                yield Row(thing, table, number, cell)
