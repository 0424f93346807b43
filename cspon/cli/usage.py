"""`cspon usage`: who used how much, and what it cost."""

import asyncio
import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cspon.cli.assembly import say
from cspon.errors import missing_extra
from cspon.settings import load_settings

if TYPE_CHECKING:
    from serving.budget.ledger import Used

By = Literal["key", "user", "tenant", "model", "department", "case_number", "endpoint"]
TITLES = {
    "key": "密钥",
    "user": "使用人",
    "tenant": "单位",
    "model": "模型",
    "department": "部门",
    "case_number": "案卷号",
    "endpoint": "接口",
}


def command(
    by: Annotated[By, typer.Option("--by", help="按什么汇总")] = "key",
    since: Annotated[
        datetime | None,
        typer.Option("--since", help="起始日期，默认 31 天前", formats=["%Y-%m-%d"]),
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--until", help="截止日期（不含）", formats=["%Y-%m-%d"])
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="标准输出为 JSON")] = False,
) -> None:
    """用量：请求、词元、费用，按密钥、单位、模型、案卷号等汇总."""
    try:
        from serving.budget.limits import YUAN, read_budgets
        from serving.budget.opening import open_ledger
    except ImportError:
        raise missing_extra("fastapi", "serve") from None
    settings = load_settings()
    if settings.ledger == "sqlite" and not settings.ledger_db.exists():
        say("还没有用量记录")
        return
    end = until or datetime.now() + timedelta(seconds=1)
    start = since or end - timedelta(days=31)
    budgets = read_budgets(settings.budgets_file)
    ledger = open_ledger(settings.ledger, settings.ledger_db, lambda: budgets)

    async def ask() -> "list[Used]":
        try:
            return await ledger.usage(by, since=start, until=end)
        finally:
            await ledger.aclose()

    lines = asyncio.run(ask())
    if as_json:
        facts = [
            {**line.model_dump(exclude={"money"}), "yuan": line.money / YUAN} for line in lines
        ]
        typer.echo(json.dumps(facts, ensure_ascii=False, indent=1))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(TITLES[by], title=f"用量 {start:%Y-%m-%d} 至 {end:%Y-%m-%d}")
    for name in ("请求", "模型调用", "输入词元", "输出词元", "费用（元）", "按上限计"):
        table.add_column(name, justify="right")
    for line in lines:
        table.add_row(
            line.subject or "（未注明）",
            *(f"{n:,}" for n in (line.requests, line.model_calls, line.prompt_tokens)),
            f"{line.completion_tokens:,}",
            f"{line.money / YUAN:,.2f}",
            f"{line.lapsed:,}",
        )
    Console().print(table)
