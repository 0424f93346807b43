"""Metadata of a document as a person may edit it, and as a model may complete it."""

from datetime import date

from cspon.errors import InputError
from cspon.schemas.base import Frozen, Secrecy
from cspon.schemas.knowledge import Document, FoundBy

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
    edited = document.model_copy(
        update={**changed, "found_by": {**document.found_by, **dict.fromkeys(changed, by)}}
    )
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
    start, end = document.effective_from, document.effective_to
    if start and end and end <= start:
        raise InputError(
            f"失效日期 {end} 不晚于施行日期 {start}", field="effective_to", mend="核对两个日期"
        )
