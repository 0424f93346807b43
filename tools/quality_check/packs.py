"""Load the rule packs that ship with the software, or a bureau's own from a folder."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from cspon.errors import InputError
from tools.quality_check.model import Pack
from tools.quality_check.registry import check_kinds
from tools.quality_check.schemes import scheme_codes

FOLDER = Path(__file__).parent / "packs"
FILES = ("pack.yaml", "files.yaml", "layers.yaml", "checks.yaml", "indicators.yaml")
_LISTS = {"files", "layers", "checks", "indicators"}


def shipped_packs() -> list[str]:
    """List the ids of the packs that ship with the software."""
    return sorted(path.name for path in FOLDER.iterdir() if (path / "pack.yaml").is_file())


def load_pack(name: str) -> Pack:
    """Load a pack by its id, or a bureau's own by the path of its folder.

    Raises:
        InputError: no such pack, or a file, field or value in it is wrong.
    """
    if name in shipped_packs():
        return _load(FOLDER / name)
    folder = Path(name)
    if not (folder / "pack.yaml").is_file():
        raise InputError(
            f"没有名为 {name} 的规则包",
            field="pack",
            mend=f"可用：{'、'.join(shipped_packs())}；或写含 pack.yaml 的文件夹路径",
        )
    return _load(folder.resolve())


@cache
def _load(folder: Path) -> Pack:
    raw: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for name in FILES:
        file = folder / name
        if not file.is_file():
            continue
        part = _read(file)
        for key, value in part.items():
            if name != "pack.yaml" and key != file.stem:
                raise InputError(
                    "不认识的字段", file=file, field=str(key), mend=f"只写 {file.stem}"
                )
            if key in raw:
                raise InputError("在两个文件里都写了", file=file, field=str(key), mend="只留一处")
            raw[key], origin[key] = value, name
    try:
        pack = Pack.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        place = [str(part) for part in first["loc"]]
        file = folder / origin.get(place[0], "pack.yaml")
        raise InputError(
            _problem(first["type"], str(first["msg"])),
            file=file,
            field=_place(raw, first["loc"]),
            mend="按规则包说明改正该字段；字段名写错也会这样报",
        ) from None
    _check(pack, folder)
    return pack


def _read(file: Path) -> dict[str, Any]:
    try:
        raw = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except UnicodeDecodeError:
        raise InputError("不是 UTF-8 文本", file=file, mend="另存为 UTF-8 编码") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise InputError(
            f"YAML 语法错误：{getattr(error, 'problem', error)}",
            file=file,
            row=mark.line + 1 if mark else None,
            mend="按该行提示改正缩进、冒号或引号",
        ) from None
    if not isinstance(raw, dict):
        raise InputError("内容应为“字段: 值”", file=file, mend="参照自带规则包")
    return raw


def _problem(kind: str, message: str) -> str:
    known = {"extra_forbidden": "不认识的字段", "missing": "缺少必填字段"}
    return known.get(kind, f"值不对（{message}）")


def _place(raw: Any, location: tuple[int | str, ...]) -> str:
    """Name a field as a user finds it: list entries by their name or id."""
    words = []
    for part in location:
        try:
            raw = raw[part]
        except (KeyError, IndexError, TypeError):
            raw = None
        named = isinstance(part, int) and isinstance(raw, dict)
        words.append(str(raw.get("name") or raw.get("id") or part) if named else str(part))
    return ".".join(words)


def _check(pack: Pack, folder: Path) -> None:
    """Refuse a pack whose parts do not fit together."""
    known = check_kinds()
    names = {layer.name for layer in pack.layers}

    def refuse(file: str, field: str, message: str, mend: str) -> None:
        raise InputError(message, file=folder / file, field=field, mend=mend)

    for group, entries in (("layers", names), ("checks", {c.id for c in pack.checks})):
        if len(entries) != len(getattr(pack, group)):
            refuse(f"{group}.yaml", group, "有重名的条目", "名称应各不相同")
    for layer in pack.layers:
        for field in layer.fields:
            place = f"{layer.name}.{field.name}"
            if field.scheme and scheme_codes(field.scheme) is None:
                refuse("layers.yaml", place, f"没有名为 {field.scheme} 的代码表", "改正 scheme")
            if field.pattern:
                try:
                    re.compile(field.pattern)
                except re.error as error:
                    refuse("layers.yaml", place, f"正则表达式有误：{error}", "改正 pattern")
    for file in pack.files:
        try:
            re.compile(file.pattern)
        except re.error as error:
            refuse("files.yaml", file.id, f"正则表达式有误：{error}", "改正 pattern")
    for check in pack.checks:
        kind = known.get(check.kind)
        if kind is None:
            refuse(
                "checks.yaml",
                check.id,
                f"没有名为 {check.kind} 的检查",
                f"可用：{'、'.join(known)}",
            )
            continue
        unknown = set(check.parameters) - set(kind.parameters)
        if unknown:
            refuse(
                "checks.yaml",
                f"{check.id}.parameters",
                f"不认识的参数 {'、'.join(sorted(unknown))}",
                f"可用：{'、'.join(kind.parameters) or '（无）'}",
            )
        missing = [
            name
            for name in check.layers
            if name not in names and name not in ("all", "polygon", "line", "point")
        ]
        if missing:
            refuse("checks.yaml", check.id, f"没有图层 {'、'.join(missing)}", "改正 layers")
