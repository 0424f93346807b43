"""`cspon kb add|watch|remove|edit|show`: files into the base, and what is known of each."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cspon.cli.assembly import say, start_engine
from cspon.cli.kb_report import failures_table, print_report, talking
from cspon.errors import InputError
from cspon.schemas.base import Secrecy
from cspon.schemas.knowledge import Document
from cspon.settings import Settings, load_settings
from serving.assembly import model_options, open_embedder, open_knowledge_base

if TYPE_CHECKING:
    from knowledge_base.catalogue import Entry
    from knowledge_base.describe.metadata import Metadata
    from knowledge_base.ingest.build import Engine
    from llm.chat import ChatModel

JsonOption = Annotated[bool, typer.Option("--json", help="标准输出为 JSON")]
SecrecyOption = Annotated[
    Secrecy, typer.Option(help="密级（涉密材料不得入库；文件自带标志的从高）")
]
DepartmentOption = Annotated[str | None, typer.Option(help="仅限该部门读取")]
RoleOption = Annotated[list[str] | None, typer.Option("--role", help="仅限该角色读取，可多次给出")]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", min=0, help="读取进程数，默认每核一个；0 为不另开进程")
]
NoOcrOption = Annotated[bool, typer.Option("--no-ocr", help="不对无文字的页面做文字识别")]
ModelOption = Annotated[
    str | None,
    typer.Option("--model", help="用大模型补全规则未识别的元数据，如 embedded:… 或 openai:…"),
]
FIELDS = {
    "id": "编号",
    "title": "题名",
    "kind": "类别",
    "level": "层级",
    "issuer": "发文机关",
    "number": "文号",
    "version": "版本",
    "published": "公布",
    "effective_from": "施行",
    "effective_to": "失效",
    "recorded_status": "来源所载状态",
    "supersedes": "替代",
    "superseded_by": "被替代",
    "region": "地区",
    "secrecy": "密级",
    "department": "部门",
    "roles": "角色",
    "source": "来源",
    "note": "附注",
}
FINDERS = {"rules": "规则", "model": "大模型", "person": "人工"}
KINDS = {"article": "条文", "text": "段落", "table": "表格", "term": "术语"}


def register(app: typer.Typer) -> None:
    """Add the verbs to `cspon kb`."""
    for verb in (add, watch, remove, edit, show):
        app.command(verb.__name__)(verb)


def add(
    paths: Annotated[
        list[Path],
        typer.Argument(help="文件或文件夹：Word、PDF、Excel、网页、文本、图片，及其 zip"),
    ],
    secrecy: SecrecyOption = Secrecy.PUBLIC,
    department: DepartmentOption = None,
    role: RoleOption = None,
    workers: WorkersOption = None,
    no_ocr: NoOcrOption = False,
    model: ModelOption = None,
    as_json: JsonOption = False,
) -> int:
    """把法规、标准、规划文本等文件加入知识库（可重复运行，中断后接着做）."""
    from knowledge_base.ingest.build import add_paths

    settings = load_settings()
    with talking() as tell, _chat(settings, model) as chat:
        report = add_paths(
            settings.kb_dir,
            paths,
            embedder=open_embedder(settings),
            progress=tell,
            secrecy=secrecy,
            department=department,
            roles=tuple(role or ()),
            engine=store_engine(settings),
            workers=workers,
            ocr=not no_ocr,
            chat=chat,
        )
    print_report(report, as_json)
    return 2 if report.failures else 0


def watch(
    inbox: Annotated[Path, typer.Argument(metavar="FOLDER", help="监视的文件夹")],
    once: Annotated[bool, typer.Option("--once", help="处理现有文件后退出")] = False,
    mirror: Annotated[
        bool, typer.Option("--mirror", help="从文件夹删去的文件也从知识库移除")
    ] = False,
    interval: Annotated[float, typer.Option(min=0.2, help="查看间隔（秒）")] = 10.0,
    secrecy: SecrecyOption = Secrecy.PUBLIC,
    department: DepartmentOption = None,
    role: RoleOption = None,
    workers: WorkersOption = None,
    no_ocr: NoOcrOption = False,
    model: ModelOption = None,
    as_json: JsonOption = False,
) -> int:
    """监视文件夹：新增和改动的文件自动入库，未入库的列在其中的“未入库.txt”；Ctrl+C 结束.

    子文件夹可放“入库设置.yaml”（secrecy、department、roles），优先于命令行选项。
    """
    from knowledge_base.ingest.watch import watch as run
    from knowledge_base.ingest.watched_folder import Defaults

    settings = load_settings()
    with talking() as tell, _chat(settings, model) as chat:
        done = run(
            settings.kb_dir,
            inbox,
            embedder=open_embedder(settings),
            interval_s=interval,
            once=once,
            mirror=mirror,
            progress=tell,
            told=lambda report: print_report(report, as_json),
            defaults=Defaults(secrecy=secrecy, department=department, roles=tuple(role or ())),
            engine=store_engine(settings),
            workers=workers,
            ocr=not no_ocr,
            chat=chat,
        )
    if not done.reports:
        failures_table(list(done.failures.values()))
        say("没有新的改动")
    return 2 if done.failures else 0


def remove(
    names: Annotated[list[str], typer.Argument(help="文件名、题名（全部版本）或文件编号")],
    as_json: JsonOption = False,
) -> None:
    """从知识库移除文件：索引、缓存、原件和上一版一并清除."""
    from knowledge_base.ingest.build import remove_documents

    settings = load_settings()
    with talking() as tell:
        report = remove_documents(
            settings.kb_dir,
            names,
            embedder=open_embedder(settings),
            progress=tell,
            engine=store_engine(settings),
        )
    print_report(report, as_json)


def edit(
    document: Annotated[str, typer.Argument(help="文件编号、文件名或题名", metavar="DOC")],
    changes: Annotated[
        list[str],
        typer.Option("--set", help="字段=值，可多次给出；值留空为清除", metavar="字段=值"),
    ],
    as_json: JsonOption = False,
) -> None:
    """改正一份文件的元数据（人工所填优先于规则和大模型，重新入库后仍保留）."""
    from knowledge_base.ingest.build import edit_document

    settings = load_settings()
    entry = _entry(settings, document)
    with talking() as tell:
        report = edit_document(
            settings.kb_dir,
            entry.document.id,
            _metadata(changes),
            embedder=open_embedder(settings),
            engine=store_engine(settings),
            progress=tell,
        )
    print_report(report, as_json)


def show(
    document: Annotated[str, typer.Argument(help="文件编号、文件名或题名", metavar="DOC")],
    as_json: JsonOption = False,
) -> None:
    """查看一份文件：元数据及其来历、各类片段数、读取时的提示、原件位置."""
    from knowledge_base.ingest.originals import original_file
    from knowledge_base.store.protocol import Where

    settings = load_settings()
    entry = _entry(settings, document)
    held = entry.document
    with open_knowledge_base(settings, open_embedder(settings)) as base:
        passages = list(base.opened().store.scroll(Where(document_ids=(held.id,))))
    kinds = Counter(KINDS[p.kind] for p in passages)
    flagged = sum(1 for p in passages if p.flags)
    doubtful = sum(1 for p in passages if p.confidence is not None and p.confidence < 0.8)
    original = original_file(settings.kb_dir, held)
    if as_json:
        _print_json(
            {
                "document": held.model_dump(mode="json"),
                "passages": len(passages),
                "by_kind": dict(kinds),
                "flagged": flagged,
                "doubtful": doubtful,
                "gaps": list(entry.gaps),
                "notices": list(entry.notices),
                "others": [other.name for other in entry.others],
                "edits": entry.edits,
                "original": str(original) if original else None,
            }
        )
        return
    for label, value, finder in _fields(held):
        typer.echo(f"{label}：{value}" + (f"　〔{finder}〕" if finder else ""))
    typer.echo(f"片段：{len(passages)}（" + "，".join(f"{k} {n}" for k, n in kinds.items()) + "）")
    for text in (
        f"另有同一文件：{'、'.join(o.name for o in entry.others)}" if entry.others else "",
        f"缺条：{'、'.join(entry.gaps)}" if entry.gaps else "",
        f"含疑似指令的片段：{flagged}（只作资料，不会执行）" if flagged else "",
        f"识别置信度低于 0.8 的片段：{doubtful}" if doubtful else "",
        *(f"提示：{notice}" for notice in entry.notices),
        f"原件：{original}" if original else "",
    ):
        if text:
            typer.echo(text)


def _fields(document: Document) -> Iterator[tuple[str, str, str]]:
    """Yield label, value and finder of the fields that have a value."""
    data = document.model_dump(mode="json")
    for name, label in FIELDS.items():
        value = data[name]
        if value in (None, "", []):
            continue
        finder = FINDERS.get(document.found_by.get(name, ""), "")
        yield label, "、".join(value) if isinstance(value, list) else str(value), finder


def _entry(settings: Settings, name: str) -> "Entry":
    """Return the one document that a name means.

    Raises:
        InputError: none, or several (then their ids are named).
    """
    from knowledge_base.catalogue import current_generation, read_catalogue
    from knowledge_base.ingest.build import find_entries

    generation = current_generation(settings.kb_dir)
    found = find_entries(read_catalogue(generation), name) if generation else []
    if not found:
        raise InputError(f"库中没有 {name!r}", mend="用 cspon kb status 查看库内文件")
    if len(found) > 1:
        ids = "、".join(entry.document.id for entry in found)
        raise InputError(f"{name!r} 指向 {len(found)} 份文件", mend=f"改用编号之一：{ids}")
    return found[0]


def _metadata(changes: list[str]) -> "Metadata":
    """Read 字段=值; the field by its name in the model or by its Chinese label.

    Raises:
        InputError: no such field, or a value of the wrong form.
    """
    from pydantic import ValidationError

    from knowledge_base.describe.metadata import Metadata

    by_label = {label: name for name, label in FIELDS.items()}
    given: dict[str, Any] = {}
    for change in changes:
        label, mark, value = change.partition("=")
        name = by_label.get(label.strip(), label.strip())
        if not mark or name not in Metadata.model_fields:
            known = "、".join(f"{n}（{FIELDS[n]}）" for n in Metadata.model_fields)
            raise InputError(
                f"不能这样改：{change}", field=label, mend=f"写作 字段=值；字段有 {known}"
            )
        if name in ("roles", "supersedes"):
            given[name] = tuple(part for part in value.replace("，", ",").split(",") if part)
        else:
            given[name] = value.strip()
    try:
        return Metadata.model_validate(given)
    except ValidationError as error:
        problem = error.errors()[0]
        field = str(problem["loc"][0])
        raise InputError(
            f"{FIELDS[field]}的值不对：{given[field]}",
            field=field,
            mend="日期写作 2026-01-31；密级为 公开、内部 或 敏感",
        ) from error


@contextmanager
def _chat(settings: Settings, model: str | None) -> "Iterator[ChatModel | None]":
    """Yield the model that completes metadata; None when none is asked for."""
    if model is None or model == "none":
        yield None
        return
    from llm.providers import get_model

    chosen = settings.model_copy(update={"model": model})
    if model.startswith("embedded:"):
        start_engine(chosen, progress=say)
    yield get_model(model, model_options(chosen))


def store_engine(settings: Settings) -> "Engine":
    """Return the store that the settings name."""
    from knowledge_base.ingest.build import Engine

    key = settings.qdrant_api_key
    return Engine(settings.store, settings.qdrant_url, key.get_secret_value() if key else None)


def _print_json(data: Any) -> None:
    typer.echo(json.dumps(data, ensure_ascii=False, indent=2))
