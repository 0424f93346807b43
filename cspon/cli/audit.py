"""`cspon audit`: check, print, export and prune the record of decisions."""

import getpass
import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from cspon.cli.assembly import say
from cspon.settings import Settings, load_settings
from serving.access.secret import server_secret
from serving.audit.chain import MONTHS, Chain
from serving.audit.retention import SHORTEST_MONTHS, prune
from serving.audit.verify import Verdict, read, verify

app = typer.Typer(help="审计记录：校验、导出、清理", no_args_is_help=True)

JsonOption = Annotated[bool, typer.Option("--json", help="标准输出为 JSON")]
DAY = ["%Y-%m-%d"]


@app.command("verify")
def verify_(
    expect: Annotated[
        str, typer.Option("--expect", help="以前用 cspon audit head 记下的“序号 校验值”")
    ] = "",
    as_json: JsonOption = False,
) -> int:
    """逐条校验：改动、删除、插入、移动的记录都会指出；退出码 1 为发现问题."""
    settings = load_settings()
    if not settings.audit_file.exists():
        say("还没有审计记录")
        return 0
    verdict = verify(settings.audit_file, server_secret(settings.secret_file), expect=expect)
    if as_json:
        typer.echo(verdict.model_dump_json(indent=1))
    else:
        _tell(verdict)
    return 0 if verdict.whole else 1


@app.command("head")
def head() -> int:
    """打印最后一条的序号和校验值，抄到别处保存；日后用 verify --expect 核对."""
    settings = load_settings()
    verdict = verify(settings.audit_file, server_secret(settings.secret_file))
    if not verdict.whole:
        _tell(verdict)
        return 1
    typer.echo(verdict.head)
    return 0


@app.command("export")
def export(
    out: Annotated[Path, typer.Option("--out", help="输出文件（JSON Lines）")],
    since: Annotated[datetime | None, typer.Option("--since", formats=DAY, help="起始日期")] = None,
    until: Annotated[
        datetime | None, typer.Option("--until", formats=DAY, help="截止日期（不含）")
    ] = None,
) -> int:
    """导出一段时间的记录，原样不改；先校验，有问题的退出码为 1."""
    settings = load_settings()
    end = (until or datetime.now() + timedelta(days=1)).astimezone(UTC)
    start = (since or datetime(2000, 1, 1)).astimezone(UTC)
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    count = 0
    try:
        with part.open("wb") as file:
            for line in read(settings.audit_file, start, end):
                file.write(line)
                count += 1
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    say(f"已导出 {count:,} 条：{out}")
    verdict = verify(settings.audit_file, server_secret(settings.secret_file))
    _tell(verdict)
    return 0 if verdict.whole else 1


@app.command("prune")
def prune_(
    months: Annotated[
        int, typer.Option("--keep-months", min=SHORTEST_MONTHS, help="保留几个月（含本月）")
    ] = 36,
) -> None:
    """清理过期月份；清理本身记入审计，校验仍能通过."""
    settings = load_settings()
    chain = Chain(settings.audit_file, lambda: server_secret(settings.secret_file))
    gone = prune(
        settings.audit_file,
        chain,
        keep_months=months,
        this_month=datetime.now(UTC).strftime(MONTHS),
        by=getpass.getuser(),
    )
    chain.close()
    say(f"已清理 {'、'.join(gone)}" if gone else "没有超过保留期限的月份")


@app.command("show")
def show(
    kind: Annotated[str, typer.Option("--kind", help="只看这一类，如 answer、tool")] = "",
    user: Annotated[str, typer.Option("--user", help="只看这个使用人")] = "",
    last: Annotated[int, typer.Option("--last", min=1, help="最后几条")] = 20,
) -> None:
    """看最近的记录（JSON Lines）."""
    from collections import deque

    kept: deque[str] = deque(maxlen=last)
    for raw in read(_file(), datetime(2000, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)):
        said = json.loads(raw)
        if (not kind or said.get("kind") == kind) and (not user or said.get("user") == user):
            kept.append(raw.decode())
    sys.stdout.writelines(kept)


def _file() -> Path:
    settings: Settings = load_settings()
    return settings.audit_file


def _tell(verdict: Verdict) -> None:
    for fault in verdict.faults:
        place = f"{fault.file} 第 {fault.line} 行" if fault.line else fault.file
        say(f"✗ {place}：{fault.what}")
    if verdict.more:
        say(f"✗ 另有 {verdict.more:,} 处")
    span = f"第 {verdict.first} 至 {verdict.last} 条" if verdict.lines else "没有记录"
    state = "完整" if verdict.whole else "不完整"
    say(f"审计记录{state}：{verdict.lines:,} 条（{span}）")
