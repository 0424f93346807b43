"""Progress and reports of `cspon kb`: one moving line on a terminal, plain lines otherwise."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from cspon.cli.assembly import say

if TYPE_CHECKING:
    from knowledge_base.ingest.build_report import BuildReport, Failure

MOST_NOTICES = 20


@contextmanager
def talking() -> Iterator[Callable[[str], None]]:
    """Yield what tells progress on standard error."""
    if not sys.stderr.isatty():
        yield say
        return
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    with console.status("", spinner="line") as status:
        yield lambda text: status.update(text.replace("[", r"\["))


def print_report(report: "BuildReport", as_json: bool) -> None:
    """Print what a build did: data on standard output, failures and notices as talk."""
    if as_json:
        typer.echo(report.model_dump_json(indent=2))
        return
    for notice in report.notices[:MOST_NOTICES]:
        say(f"注意：{notice}")
    if len(report.notices) > MOST_NOTICES:
        say(f"注意：另有 {len(report.notices) - MOST_NOTICES} 条，用 --json 查看")
    failures_table(report.failures)
    chunks = report.chunks
    typer.echo(
        f"新增 {len(report.added)} 份、更新 {len(report.changed)} 份、移除 {len(report.removed)} 份"
        + (f"、未变 {len(report.unchanged)} 份" if report.unchanged else "")
        + (f"、未入库 {len(report.failures)} 个" if report.failures else "")
        + f"；库内共 {report.documents} 份 {report.passages} 条；"
        f"片段新增 {chunks.added}、移位 {chunks.moved}、保留 {chunks.kept}、删去 {chunks.removed}；"
        f"新算向量 {report.embedded} 条，用时 {report.seconds:.1f} 秒"
    )
    for document, labels in report.gaps.items():
        typer.echo(f"缺条：{document} {'、'.join(labels)}")


def failures_table(failures: "Sequence[Failure]") -> None:
    """Print which files were not taken in, why, and what to do."""
    if not sys.stderr.isatty():
        for failure in failures:
            say(f"未入库：{failure.message}")
        return
    if not failures:
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("未入库的文件", "原因", "处理办法")
    for failure in failures:
        cells = (failure.path, failure.reason or failure.message, failure.mend)
        table.add_row(*(cell.replace("[", r"\[") for cell in cells))
    Console(stderr=True, highlight=False).print(table)
