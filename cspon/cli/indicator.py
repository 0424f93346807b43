"""`cspon indicator`: the library's verbs, and the indicators of a place in one run."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cspon.cli.library import JsonOption, kind_app
from cspon.settings import load_settings

if TYPE_CHECKING:
    from cspon.schemas.spatial import ToolResult

LayersOption = Annotated[Path | None, typer.Option(help="图层目录（含 layers.yaml），默认演示县")]
StatisticsOption = Annotated[
    Path | None,
    typer.Option(help="年度统计表（CSV，UTF-8），默认图层目录中的 statistics.csv"),
]
YearOption = Annotated[int | None, typer.Option(help="年份，默认土地利用现状的年份")]
FilledOption = Annotated[
    list[str] | None,
    typer.Option("--filled", help="直接给出的值，可多次：fire_service_coverage=85%"),
]
NetworkOption = Annotated[
    bool, typer.Option("--network", help="统计表没有的覆盖率按路网计算（较慢）")
]

app = kind_app("indicator")
app.registered_commands = [c for c in app.registered_commands if c.name != "compute"]


@app.command("compute")
def compute(
    names: Annotated[
        list[str] | None, typer.Argument(help="指标的编号或名称，默认全部", metavar="[ID]...")
    ] = None,
    ids: Annotated[list[str] | None, typer.Option("--id", help="同上，可多次")] = None,
    layers: LayersOption = None,
    statistics: StatisticsOption = None,
    year: YearOption = None,
    scope: Annotated[str, typer.Option(help="范围：county（全域）、城区，或乡镇名称")] = "county",
    filled: FilledOption = None,
    network: NetworkOption = False,
    given: Annotated[
        list[str] | None,
        typer.Option("--input", help="只算一个指标时给出公式的输入：名称=值，图层写文件路径"),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="另存 xlsx、docx、md、JSON 的目录")] = None,
    as_json: JsonOption = False,
) -> int:
    """计算指标：由图层和年度统计表计算或采用填报值，缺什么逐个写明."""
    from tools.catalogue import load_tools

    folder = load_settings(layers=layers).layers
    chosen = (*(names or ()), *(ids or ()))
    if given:
        return _one(chosen, given, folder, out, as_json)
    result = load_tools()["compute_indicators"].run(
        layers=folder,
        statistics=statistics,
        year=year,
        ids=chosen,
        scope=scope,
        filled=pairs(filled or []),
        network=network,
    )
    _finish(result, out, as_json, "指标计算表")
    return 0


def _one(
    chosen: tuple[str, ...], given: list[str], folder: Path, out: Path | None, as_json: bool
) -> int:
    from cspon.cli.library_run import run_entry, save_run, show_run
    from cspon.cli.tables import print_json
    from cspon.errors import InputError

    if len(chosen) != 1:
        raise InputError("用 --input 时须给出一个指标", field="ID", mend="写一个编号或名称")
    result = run_entry(
        "indicator", chosen[0], given, folder, "unspecified",
        progress=lambda text: print(text, file=sys.stderr),
    )  # fmt: skip
    for path in save_run(result, out) if out is not None else []:
        print(f"已保存：{path}", file=sys.stderr)
    print_json(result) if as_json else show_run(result)
    return 0


def pairs(written: list[str]) -> dict[str, str]:
    """Read `id=value` options.

    Raises:
        InputError: one is written otherwise.
    """
    from cspon.errors import InputError

    found = {}
    for item in written:
        name, equals, value = item.partition("=")
        if not equals or not value.strip():
            raise InputError(
                f"“{item}”不是 编号=值", field="--filled", mend="例如 fire_service_coverage=85%"
            )
        found[name.strip()] = value.strip()
    return found


def _finish(result: "ToolResult", out: Path | None, as_json: bool, title: str) -> None:
    from cspon.cli.tables import print_json, say_saved, show_result
    from tools.indicators.workbook import save_indicators

    if out is not None:
        say_saved(*save_indicators(result, out, title=title))
    if as_json:
        print_json(result)
        return
    counts = "，".join(f"{name} {n} 个" for name, n in result.data["counts"].items() if n)
    data = result.data
    show_result(result, lead=[f"{data['place']}（{data['scope']}）{data['year']} 年：{counts}"])


@app.command("report")
def report(
    layers: LayersOption = None,
    statistics: StatisticsOption = None,
    year: YearOption = None,
    chosen: Annotated[str, typer.Option("--set", help="指标集编号")] = "county_checkup",
    version: Annotated[int | None, typer.Option(help="指标集的版本，默认最新")] = None,
    grades: Annotated[Path | None, typer.Option(help="本单位的预警等级与阈值（YAML）")] = None,
    filled: FilledOption = None,
    network: NetworkOption = False,
    out: Annotated[
        Path | None, typer.Option(help="另存体检评估报告（docx、md、xlsx、图表、JSON）的目录")
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """体检评估：逐年数值、目标、差距、趋势与分级预警；退出码 0 不代表没有预警."""
    from cspon.cli.tables import print_json, say_saved, show_result
    from tools.catalogue import load_tools

    result = load_tools()["assess_indicators"].run(
        layers=load_settings(layers=layers).layers,
        statistics=statistics,
        year=year,
        indicator_set_id=chosen,
        version=version,
        filled=pairs(filled or []),
        grades=grades,
        network=network,
    )
    if out is not None:
        from tools.assessment.report import save_assessment

        say_saved(*save_assessment(result, out))
    if as_json:
        print_json(result)
        return 0
    data = result.data
    counts = "，".join(f"{name} {n} 个" for name, n in data["counts"].items())
    show_result(result, lead=[f"{data['place']} {data['year']} 年体检：{counts}"], skip=["series"])
    return 0


@app.command("sets")
def sets(
    name: Annotated[str | None, typer.Argument(help="指标集编号，默认列出全部")] = None,
    version: Annotated[int | None, typer.Option(help="版本，默认最新")] = None,
    as_json: JsonOption = False,
) -> None:
    """列出指标集，或说明一个指标集的指标、权重、目标与历次调整."""
    import json

    from tools.indicators.load import indicators
    from tools.indicators.sets import indicator_set, indicator_sets, versions_of

    if name is None:
        for one in indicator_sets():
            kept = "、".join(map(str, versions_of(one.id)))
            typer.echo(
                f"{one.id}  {one.title}（{one.stage}，{len(one.members)} 个指标，版本 {kept}）"
            )
        return
    chosen = indicator_set(name, version)
    if as_json:
        typer.echo(json.dumps(chosen.model_dump(mode="json"), ensure_ascii=False, indent=2))
        return
    typer.echo(f"{chosen.title}，版本 {chosen.version}，自 {chosen.valid_from} 起\n{chosen.source}")
    known = indicators()
    for m in chosen.members:
        goal = f"，{m.target.year} 年目标 {m.target.value:g} {m.target.unit}" if m.target else ""
        title = known[m.id].said.title if m.id in known else "（指标库没有）"
        typer.echo(f"  {m.id}  {title}  权重 {m.weight:g}  {m.attribute}{goal}")
    for r in chosen.retired:
        typer.echo(f"  已退出 {r.id}（{r.since}）：{r.reason}")
    for c in chosen.changes:
        typer.echo(f"  {c.at} {c.by}：{'；'.join(c.what)}。原因：{c.reason}")


@app.command("revise")
def revise(
    name: Annotated[str, typer.Argument(help="指标集编号")],
    why: Annotated[str, typer.Option("--why", help="调整原因，随版本保存")],
    add: Annotated[list[str] | None, typer.Option(help="增加的指标，可写权重：编号=2")] = None,
    retire: Annotated[list[str] | None, typer.Option(help="退出的指标")] = None,
    weight: Annotated[list[str] | None, typer.Option(help="改权重：编号=3")] = None,
) -> None:
    """调整指标集：增加、退出、改权重；写成新版本，旧版本保留."""
    import getpass

    from cspon.errors import InputError
    from tools.indicators.sets import Member, indicator_set
    from tools.indicators.sets import revise as write

    chosen = indicator_set(name)
    changed = []
    for one, number in _weights(weight or []):
        member = chosen.member(one)
        if member is None:
            raise InputError(f"指标集中没有“{one}”", field="--weight", mend="先用 --add 增加")
        changed.append(Member.model_validate({**member.model_dump(), "weight": number}))
    new = write(
        name,
        by=getpass.getuser(),
        reason=why,
        add=tuple(Member(id=one, weight=number) for one, number in _weights(add or [])),
        retire=tuple(retire or ()),
        change=tuple(changed),
    )
    typer.echo(f"已写成版本 {new.version}：{'；'.join(new.changes[-1].what)}", err=True)


def _weights(written: list[str]) -> list[tuple[str, float]]:
    from cspon.errors import InputError

    found = []
    for item in written:
        name, _, number = item.partition("=")
        try:
            weight = float(number or 1)
        except ValueError:
            weight = 0.0
        if not 0 < weight <= 100:
            raise InputError(f"“{item}”的权重不对", field="weight", mend="写 编号=权重，权重 0—100")
        found.append((name.strip(), weight))
    return found
