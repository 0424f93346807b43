"""Read a YAML file that people write: every mistake names file, row, field and mend.

Safe for files from outside: bounded size and depth, no aliases (they can expand without limit), no
tags, no symbolic links out of the folder.
"""

import hashlib
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from cspon.errors import InputError

MAX_BYTES = 256 * 1024
MAX_DEPTH = 24

M = TypeVar("M", bound=BaseModel)


def read_entry(file: Path, model: type[M]) -> M:
    """Read and validate one entry; its id must be the file's name.

    Raises:
        InputError: names file, row or field, and the mend.
    """
    raw = read_yaml(file)
    if not isinstance(raw, dict):
        raise InputError("内容不是“字段: 值”的形式", file=file, mend="参照软件自带的条目书写")
    try:
        entry = model.model_validate(raw)
    except ValidationError as error:
        raise field_error(file, error) from None
    name = getattr(entry, "id", file.stem)
    if name != file.stem:
        raise InputError(
            f"编号 {name} 与文件名 {file.stem} 不同",
            file=file,
            field="id",
            mend=f"把文件改名为 {name}.yaml，或改正 id",
        )
    return entry


def read_yaml(file: Path) -> Any:
    """Parse a YAML file within bounds.

    Raises:
        InputError: unreadable, too large, not UTF-8, not YAML, or with aliases.
    """
    try:
        if file.stat().st_size > MAX_BYTES:
            raise InputError(f"文件超过 {MAX_BYTES // 1024} KB", file=file, mend="拆成多个条目")
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError("不是 UTF-8 文本", file=file, mend="另存为 UTF-8 编码") from None
    except OSError as error:
        raise InputError(
            f"文件打不开（{error.strerror}）", file=file, mend="核对路径和读取权限"
        ) from None
    try:
        depth = 0
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            if isinstance(event, yaml.AliasEvent):
                raise _at(file, event.start_mark, "不支持 YAML 别名（*名称）", "把内容写全")
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > MAX_DEPTH:
                    raise _at(file, event.start_mark, f"嵌套超过 {MAX_DEPTH} 层", "减少嵌套")
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
        return yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise _at(
            file, mark, f"YAML 语法错误：{problem}", "按该行提示改正缩进、冒号或引号"
        ) from None


def field_error(file: Path, error: ValidationError) -> InputError:
    """Name the field of the first problem, and its mend."""
    problem = error.errors()[0]
    field = ".".join(str(part) for part in problem["loc"])
    message = problem["msg"].removeprefix("Value error, ")
    expected = problem.get("ctx", {}).get("expected") or problem.get("ctx", {}).get("pattern", "")
    mends = {"missing": f"补上字段 {field}", "extra_forbidden": f"删去或改正字段名 {field}"}
    return InputError(
        _SAYINGS.get(problem["type"], message).format(expected=expected),
        file=file,
        field=field or None,
        mend=mends.get(problem["type"], f"改正 {field or '文件内容'}"),
    )


_SAYINGS = {
    "missing": "缺少必填字段",
    "extra_forbidden": "不认识的字段",
    "string_type": "应为文本（编号、版本号等请加引号）",
    "string_pattern_mismatch": "格式不符，应合于 {expected}",
    "bool_type": "应为 true 或 false",
    "bool_parsing": "应为 true 或 false",
    "int_type": "应为整数",
    "int_parsing": "应为整数",
    "float_type": "应为数值",
    "float_parsing": "应为数值",
    "tuple_type": "应为列表（每项以 - 开头）",
    "list_type": "应为列表（每项以 - 开头）",
    "dict_type": "应为“名称: 值”",
    "model_type": "应为“名称: 值”",
    "date_type": "应为日期，如 2026-01-01",
    "date_from_datetime_parsing": "应为日期，如 2026-01-01",
    "literal_error": "取值不在可选之内：{expected}",
    "too_short": "至少要有一项",
}


def digest(file: Path) -> str:
    """Return the sha256 of a file, line ends made alike."""
    return hashlib.sha256(file.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def _at(file: Path, mark: Any, message: str, mend: str) -> InputError:
    return InputError(message, file=file, row=mark.line + 1 if mark else None, mend=mend)
