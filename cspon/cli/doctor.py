"""`cspon doctor`: every setting with its origin, and whether each part works."""

import asyncio
import json
import shutil
from collections.abc import Callable
from typing import Annotated, Any

import typer
from pydantic import SecretStr

from cspon.errors import CsponError
from cspon.settings import PREFIX, Settings, load_settings, origins
from serving.assembly import model_options, open_embedder, open_knowledge_base

MIN_FREE_GB = 3.0
"""A first start needs the model twice: 1.1 GB of parts and 1.1 GB joined."""


def command(
    as_json: Annotated[bool, typer.Option("--json", help="标准输出为 JSON")] = False,
) -> int:
    """体检：列出全部设置及来源，检查模型、向量库、图层、磁盘、字体."""
    settings = load_settings()
    values = setting_rows(settings)
    checks = [_run(name, check, settings) for name, check in CHECKS.items()]
    if as_json:
        typer.echo(json.dumps({"settings": values, "checks": checks}, ensure_ascii=False, indent=2))
    else:
        _print(values, checks)
    return 0 if all(check["ok"] for check in checks) else 2


def setting_rows(settings: Settings) -> list[dict[str, str]]:
    """List every setting: name, value (secrets masked), origin, meaning."""
    came_from = origins()
    rows = []
    for key, field in Settings.model_fields.items():
        value = getattr(settings, key)
        shown = "（未设置）" if value is None else str(value)
        if isinstance(value, SecretStr):
            shown = "********"
        rows.append(
            {
                "setting": f"{PREFIX}{key.upper()}",
                "value": shown,
                "origin": came_from[key],
                "meaning": field.description or "",
            }
        )
    return rows


def _run(name: str, check: Callable[[Settings], str], settings: Settings) -> dict[str, Any]:
    try:
        return {"check": name, "ok": True, "detail": check(settings)}
    except CsponError as error:
        return {"check": name, "ok": False, "detail": str(error)}
    except OSError as error:
        return {"check": name, "ok": False, "detail": f"{error.strerror}：{error.filename}"}


def _model(settings: Settings) -> str:
    from cspon.errors import SetupError
    from llm.providers import get_model

    model = get_model(settings.model, model_options(settings))
    if model is None:
        return "none（不用大模型）"
    health = asyncio.run(model.health())
    if not health.ok:
        raise SetupError(f"{settings.model}：{health.detail}", mend="cspon engine start")
    return f"{settings.model}：{health.detail or '正常'}"


def _embedding(settings: Settings) -> str:
    embedder = open_embedder(settings)
    return f"{embedder.name}，{embedder.dim} 维"


def _store(settings: Settings) -> str:
    base = open_knowledge_base(settings, open_embedder(settings))
    try:
        status = base.status()
        gaps = f"，缺条 {sum(map(len, status.gaps.values()))}" if status.gaps else ""
        return (
            f"{status.documents} 部、{status.passages} 条{gaps}，"
            f"{status.store}，建于 {status.built_at:%Y-%m-%d %H:%M}"
        )
    finally:
        base.close()


def _layers(settings: Settings) -> str:
    from cspon.errors import SetupError
    from tools.layers import load_catalogue

    if not (settings.layers / "layers.yaml").exists():
        raise SetupError(
            f"图层目录 {settings.layers} 中没有 layers.yaml", mend="make demo，或设置 CSPON_LAYERS"
        )
    catalogue = load_catalogue(settings.layers)
    missing = [s.path for s in catalogue.layers if not (settings.layers / s.path).exists()]
    if missing:
        raise SetupError(f"图层文件缺失：{'、'.join(missing)}", mend="补齐文件或修改 layers.yaml")
    label = "，合成数据" if catalogue.synthetic else ""
    return f"{catalogue.title}：{len(catalogue.layers)} 个图层，EPSG:{catalogue.epsg}{label}"


def _disk(settings: Settings) -> str:
    from cspon.errors import SetupError

    folder = settings.home
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 1e9
    if free < MIN_FREE_GB:
        raise SetupError(
            f"{settings.home} 所在磁盘只剩 {free:.1f} GB（首次启动需 {MIN_FREE_GB:.0f} GB）",
            mend="清理磁盘，或用 CSPON_HOME 换一个目录",
        )
    return f"{settings.home} 剩余 {free:.1f} GB"


def _fonts(settings: Settings) -> str:
    from tools.map_style import font_families

    return "、".join(font_families()[:2])


CHECKS: dict[str, Callable[[Settings], str]] = {
    "大模型": _model,
    "向量模型": _embedding,
    "知识库": _store,
    "图层": _layers,
    "磁盘": _disk,
    "中文字体": _fonts,
}


def _print(values: list[dict[str, str]], checks: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(soft_wrap=True)
    table = Table(title="设置（参数 > 环境变量 > .env > 默认）", title_justify="left")
    for column in ("名称", "值", "来源", "含义"):
        table.add_column(column, overflow="fold")
    for row in values:
        table.add_row(row["setting"], row["value"], row["origin"], row["meaning"])
    console.print(table)
    table = Table(title="检查", title_justify="left")
    for column in ("项目", "结果", "说明"):
        table.add_column(column, overflow="fold")
    for check in checks:
        mark = "[green]正常[/]" if check["ok"] else "[red]需处理[/]"
        table.add_row(check["check"], mark, check["detail"])
    console.print(table)
