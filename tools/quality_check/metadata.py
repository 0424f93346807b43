"""Checks of the metadata file: its fields, and that it states the system the layers really have.

The official metadata standard was not found: the element names are the pack's own.
"""

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from tools.quality_check.context import Survey
from tools.quality_check.hits import Hit
from tools.quality_check.registry import check

_MOST_BYTES = 4_000_000
_EPSG = re.compile(r"(?:EPSG\s*[:：]?\s*)?(\d{4,5})", re.IGNORECASE)


def metadata_of(survey: Survey, pattern: str) -> tuple[str, dict[str, str] | str] | None:
    """Find the metadata file: its path and its elements by name, or why it cannot be read."""
    if not survey.database.is_folder:
        return None
    form = re.compile(pattern)
    for entry in survey.database.entries:
        file = survey.database.path / entry
        if form.fullmatch(entry) and file.is_file():
            return entry, _elements(file, file.stat().st_mtime_ns)
    return None


@lru_cache(maxsize=8)
def _elements(file: Path, version: int) -> dict[str, str] | str:
    """Read the texts of an XML file's elements by local name; the first of a name counts."""
    content = file.read_bytes()
    if len(content) > _MOST_BYTES:
        return "文件过大"
    if b"<!" in content.replace(b"<!--", b"").replace(b"<![CDATA[", b"") or b"\0" in content:
        return "含有文档类型或实体声明，或不是单字节编码的 XML"
    try:
        root = ElementTree.fromstring(content)  # noqa: S314 - without declarations there are no entities
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        return f"不是有效的 XML（{error}）"
    found: dict[str, str] = {}
    for element in root.iter():
        name = str(element.tag).rpartition("}")[2]
        found.setdefault(name, (element.text or "").strip())
    return found


@check("metadata_fields", scope="after", parameters=("file", "required", "dates", "values"))
def metadata_fields(survey: Survey, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find metadata elements that are missing, empty, no date, outside a list or another county's."""
    read = metadata_of(survey, str(parameters["file"]))
    if read is None:
        return
    entry, found = read
    if isinstance(found, str):
        yield Hit(f"元数据“{entry}”无法读取：{found}", field=entry)
        return
    for name, title in parameters["required"].items():
        if not found.get(name):
            yield Hit(f"元数据“{entry}”没有填写 {name}（{title}）", field=name)
    for name in parameters.get("dates", ()):
        text = found.get(name, "")
        try:
            known = date.fromisoformat(text) <= date.today()
        except ValueError:
            known = False
        if text and not known:
            yield Hit(
                f"元数据“{entry}”的 {name} 不是有效日期，或在今天之后",
                field=name, measured=text, tolerance="年-月-日",
            )  # fmt: skip
    for name, allowed in parameters.get("values", {}).items():
        if found.get(name) and found[name] not in allowed:
            shown = "、".join(allowed)
            yield Hit(
                f"元数据“{entry}”的 {name} 不在规定值内",
                field=name, measured=found[name][:60], tolerance=shown,
            )  # fmt: skip
    code = found.get("code", "")
    if code and survey.region.code and code != survey.region.code:
        yield Hit(
            f"元数据“{entry}”的行政区代码与行政区图层不同",
            field="code", measured=code, tolerance=survey.region.code,
        )  # fmt: skip


@check("metadata_system", scope="after", parameters=("file", "plane"))
def metadata_system(survey: Survey, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Compare the plane system that the metadata states with the one each layer declares."""
    read, name = metadata_of(survey, str(parameters["file"])), str(parameters["plane"])
    if read is None or isinstance(read[1], str) or not read[1].get(name):
        return
    stated = read[1][name]
    match = _EPSG.fullmatch(stated)
    if match is None:
        yield Hit(
            f"元数据的 {name} 无法识别", field=name, measured=stated[:60], tolerance="EPSG:代码"
        )
        return
    for layer, context in survey.layers.items():
        real = context.file.epsg
        if real is not None and real != int(match[1]):
            yield Hit(
                f"元数据写明坐标系 EPSG:{match[1]}，图层实为 EPSG:{real}",
                layer=layer, field=name, measured=f"EPSG:{real}", tolerance=f"EPSG:{match[1]}",
            )  # fmt: skip
            return


@check("height_declared", scope="after", parameters=("file", "height"))
def height_declared(survey: Survey, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find a database that declares no height datum, and metadata that states another one."""
    read, name = metadata_of(survey, str(parameters["file"])), str(parameters["height"])
    stated = "" if read is None or isinstance(read[1], str) else read[1].get(name, "")
    allowed = survey.pack.height_epsg
    shown = "、".join(f"EPSG:{code}" for code in allowed)
    if stated:
        match = _EPSG.fullmatch(stated)
        if match is None or int(match[1]) not in allowed:
            yield Hit(
                f"元数据写明的高程基准应为 1985 国家高程基准（{shown}）",
                field=name, measured=stated[:60], tolerance=shown,
            )  # fmt: skip
    elif survey.database.is_folder and not any(
        context.file.height_epsg for context in survey.layers.values()
    ):
        yield Hit("图层和元数据都没有声明高程基准", field=name, tolerance=shown)
