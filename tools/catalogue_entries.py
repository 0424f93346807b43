"""What must hold between the entries of a layer catalogue, said with entry and field."""

import re
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cspon.errors import InputError
from cspon.schemas.spatial import LayerCatalogue, LayerSpec
from tools.postgis.connection import in_postgis, service_of

CUSTOM = "custom_"
"""Roles of a bureau's own lines begin so."""
ALWAYS_THERE = ("land_use", "admin_county")
"""No place is without these, so they cannot be declared absent."""
_SERVICE = re.compile(r"[A-Za-z0-9_.-]{1,63}")


def field_error(file: Path, raw: Any, error: ValidationError) -> InputError:
    """Name entry, field and mend of the first problem."""
    problem = error.errors()[0]
    place = problem["loc"]
    entry = place[1] if len(place) > 1 and place[0] == "layers" else None
    label = None
    if isinstance(entry, int):
        item = raw["layers"][entry]
        name = item.get("name") if isinstance(item, dict) else None
        label = f"第 {entry + 1} 个图层" + (f"（{name}）" if name else "")
    field = ".".join(str(p) for p in (place[2:] if isinstance(entry, int) else place))
    mends = {
        "missing": f"补上字段 {field}",
        "extra_forbidden": f"删去或改正字段名 {field}",
    }
    return InputError(
        f"图层目录有误：{problem['msg']}",
        file=file,
        layer=label,
        field=field or None,
        mend=mends.get(problem["type"], f"改正 {field or '文件内容'}"),
    )


def check_entries(file: Path, catalogue: LayerCatalogue) -> None:
    """Check every entry of a catalogue.

    Raises:
        InputError: the first entry that is wrong.
    """
    for index, spec in enumerate(catalogue.layers):
        label = f"第 {index + 1} 个图层（{spec.name}）"
        problem = _path(spec) or _code(spec) or _control(spec)
        if not problem and any(other.name == spec.name for other in catalogue.layers[:index]):
            problem = (f"图层名 {spec.name} 重复", "name", "改用不同的名称")
        if problem:
            message, field, mend = problem
            raise InputError(message, file=file, layer=label, field=field, mend=mend)
    _absent(file, catalogue)


Problem = tuple[str, str, str] | None
"""Message, field and mend."""


def _path(spec: LayerSpec) -> Problem:
    if in_postgis(spec.path):
        return _table(spec)
    path = Path(spec.path)
    if not (path.is_absolute() or ".." in path.parts):
        return None
    return (
        f"图层文件须在目录之内，不能是 {spec.path}",
        "path",
        "把文件放进图层目录，path 写相对路径",
    )


def _table(spec: LayerSpec) -> Problem:
    if spec.geometry == "raster":
        return "栅格不能放在 PostGIS 中", "path", "栅格用图层目录中的 GeoTIFF"
    if not _SERVICE.fullmatch(service_of(spec.path)):
        return (
            f"“{spec.path}”不是 postgis:服务名",
            "path",
            "服务名用字母、数字、下划线；地址和密码写在 pg_service.conf 与 .pgpass，不写在目录里",
        )
    if not spec.layer or spec.layer.count(".") > 1:
        return "PostGIS 图层须写明表", "layer", "例如 layer: plan.dltb"
    return None


def _code(spec: LayerSpec) -> Problem:
    if spec.code_scheme == "none" or spec.code_field is not None:
        return None
    return (
        f"写了编码体系 {spec.code_scheme} 却没有编码字段",
        "code_field",
        "补上 code_field，或把 code_scheme 写作 none",
    )


def _control(spec: LayerSpec) -> Problem:
    own = spec.role.startswith(CUSTOM)
    if own and spec.control is None:
        return (
            f"自定义图层 {spec.role} 没有写管控方式",
            "control",
            "补上 control：avoid（不得占用）、within（应在其内）或 inform（只统计）",
        )
    if own and spec.geometry != "polygon":
        return ("自定义控制线须为面图层", "geometry", "改用面图层，或取消该图层")
    if not own and spec.control is not None:
        return (
            f"只有自定义图层（角色以 {CUSTOM} 开头）可以写 control",
            "control",
            "删去 control；该角色的管控方式由规则决定",
        )
    return None


def _absent(file: Path, catalogue: LayerCatalogue) -> None:
    """Check what is declared absent: said once, not there, and something a place can be without."""
    roles = {spec.role for spec in catalogue.layers}
    declared: set[str] = set()
    for entry in catalogue.absent:
        if entry.role in roles:
            message, mend = f"{entry.role} 既有图层又声明为没有", "删去图层或 absent 中的声明"
        elif entry.role in ALWAYS_THERE:
            message, mend = f"{entry.role} 不能声明为没有", "补充该图层"
        elif entry.role in declared:
            message, mend = f"{entry.role} 声明了两次", "只保留一条"
        else:
            declared.add(entry.role)
            continue
        raise InputError(message, file=file, field="absent", mend=mend)
