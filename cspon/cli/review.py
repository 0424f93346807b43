"""`cspon review TEXT`: find what a chief reviewer would find in a plan text, by rules and, if wanted, a model."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from cspon.cli.assembly import open_base_or_none, open_model_or_none, say
from cspon.cli.tables import console, say_saved
from cspon.settings import load_settings


def command(
    text: Annotated[Path, typer.Argument(help="规划文本：.docx（或 .docm、.pdf、.md、.txt）")],
    plan_type: Annotated[
        str,
        typer.Option(
            "--type", help="县级总体规划、乡镇总体规划、村庄规划、详细规划、专项规划、用地报告等"
        ),
    ] = "",
    explanation: Annotated[Path | None, typer.Option(help="说明书：与文本核对同名指标")] = None,
    database: Annotated[
        Path | None,
        typer.Option(help="规划数据库（文件夹、.gpkg、.gdb、.shp）：核对面积、位置和控制线"),
    ] = None,
    tables: Annotated[Path | None, typer.Option(help="指标表（.xlsx）：与文本核对同名指标")] = None,
    facts: Annotated[
        Path | None,
        typer.Option(help="送审信息（JSON）：上级指标、年份、图件和附件目录等，见 docs/review.md"),
    ] = None,
    date: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="按哪一天核对法规效力，默认今天")
    ] = None,
    public: Annotated[bool, typer.Option("--public", help="文本将公开，检查涉密内容")] = False,
    model: Annotated[
        str, typer.Option(help="判断逻辑与政策问题的大模型 provider:model，none 为不用")
    ] = "none",
    votes: Annotated[int, typer.Option(min=1, help="每个问题问模型几次，奇数，过半才算")] = 3,
    out: Annotated[Path | None, typer.Option(help="批注文本、意见表、网页、JSON 的目录")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="标准输出为 JSON")] = False,
) -> int:
    """审查规划文本：退出码 0 为没有严重问题，1 为有严重问题，2 为输入有误."""
    from agents.review.case import PLAN_TYPES, Facts
    from agents.review.judge.run import model_findings
    from agents.review.laws import HeldLaws
    from agents.review.run import review, with_more
    from agents.review.submission import case_of, read_facts
    from agents.review.write.files import save
    from agents.review.write.forms import summary
    from agents.review.write.sketch import sketches
    from cspon.errors import InputError
    from cspon.schemas.agent import Principal
    from cspon.schemas.review import Severity

    if plan_type and plan_type not in PLAN_TYPES:
        raise InputError(
            f"没有规划类型 {plan_type}", field="--type", mend=f"可用：{'、'.join(PLAN_TYPES)}"
        )
    known = read_facts(facts) if facts else Facts()
    given = {
        "plan_type": plan_type or known.plan_type, "public": public or known.public,
        "text_date": date.date() if date else known.text_date,
    }  # fmt: skip
    settings = load_settings(model=model)
    chosen = open_model_or_none(settings)
    with open_base_or_none(settings) as base:
        laws = HeldLaws(base, Principal()) if base is not None else None
        case = case_of(
            text,
            known.model_copy(update=given),
            explanation=explanation,
            tables=tables,
            database=database,
            laws=laws,
        )
        done = review(case, say=say)
        more = model_findings(
            case, chosen, base, say=say, votes=votes, cache=settings.home / "review" / "answers"
        )
        done = with_more(done, *more)
    if out is not None:
        maps = sketches(done, case.database)
        say_saved(save(done, case.text, text, out, at=datetime.now().astimezone(), maps=maps))
    if as_json:
        typer.echo(done.model_dump_json(indent=2, exclude_defaults=True))
    else:
        told = console()
        told.print(summary(done))
        for number, finding in enumerate(done.findings, 1):
            place = finding.place
            where = place.heading or place.feature if place else "全文"
            quote = f"“{place.quote[:40]}” " if place and place.quote else ""
            told.print(
                f"{number}. [{finding.severity}] {quote}{finding.message}　（{where}）",
                markup=False,
            )
        for left in done.not_reviewed:
            told.print(f"未审查：{left.what}：{left.why}", markup=False)
    return 1 if any(f.severity is Severity.SERIOUS for f in done.findings) else 0
