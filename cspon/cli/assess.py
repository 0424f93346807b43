"""`cspon assess`: the two assessments of a plan (双评估): its implementation, and the risks of the place."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cspon.cli.indicator import FilledOption, LayersOption, StatisticsOption, YearOption, pairs
from cspon.cli.library import JsonOption
from cspon.settings import load_settings

if TYPE_CHECKING:
    from cspon.schemas.spatial import ToolResult

OutOption = Annotated[
    Path | None, typer.Option(help="另存评估报告（docx、md、图、GeoPackage、JSON）的目录")
]

app = typer.Typer(help="双评估：规划实施评估、开发保护风险评估", no_args_is_help=True)


@app.command("implementation")
def implementation(
    layers: LayersOption = None,
    plan: Annotated[
        Path | None, typer.Option(help="所评估规划的图层目录，默认与 --layers 相同")
    ] = None,
    statistics: StatisticsOption = None,
    year: YearOption = None,
    five_year: Annotated[
        bool, typer.Option("--five-year", help="五年评估（与基期比），默认年度评估（与上年比）")
    ] = False,
    chosen: Annotated[str, typer.Option("--set", help="指标集编号")] = "county_checkup",
    version: Annotated[int | None, typer.Option(help="指标集的版本，默认最新")] = None,
    projects: Annotated[
        Path | None, typer.Option(help="项目清单（CSV），默认规划或图层目录中的 projects.csv")
    ] = None,
    policies: Annotated[
        Path | None, typer.Option(help="政策措施清单（CSV），默认目录中的 policies.csv")
    ] = None,
    parts: Annotated[
        list[str] | None,
        typer.Option("--part", help="只列：indicators、layout、projects、policies，可多次"),
    ] = None,
    filled: FilledOption = None,
    sliver: Annotated[float, typer.Option(help="不足多少平方米的图斑不列出")] = 200.0,
    book: Annotated[Path | None, typer.Option(help="本单位的归类、判定与建议用语（YAML）")] = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> int:
    """规划实施评估：指标完成、规划与现状的布局一致性、项目和政策，问题与建议."""
    from tools.catalogue import load_tools
    from tools.implementation_assessment.report import save_implementation

    print("正在评估（规划与现状叠加）…", file=sys.stderr)
    result = load_tools()["assess_implementation"].run(
        layers=load_settings(layers=layers).layers,
        plan=plan,
        statistics=statistics,
        year=year,
        rhythm="five_year" if five_year else "yearly",
        indicator_set_id=chosen,
        version=version,
        projects=projects,
        policies=policies,
        filled=pairs(filled or []),
        sliver_m2=sliver,
        book=book,
        parts=tuple(parts or ()),
    )
    if out is not None:
        _say(save_implementation(result, out))
    data = result.data
    lead = f"{data['headline']}问题 {len(data['problems'])} 条。"
    _show(result, as_json, lead, skip=("matrix",))
    return 0


@app.command("risk")
def risk(
    layers: LayersOption = None,
    statistics: StatisticsOption = None,
    year: YearOption = None,
    filled: FilledOption = None,
    risks: Annotated[
        Path | None, typer.Option(help="本单位的风险类型、证据指标与阈值（YAML）")
    ] = None,
    kinds: Annotated[
        list[str] | None, typer.Option("--kind", help="只评估某类风险，如 粮食安全，可多次")
    ] = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> int:
    """开发保护风险评估：粮食、生态、水、能源、灾害、气候、收缩，分乡镇给等级和证据."""
    from tools.catalogue import load_tools
    from tools.risk_assessment.report import save_risks

    print("正在评估风险（逐乡镇计算）…", file=sys.stderr)
    result = load_tools()["assess_risks"].run(
        layers=load_settings(layers=layers).layers,
        statistics=statistics,
        year=year,
        filled=pairs(filled or []),
        risks=risks,
        kinds=tuple(kinds or ()),
    )
    if out is not None:
        _say(save_risks(result, out))
    _show(result, as_json, result.data["headline"])
    return 0


def _say(saved: tuple[dict[str, Path], tuple[str, ...]]) -> None:
    from cspon.cli.tables import say_saved

    say_saved(*saved)


def _show(result: "ToolResult", as_json: bool, lead: str, skip: tuple[str, ...] = ()) -> None:
    from cspon.cli.tables import print_json, show_result

    if as_json:
        print_json(result)
    else:
        show_result(result, lead=[lead], skip=skip)
        if skip:
            print("转移矩阵见报告的附图和 xlsx（--out 目录）。")
