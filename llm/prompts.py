"""Prompts are Markdown files beside the agents that use them; `{{name}}` marks a place to fill."""

import functools
import re
from pathlib import Path

from cspon.errors import InputError
from llm.fence import harmless

PLACE = re.compile(r"\{\{\s*([a-z][a-z0-9_]*)\s*\}\}")


@functools.lru_cache(maxsize=64)
def load_prompt(path: Path) -> str:
    """Read a prompt without its surrounding blank lines.

    Raises:
        InputError: the file is missing, empty, or has a `{{` that begins no place.
    """
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"提示词文件无法读取：{error}", file=path) from None
    if not text:
        raise InputError("提示词文件是空的", file=path)
    blanked = PLACE.sub(lambda match: " " * len(match.group(0)), text)
    if (faulty := blanked.find("{{")) >= 0:
        line = text[:faulty].count("\n") + 1
        raise InputError(
            "占位符写法有误", file=path, row=line, mend="写作 {{name}}：小写字母、数字、下划线"
        )
    return text


def fill_prompt(path: Path, **values: object) -> str:
    """Read a prompt and fill its places; values are never filled again, nor can they begin a turn.

    Raises:
        InputError: the file is faulty, a place has no value, or a value has no place.
    """
    text = load_prompt(path)
    places = set(PLACE.findall(text))
    if missing := sorted(places - set(values)):
        raise InputError(f"占位符没有给值：{'、'.join(missing)}", file=path)
    if unused := sorted(set(values) - places):
        raise InputError(f"给出的值没有占位符：{'、'.join(unused)}", file=path)
    return PLACE.sub(lambda match: harmless(str(values[match.group(1)])), text)
