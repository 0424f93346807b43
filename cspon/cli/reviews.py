"""`cspon reviews`: reviews that are kept: begin, decide finding by finding, finish, compare with the round before."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cspon.cli.assembly import open_base_or_none, open_model_or_none, say
from cspon.cli.tables import console
from cspon.settings import load_settings

if TYPE_CHECKING:
    from rich.table import Table

    from agents.review.reviews import Reviews
    from cspon.schemas.agent import Principal

app = typer.Typer(help="审查：送审、逐条复核、办结、与上一轮比对", no_args_is_help=True)

NumberArgument = Annotated[str, typer.Argument(help="审查编号（rev-…）", metavar="编号")]
VERDICTS = {"采纳": "accepted", "修改": "edited", "驳回": "rejected"}


@app.command("begin")
def begin(
    text: Annotated[Path, typer.Argument(help="规划文本")],
    plan_type: Annotated[str, typer.Option("--type", help="规划类型")] = "",
    explanation: Annotated[Path | None, typer.Option(help="说明书")] = None,
    tables: Annotated[Path | None, typer.Option(help="指标表（.xlsx）")] = None,
    database: Annotated[Path | None, typer.Option(help="规划数据库")] = None,
    facts: Annotated[Path | None, typer.Option(help="送审信息（JSON），见 docs/review.md")] = None,
    public: Annotated[bool, typer.Option("--public", help="文本将公开，检查涉密内容")] = False,
    before: Annotated[str, typer.Option(help="上一轮的编号")] = "",
    model: Annotated[str, typer.Option(help="大模型 provider:model，none 为不用")] = "none",
) -> int:
    """送审：检查后等待复核，打印编号."""
    from agents.review.case import Facts
    from agents.review.submission import read_facts
    from agents.review.write.forms import summary

    known = read_facts(facts) if facts else Facts()
    known = known.model_copy(
        update={"plan_type": plan_type or known.plan_type, "public": public or known.public}
    )
    given = {"text": text, "explanation": explanation, "tables": tables, "database": database}
    files = {role: path for role, path in given.items() if path is not None}
    with _opened(model) as (reviews, who):
        number = reviews.begin(files, known, who, before=before)
        typer.echo(number)
        say(f"{summary(reviews.review(number, who))}；逐条复核：cspon reviews decide {number} …")
    return 0


@app.command("list")
def listed() -> int:
    """列出看得到的审查，新的在前."""
    with _opened() as (reviews, who):
        shown = _table("编号", "送审时间", "文本", "类型", "上一轮")
        for meta in reviews.listed(who):
            begun = meta.begun.astimezone().strftime("%Y-%m-%d %H:%M")
            shown.add_row(meta.number, begun, meta.files["text"], meta.facts.plan_type, meta.before)
        console().print(shown, soft_wrap=False)
    return 0


@app.command("show")
def show(number: NumberArgument, as_json: Annotated[bool, typer.Option("--json")] = False) -> int:
    """列出意见和处理情况."""
    from agents.review.write.forms import STATUS, summary

    with _opened() as (reviews, who):
        found = reviews.review(number, who)
    if as_json:
        typer.echo(found.model_dump_json(indent=2, exclude_defaults=True))
        return 0
    told = console()
    told.print(summary(found))
    for finding in found.findings:
        words = finding.place.quote[:40] if finding.place else ""
        quote = f"“{words}” " if words else ""
        status = STATUS[finding.status] + (f"（{finding.reason}）" if finding.reason else "")
        told.print(
            f"{finding.id} [{finding.severity}] {quote}{finding.message}　{status}", markup=False
        )
    return 0


@app.command("decide")
def decide(
    number: NumberArgument,
    finding: Annotated[str, typer.Argument(help="意见编号", metavar="意见")],
    verdict: Annotated[str, typer.Argument(help="采纳、修改或驳回", metavar="决定")],
    reason: Annotated[str, typer.Option(help="理由；驳回必填")] = "",
    message: Annotated[str, typer.Option(help="修改后的意见")] = "",
    suggestion: Annotated[str, typer.Option(help="修改后的建议")] = "",
) -> int:
    """复核一条意见；再次决定以后一次为准，前一次留在记录里."""
    from agents.review.decisions import Decision
    from cspon.errors import InputError

    if verdict not in VERDICTS:
        raise InputError(f"没有决定 {verdict}", field="决定", mend="可用：采纳、修改、驳回")
    with _opened() as (reviews, who):
        made = Decision.model_validate({
            "finding": finding, "verdict": VERDICTS[verdict], "who": who.user, "at": datetime.now(UTC),
            "reason": reason, "message": message, "suggestion": suggestion,
        })  # fmt: skip
        found = reviews.decide(number, who, made)
    left = sum(f.status == "open" for f in found.findings)
    say(
        f"已记录；还有 {left} 条未复核"
        + ("" if left else f"，可以办结：cspon reviews finish {number}")
    )
    return 0


@app.command("resume")
def resume(number: NumberArgument) -> int:
    """接着做中断的审查."""
    with _opened() as (reviews, who):
        state = reviews.go_on(number, who)
    say("等待复核" if state == "decide" else "已办结")
    return 0


@app.command("finish")
def finish(number: NumberArgument) -> int:
    """办结：写出批注文本、意见表、网页和数据；未复核的意见注明“待核对”."""
    with _opened() as (reviews, who):
        folder = reviews.finish(number, who)
    for file in sorted(folder.iterdir()):
        typer.echo(file)
    return 0


@app.command("rounds")
def rounds(number: NumberArgument) -> int:
    """与上一轮比对：每条旧意见已改、未改或部分改，和新增的意见."""
    with _opened() as (reviews, who):
        found = reviews.rounds(number, who)
    shown = _table("结果", "程度", "意见", "依据")
    for one in found:
        shown.add_row(one.outcome, one.finding.severity.value, one.finding.message, one.evidence)
    console().print(shown, soft_wrap=False)
    return 0


def _table(*columns: str) -> "Table":
    from rich.table import Table

    return Table(*columns, show_edge=False)


@contextmanager
def _opened(model: str = "none") -> "Iterator[tuple[Reviews, Principal]]":
    from agents.review.judge.run import model_findings
    from agents.review.laws import HeldLaws
    from agents.review.reviews import Reviews
    from agents.review.run import with_more
    from cspon.schemas.agent import Principal

    settings = load_settings(model=model)
    chosen = open_model_or_none(settings)
    who = Principal(user=os.environ.get("CSPON_USER") or getuser())
    with open_base_or_none(settings) as base:
        laws = HeldLaws(base, who) if base is not None else None
        cache = settings.home / "review" / "answers"
        yield Reviews(
            settings.home / "review", laws=laws, say=say,
            judge=lambda case, done: with_more(done, *model_findings(case, chosen, base, say=say, cache=cache)),
        ), who  # fmt: skip
