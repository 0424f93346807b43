"""Check of the present land use against the yearly land-change survey's summary table."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cspon.errors import InputError
from tools.quality_check.attributes import number
from tools.quality_check.context import Survey
from tools.quality_check.hits import Hit
from tools.quality_check.indicator_table import UNITS_HA, table_rows
from tools.quality_check.registry import check

_COLUMNS = {
    "year": ("年度", "年份", "年"),
    "code": ("地类编码", "地类代码", "编码"),
    "area": ("面积",),
    "unit": ("单位", "面积单位"),
}


def survey_table(survey: Survey, pattern: str) -> Path | None:
    """Find the summary table inside the database's folder."""
    form = re.compile(pattern)
    found = (e for e in survey.database.entries if survey.database.is_folder and form.fullmatch(e))
    entry = next(found, None)
    return None if entry is None else survey.database.path / entry


@check("survey_sum", scope="after", parameters=("table", "layer", "field", "tolerance_ha"))
def survey_sum(survey: Survey, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Compare stated areas by code with the table's last year; a table row may be a class or part.

    A code of the layer that no row of the table holds is named too: nothing is left uncounted.
    """
    file = survey_table(survey, str(parameters["table"]))
    layer, field = str(parameters["layer"]), str(parameters["field"])
    if file is None or layer not in survey.gathered:
        return
    gathered = survey.gathered[layer]
    codes = gathered.columns.get(field)
    if codes is None or not np.isfinite(gathered.stated_m2).any():
        return
    year, table = _read(file)
    held: dict[str, float] = defaultdict(float)
    for code, area in zip(codes, np.nan_to_num(gathered.stated_m2).tolist(), strict=True):
        held[str(code or "").strip()] += area / 1e4
    most = float(parameters["tolerance_ha"])
    said = f"{year} 年变更调查" if year else "变更调查"
    for prefix, hectares in table.items():
        here = sum(area for code, area in held.items() if code.startswith(prefix))
        if abs(here - hectares) > most:
            yield Hit(
                f"地类 {prefix}：{said} {hectares:.4f} 公顷，图层 {layer} 合计 {here:.4f} 公顷",
                layer=layer,
                field=field,
                measured=f"相差 {here - hectares:.4f} 公顷",
                tolerance=f"{most:g} 公顷",
            )
    prefixes = tuple(table)
    missing = {c: a for c, a in held.items() if not c.startswith(prefixes) and a > most}
    for code, area in missing.items():
        yield Hit(
            f"地类 {code or '（空）'}：图层 {layer} 有 {area:.4f} 公顷，{said}没有该地类",
            layer=layer, field=field, measured=f"{area:.4f} 公顷", tolerance=f"{most:g} 公顷",
        )  # fmt: skip


def _read(file: Path) -> tuple[str, dict[str, float]]:
    """Return the last year and its hectares by code.

    Raises:
        InputError: no head, a unit that is none of area, or an area that is no number.
    """
    rows = table_rows(file)
    head, columns = _head(rows, file)
    years: dict[str, dict[str, float]] = {}
    for at, row in enumerate(rows[head + 1 :], start=head + 2):
        held = {k: str(row[n] or "").strip() if n < len(row) else "" for k, n in columns.items()}
        if not held["code"]:
            continue
        area = number(held["area"].replace(",", ""))
        if area is None:
            raise InputError(f"面积“{held['area']}”不是数", file=file, row=at, mend="改为数值")
        if held["unit"] not in UNITS_HA:
            raise InputError(
                f"不认识的面积单位“{held['unit']}”", file=file, row=at, field="单位",
                mend=f"可用：{'、'.join(UNITS_HA)}",
            )  # fmt: skip
        year = held.get("year", "").removesuffix(".0")
        years.setdefault(year, {})[held["code"]] = area * UNITS_HA[held["unit"]]
    last = max(years, default="")
    return last, years.get(last, {})


def _head(rows: list[list[Any]], file: Path) -> tuple[int, dict[str, int]]:
    for at, row in enumerate(rows[:20]):
        cells = ["" if cell is None else str(cell).strip() for cell in row]
        columns = {
            key: next(n for n, cell in enumerate(cells) if cell in titles)
            for key, titles in _COLUMNS.items()
            if any(cell in titles for cell in cells)
        }
        if {"code", "area", "unit"} <= set(columns):
            return at, columns
    raise InputError("找不到表头", file=file, mend="表头须有“地类编码”“面积”“单位”，可另有“年度”")
