"""The fact sheet of a text: numbers, lists, what follows from them, and how they are written.

Areas are hectares, people are ten thousands (万人) in the sheet; a unit at the place of use converts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simpleeval import SimpleEval

AREA = {
    "公顷": 1.0,
    "平方千米": 0.01,
    "平方公里": 0.01,
    "万亩": 0.0015,
    "亩": 15.0,
    "平方米": 1e4,
    "万公顷": 1e-4,
}
AREA |= {"万平方米": 1.0}
PEOPLE = {"万人": 1.0, "人": 1e4}
_DECIMALS = {
    "亩": 0,
    "平方米": 0,
    "人": 0,
    "户": 0,
    "个": 0,
    "处": 0,
    "项": 0,
    "条": 0,
    "座": 0,
    "所": 0,
}
_DECIMALS |= {
    "张": 0,
    "张图": 0,
    "年": 0,
    "类": 0,
    "片": 0,
    "宗": 0,
    "家": 0,
    "名": 0,
    "千米": 1,
    "米": 0,
}
_FULL = str.maketrans("0123456789.%-", "０１２３４５６７８９．％－")


@dataclass(frozen=True)
class Facts:
    """Values by name; rows of lists lie under `LIST_ROW_COLUMN` as well."""

    values: dict[str, Any]
    lists: dict[str, list[dict[str, Any]]]

    def value(self, expression: str) -> Any:
        """Evaluate an expression over the sheet.

        Args:
            expression: Names, arithmetic, and share, diff, growth, percap, factor, urb, density,
                total('LIST.COLUMN'), count('LIST').
        """
        functions = {
            "share": lambda part, whole: part / whole * 100,
            "urb": lambda part, whole: part / whole * 100,
            "diff": lambda new, old: new - old,
            "growth": lambda new, old: (new / old - 1) * 100,
            "percap": lambda area, people: area / people,
            "factor": lambda new, old: new / old,
            "density": lambda what, area: what / area,
            "total": self._total,
            "count": lambda name: len(self.lists[name]),
            "abs": abs,
        }
        return SimpleEval(names=self.values, functions=functions).eval(expression)

    def _total(self, column: str) -> float:
        name, key = column.split(".")
        return round(sum(float(row[key]) for row in self.lists[name]), 6)

    def put(self, name: str, row: int, key: str, value: Any) -> None:
        """Set a value of a list."""
        self.lists[name][row][key] = value
        self.values[f"{name}_{row}_{key}"] = value


def read_facts(sheet: Mapping[str, Any]) -> Facts:
    """Build the facts from a sheet: `values`, `lists`, and `derive` worked off in order.

    In `derive` a key with a dot names a list's column: its one empty cell takes what is left of the
    expression's value, so that the column sums up.
    """
    facts = Facts(dict(sheet.get("values", {})), {})
    for name, rows in sheet.get("lists", {}).items():
        facts.lists[name] = [dict(row) for row in rows]
        for index, row in enumerate(rows):
            for key, value in row.items():
                facts.put(name, index, key, value)
    for name, expression in sheet.get("derive", {}).items():
        value = facts.value(str(expression))
        if "." not in name:
            facts.values[name] = round(value, 6) if isinstance(value, float) else value
            continue
        table, key = name.split(".")
        rows = facts.lists[table]
        (empty,) = [i for i, row in enumerate(rows) if row.get(key) is None]
        rest = round(value - sum(row[key] for row in rows if row.get(key) is not None), 4)
        assert rest > 0, f"{name}: nothing is left for row {empty} ({rest})"
        facts.put(table, empty, key, rest)
    return facts


def decimals_of(unit: str) -> int:
    """Return the usual number of decimals of a unit."""
    return _DECIMALS.get(unit, 2)


def in_unit(value: float, unit: str) -> float:
    """Convert a value of the sheet to a unit of area or people; others stay."""
    return value * AREA.get(unit, PEOPLE.get(unit, 1.0))


def written(value: float, unit: str, decimals: int, *, full_width: bool = False) -> str:
    """Write a value of the sheet in a unit."""
    text = f"{in_unit(value, unit) + (1e-9 if value >= 0 else -1e-9):.{decimals}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.translate(_FULL) if full_width else text
