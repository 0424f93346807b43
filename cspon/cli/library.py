"""`cspon library KIND …`: the four libraries, managed alike; `cspon rule …` is `cspon library rule …`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cspon.cli.assembly import say
from cspon.settings import load_settings
from tools.library.entry import KIND_TITLES, KINDS, Kind

if TYPE_CHECKING:
    from cspon.schemas.spatial import ToolResult
    from tools.library.entry import Entry, Problem

JsonOption = Annotated[bool, typer.Option("--json", help="标准输出为 JSON")]
IdArgument = Annotated[str, typer.Argument(help="编号或名称", metavar="ID")]
WhyOption = Annotated[str, typer.Option("--why", help="原因，写入启停记录与审计")]
KindArgument = Annotated[
    str, typer.Argument(help=f"库：{'、'.join(f'{k}（{KIND_TITLES[k]}）' for k in KINDS)}")
]
_RUN_WORDS = {"operator": "run", "model": "run", "indicator": "compute", "rule": "run"}


def kind_app(kind: Kind) -> typer.Typer:
    """Make the verbs of one library."""
    title = KIND_TITLES[kind]
    app = typer.Typer(help=f"{title}：列表、说明、校验、启停、导出、运行", no_args_is_help=True)

    @app.command("list")
    def list_(
        word: Annotated[str, typer.Argument(help="只列名称或说明中有这个词的")] = "",
        as_json: JsonOption = False,
    ) -> None:
        """列出全部条目."""
        _list(kind, word, as_json)

    @app.command("explain")
    def explain(entry_id: IdArgument, as_json: JsonOption = False) -> None:
        """说明一个条目：公式、阈值、来源、算例（Markdown）."""
        from tools.library.kinds import entry, library

        found = entry(kind, entry_id)
        text = library(kind).explain(found.id)
        if as_json:
            _print_json({**found.model_dump(mode="json"), "markdown": text})
        else:
            typer.echo(text)

    @app.command("validate")
    def validate(
        entry_id: Annotated[str | None, typer.Argument(help="编号，默认全部")] = None,
        record: Annotated[bool, typer.Option("--record", help="登记新版本")] = False,
        as_json: JsonOption = False,
    ) -> int:
        """运行算例并检查格式与版本；退出码 1 为发现问题."""
        return _validate(kind, entry_id, record, as_json)

    @app.command("enable")
    def enable(entry_id: IdArgument, why: WhyOption) -> None:
        """启用一个条目."""
        _switch(kind, entry_id, on=True, why=why)

    @app.command("disable")
    def disable(entry_id: IdArgument, why: WhyOption) -> None:
        """停用一个条目：不再参与检查和计算."""
        _switch(kind, entry_id, on=False, why=why)

    @app.command("history")
    def history(
        entry_id: Annotated[str | None, typer.Argument(help="编号，默认全部")] = None,
        as_json: JsonOption = False,
    ) -> None:
        """列出启停记录：谁、何时、为什么."""
        from tools.library import state

        changes = state.history(kind, entry_id)
        if as_json:
            _print_json([c.model_dump() for c in changes])
            return
        for c in changes:
            typer.echo(f"{c.at}  {c.by}  {c.action}  {c.id}  {c.reason}")
        if not changes:
            typer.echo("没有启停记录。")

    @app.command("export")
    def export(
        out: Annotated[Path, typer.Option("--out", help="输出的 zip 文件")],
    ) -> None:
        """导出全部条目（YAML）和带校验值的清单."""
        from tools.library.bundle import export as write

        entries = write(kind, out)
        say(f"已导出{title} {len(entries)} 个条目：{out}")

    @app.command(_RUN_WORDS[kind])
    def run(
        entry_id: IdArgument,
        given: Annotated[
            list[str] | None,
            typer.Option(
                "--input", help="名称=值：数值写“4000 ha”，图层写文件路径（编码字段写 文件::字段）"
            ),
        ] = None,
        layers: Annotated[
            Path | None, typer.Option(help="图层目录（含 layers.yaml），默认演示县")
        ] = None,
        project_type: Annotated[
            str, typer.Option("--type", help="项目类型（规则用）")
        ] = "unspecified",
        out: Annotated[Path | None, typer.Option(help="另存 JSON 与图层的目录")] = None,
        as_json: JsonOption = False,
    ) -> None:
        """运行一个条目."""
        from cspon.cli.library_run import run_entry

        folder = load_settings(layers=layers).layers
        result = run_entry(kind, entry_id, given or [], folder, project_type, progress=say)
        _finish(result, out, as_json)

    return app


app = typer.Typer(help="四库管理：指标库、算子库、规则库、模型库", no_args_is_help=True)
for _kind in KINDS:
    app.add_typer(kind_app(_kind), name=_kind)


@app.command("list")
def list_all(word: Annotated[str, typer.Argument()] = "", as_json: JsonOption = False) -> None:
    """列出四库的全部条目."""
    if as_json:
        _print_json([e for kind in KINDS for e in _entries(kind, word)])
        return
    for kind in KINDS:
        _list(kind, word, as_json=False)


@app.command("validate")
def validate_all(
    kind: Annotated[str | None, typer.Argument(help="库，默认四库")] = None,
    record: Annotated[bool, typer.Option("--record", help="登记新版本")] = False,
    as_json: JsonOption = False,
) -> int:
    """校验四库：算例、格式、版本；退出码 1 为发现问题."""
    return _validate(_kind_of(kind), None, record, as_json)


def _kind_of(text: str | None) -> Kind | None:
    from cspon.errors import InputError

    if text is None:
        return None
    for kind in KINDS:
        if text in (kind, KIND_TITLES[kind]):
            return kind
    raise InputError(f"没有“{text}”这个库", field="KIND", mend=f"可用：{'、'.join(KINDS)}")


def _entries(kind: Kind, word: str) -> list[dict[str, Any]]:
    from tools.library.kinds import library

    return [
        e.model_dump(mode="json")
        for e in library(kind).entries()
        if word in f"{e.id} {e.title} {e.summary} {e.group}"
    ]


def _list(kind: Kind, word: str, as_json: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    from tools.library.validate import broken

    entries = _entries(kind, word)
    if as_json:
        _print_json(entries)
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 150
    grid = Table(title=f"{KIND_TITLES[kind]}（{len(entries)} 个）", title_justify="left")
    for heading in ("编号", "名称", "类别", "版本", "状态", "核实", "说明"):
        grid.add_column(heading, overflow="fold")
    for e in entries:
        state = "启用" if e["enabled"] else f"[red]停用[/]：{e['disabled_because']}"
        origin = "（本单位）" if e["origin"] == "own" else ""
        grid.add_row(
            e["id"],
            e["title"] + origin,
            e["group"],
            e["version"],
            state,
            "是" if e["verified"] else "[yellow]否[/]",
            e["summary"],
        )
    console.print(grid)
    for problem in broken(kind):
        say(f"注意：{_line(problem)}")


def _validate(kind: Kind | None, entry_id: str | None, record: bool, as_json: bool) -> int:
    from tools.library.validate import validate

    checked, problems = validate(
        kind, entry_id, recording=record, watch=None if as_json else _watch
    )
    if as_json:
        _print_json({"checked": checked, "problems": [p.model_dump() for p in problems]})
    else:
        for problem in problems:
            typer.echo(f"有误：{_line(problem)}")
        typer.echo(f"已校验 {checked} 个条目，发现 {len(problems)} 个问题。")
    return 1 if problems else 0


def _watch(entry: "Entry", problems: "tuple[Problem, ...]") -> None:
    mark = "有误" if problems else "通过"
    say(f"{mark}  {KIND_TITLES[entry.kind]}  {entry.id}（{entry.title}），{entry.examples} 个算例")


def _line(problem: "Problem") -> str:
    field = f"，字段 {problem.field}" if problem.field else ""
    return f"{problem.file}{field}：{problem.message}\n  处理办法：{problem.mend}"


def _switch(kind: Kind, entry_id: str, *, on: bool, why: str) -> None:
    import getpass
    import uuid

    from cspon.schemas.agent import Principal
    from serving.audit import Audit
    from tools.library.kinds import entry
    from tools.library.state import switch

    found = entry(kind, entry_id)
    user = getpass.getuser()
    change = switch(kind, found.id, on=on, by=user, reason=why)
    settings = load_settings()
    Audit(settings.audit_file, settings.secret_file).knowledge(
        "library.enable" if on else "library.disable",
        principal=Principal(user=user),
        request_id=f"cli-{uuid.uuid4().hex[:12]}",
        library=kind,
        entry=found.id,
        version=found.version,
        reason=change.reason,
    )
    say(
        f"已{change.action}：{KIND_TITLES[kind]} {found.id}（{found.title}）；原因：{change.reason}"
    )


def _finish(result: "ToolResult", out: Path | None, as_json: bool) -> None:
    from cspon.cli.library_run import save_run, show_run

    if out is not None:
        for path in save_run(result, out):
            say(f"已保存：{path}")
    if as_json:
        _print_json(result.model_dump(mode="json"))
    else:
        show_run(result)


def _print_json(data: Any) -> None:
    typer.echo(json.dumps(data, ensure_ascii=False, indent=2))
