"""Metadata of a document as a person may edit it, and as a model may complete it.

A model is asked only for what the rules did not find, and believed only where its words stand in
the text.
"""

import asyncio
import functools
import json
import re
import threading
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from cspon.errors import InputError
from cspon.schemas.base import Frozen, Secrecy
from cspon.schemas.knowledge import Document, FoundBy
from knowledge_base.describe.dates import days, read_day
from knowledge_base.describe.organs import region_of
from llm.chat import ChatModel, ChatReply, ChatRequest, Message
from llm.prompts import load_prompt

KINDS = (
    "法律",
    "行政法规",
    "部门规章",
    "地方性法规",
    "地方政府规章",
    "司法解释",
    "标准",
    "政策文件",
    "规划成果",
    "案例",
    "其他",
)
LEVELS = ("国家", "省", "市", "县", "乡")
MAX_WORDS = 300
ASKED = ("number", "issuer", "region", "published", "effective_from", "effective_to")
"""Fields that a model may fill; the title, too, where the file's name had to do."""
MAX_OPENING = 1500
"""Characters of a text that a model is shown."""
_PROMPT = Path(__file__).parents[1] / "prompts" / "metadata.md"
_SPACE = re.compile(r"[\s　]+")
_BRACKETS = str.maketrans("（）［］[]【】", "()〔〕〔〕〔〕")


class Metadata(Frozen):
    """What may be edited; None leaves a field as it is, an empty text or tuple clears it."""

    title: str | None = None
    number: str | None = None
    issuer: str | None = None
    level: str | None = None
    region: str | None = None
    kind: str | None = None
    published: date | None = None
    effective_from: date | None = None
    effective_to: date | None = None
    """First day on which it is no longer in force."""
    recorded_status: str | None = None
    supersedes: tuple[str, ...] | None = None
    superseded_by: str | None = None
    secrecy: Secrecy | None = None
    department: str | None = None
    roles: tuple[str, ...] | None = None
    note: str | None = None


NULLABLE = ("number", "issuer", "region", "recorded_status", "superseded_by", "department")


def apply(document: Document, metadata: Metadata, by: FoundBy = "person") -> Document:
    """Return the document with the fields that are given, and who gave them.

    Args:
        document: As it is.
        metadata: What is to change.
        by: Who says so.

    Raises:
        InputError: an unknown kind or level, dates out of order, or an empty title; names the field.
    """
    given = {name: getattr(metadata, name) for name in metadata.model_fields_set}
    given = {name: value for name, value in given.items() if value is not None}
    for name, value in given.items():
        if isinstance(value, str) and not isinstance(value, Secrecy):
            given[name] = _words(name, value)
        elif isinstance(value, tuple):
            given[name] = tuple(word for v in value if (word := _words(name, v)))
    if "title" in given and not given["title"]:
        raise InputError("标题不能为空", field="title", mend="填写全称，不带书名号")
    _one_of("kind", given, KINDS)
    _one_of("level", given, LEVELS)
    changed = {
        name: (None if value == "" and name in NULLABLE else value) for name, value in given.items()
    }
    if "effective_to" in changed:
        changed["expires_on"] = changed["effective_to"]
    named = dict.fromkeys(given, by)
    edited = document.model_copy(update={**changed, "found_by": {**document.found_by, **named}})
    _in_order(edited)
    return edited


def _words(field: str, value: str) -> str:
    text = " ".join(value.split())
    if field == "title" or field in ("supersedes", "superseded_by"):
        text = text.strip("《》 ") if text.count("《") <= 1 else text
    if len(text) > MAX_WORDS:
        raise InputError(f"超过 {MAX_WORDS} 字", field=field, mend="缩短后再试")
    return text


def _one_of(field: str, given: dict[str, object], known: tuple[str, ...]) -> None:
    if field in given and given[field] not in known:
        raise InputError(
            f"没有“{given[field]}”这一项", field=field, mend=f"可选：{'、'.join(known)}"
        )


def _in_order(document: Document) -> None:
    """Compare the days that the text or a person states; a successor's day is not ours to judge."""
    start, end = document.effective_from, document.expires_on
    if start and end and end <= start:
        raise InputError(
            f"失效日期 {end} 不晚于施行日期 {start}", field="effective_to", mend="核对两个日期"
        )


def fill_by_model(document: Document, opening: str, chat: ChatModel) -> Document:
    """Complete what the rules left empty by a model; a value counts only if its words stand in the text.

    Blocks; not for an event loop's own thread.

    Args:
        document: As the rules found it.
        opening: The beginning of its text.
        chat: The model.

    Raises:
        ModelUnavailable: the model does not answer.
    """
    shown = opening[:MAX_OPENING]
    asked = [name for name in ASKED if getattr(document, name) is None]
    if _bare(document.title) not in _bare(opening):
        asked.insert(0, "title")
    if not asked or not shown.strip():
        return document
    reply = _wait(chat, _request(shown, asked))
    try:
        values = json.loads(reply.text)
    except ValueError:
        return document
    if not isinstance(values, dict):
        return document
    kept: dict[str, Any] = {}
    for name in asked:
        value = values.get(name)
        if isinstance(value, str) and (read := _believed(name, value.strip("《》 "), opening)):
            kept[name] = read
    if region := kept.get("region"):
        kept["level"] = region.level
        kept["region"] = region.name
    return _with(document, kept)


def _request(shown: str, asked: list[str]) -> ChatRequest:
    limits = {"title": 80, "issuer": 60, "region": 30}
    return ChatRequest(
        messages=(
            Message(role="system", content=load_prompt(_PROMPT)),
            Message(role="user", content=f"开头：\n{shown}\n\n只填：{'、'.join(asked)}"),
        ),
        max_tokens=60 * len(asked) + 20,
        json_schema={
            "type": "object",
            "properties": {
                name: {"type": "string", "maxLength": limits.get(name, 32)} for name in asked
            },
            "required": asked,
            "additionalProperties": False,
        },
    )


def _bare(text: str) -> str:
    return _SPACE.sub("", text).translate(_BRACKETS)


def _believed(name: str, value: str, opening: str) -> object:
    """Return what a value says if the text says it, too; None else."""
    if not value or len(value) > MAX_WORDS:
        return None
    if name in ("published", "effective_from", "effective_to"):
        day = read_day(value)
        if day is None or day not in days(opening):
            return None
        return day + timedelta(days=1) if name == "effective_to" else day
    parts = re.split(r"[、，,]", value) if name == "issuer" else [value]
    if not all(part and _bare(part) in _bare(opening) for part in parts):
        return None
    return region_of(value) if name == "region" else value


def _with(document: Document, kept: dict[str, Any]) -> Document:
    """Apply what is believed; dates that contradict each other are left out."""
    while kept:
        try:
            return apply(document, Metadata(**kept), "model")
        except InputError as error:
            if error.field not in kept:
                return document
            del kept[error.field]
    return document


@functools.lru_cache(maxsize=1)
def _loop() -> asyncio.AbstractEventLoop:
    """Return a loop of our own: a model's connections live in one loop from call to call."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="metadata-model", daemon=True).start()
    return loop


def _wait(chat: ChatModel, request: ChatRequest) -> ChatReply:
    return asyncio.run_coroutine_threadsafe(chat.complete(request), _loop()).result()
