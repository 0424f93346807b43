"""`cspon eval`: list tasks, run one, compare two runs."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cspon.cli.assembly import say
from cspon.settings import ROOT, Settings, load_settings

if TYPE_CHECKING:
    from eval.task import Guard

app = typer.Typer(help="评测：列出任务、运行、比较两次运行", no_args_is_help=True)

JsonOption = Annotated[bool, typer.Option("--json", help="标准输出为 JSON")]


@app.command("ls")
def list_tasks(as_json: JsonOption = False) -> None:
    """列出评测任务."""
    from eval.task import get_task, task_ids

    definitions = [get_task(task_id).definition for task_id in task_ids()]
    if as_json:
        _print_json([d.model_dump(mode="json") for d in definitions])
        return
    for d in definitions:
        typer.echo(f"{d.id}\t第{d.version}版\t{d.metric}\t{d.description}")


@app.command("run")
def run(
    task: Annotated[str, typer.Argument(help="任务，见 cspon eval ls", metavar="TASK")],
    set_: Annotated[
        str | None,
        typer.Option("--set", help="已知的检索集名（stem、options、lay）或文件；默认全部已知的集"),
    ] = None,
    corpus: Annotated[Path | None, typer.Option(help="检索集所指的法规文件夹或条文 JSON")] = None,
    model: Annotated[str, typer.Option(help="大模型 provider:model，none 为不用")] = "none",
    out: Annotated[Path | None, typer.Option(help="记录目录，默认 var/eval")] = None,
    png: Annotated[bool, typer.Option("--png", help="另画一张各系统得分图")] = False,
    as_json: JsonOption = False,
) -> None:
    """运行评测任务，逐题记录，给出带置信区间的得分."""
    from eval.report import markdown, plot, tables
    from eval.run import REPORT, read_log, run_task
    from eval.task import Resources, get_task
    from llm.providers import get_model
    from serving.assembly import model_options, open_embedder

    settings = load_settings()
    found = get_task(task)
    resources = Resources(
        folder=settings.home / "bench",
        say=say,
        embedder=open_embedder(settings) if "embedder" in found.definition.needs else None,
        model=None if model == "none" else get_model(model, model_options(settings)),
        guard=_guard(settings) if "guard" in found.definition.needs else None,
        shared=_shared(settings),
        set=set_,
        corpus=corpus,
    )
    result = run_task(found, resources, out or settings.home / "eval")
    log = Path(result["log"])
    (log.parent / REPORT).write_text(markdown(result, read_log(log)), encoding="utf-8")
    if png:
        plot(result, log.with_name("scores.png"))
    if as_json:
        _print_json(result)
        return
    from rich.console import Console

    for table in tables(result):
        Console().print(table)
    typer.echo(f"{result['metric']} {result['score']}（{result['low']}–{result['high']}）")
    typer.echo(f"逐题记录：{log}\n报告：{log.with_name(REPORT)}")


@app.command("compare")
def compare_runs(
    first: Annotated[Path, typer.Argument(help="前一次运行的目录或逐题记录", metavar="A")],
    second: Annotated[Path, typer.Argument(help="后一次运行的目录或逐题记录", metavar="B")],
    as_json: JsonOption = False,
) -> None:
    """逐题比较两次运行：B 减 A 的均差、置信区间，以及变好、变坏的题."""
    from eval.compare import compare

    result = compare(first, second)
    if as_json:
        _print_json(result)
        return
    typer.echo(f"共同题目 {result['n']}；B − A，95% 置信区间（配对自助法）")
    for metric, d in result["differences"].items():
        typer.echo(
            f"{metric}\t{d['value']:+.4f}\t[{d['low']:+.4f}, {d['high']:+.4f}]\tp={d['p']:.4f}"
        )
    for title, key in (("变好", "better"), ("变坏", "worse")):
        typer.echo(f"{title} {len(result[key])} 题（按 {result['metric']}）")
        for item in result[key][:20]:
            typer.echo(f"  {item['by']:+.2f}  {item['id']}  {item['query'][:60]}")


@app.command("fit-retrieval")
def fit_retrieval(
    exam: Annotated[
        list[Path], typer.Option(help="带解析的考题或问答（JSON），由解析找出依据条文；可多次给出")
    ],
    laws: Annotated[Path, typer.Option(help="考题依据的法规文件夹")],
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", help="其他带答案的检索集，写作 检索集.json=语料；可多次给出"),
    ] = None,
    held_out: Annotated[
        list[Path] | None,
        typer.Option("--held-out", help="留作检验的检索集：其中的问句及相似问句都不参与学习"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="输出目录，默认 var/retrieval_fit/learned；启用时复制到程序内"),
    ] = None,
) -> None:
    """从带依据的问句学习检索（空间映射、问句记忆、近义词、融合权重），给出交叉验证的得分."""
    from cspon.errors import InputError
    from eval.retrieval_fit.run import run as fit
    from serving.assembly import open_embedder

    pairs = []
    for text in sets or []:
        file, sign, corpus = text.partition("=")
        if not sign:
            raise InputError(
                "检索集要写明语料", field="--set", mend="写作 --set 检索集.json=语料目录或.json"
            )
        pairs.append((Path(file), Path(corpus)))
    settings = load_settings()
    working = settings.home / "retrieval_fit"
    working.mkdir(parents=True, exist_ok=True)
    target = out or working / "learned"
    figures = fit(
        exam=exam,
        laws=laws,
        sets=pairs,
        held_out=held_out or [],
        out=target,
        working=working,
        embedder=open_embedder(settings),
        tell=say,
    )
    _print_json({"out": str(target)} | figures)


def _guard(settings: Settings) -> "Guard":
    """Return the guards of this server, its own policy file included."""
    from serving.guards.judge import judge
    from serving.guards.policy import read_policies

    policies = read_policies(settings.guards)
    return lambda text, side, given: judge(policies, text, side=side, given=given)


def _shared(settings: Settings) -> Path | None:
    """Return the shared corpus: the setting, or `../shared` beside the checkout."""
    folder = settings.shared or ROOT.parent / "shared"
    return folder if folder.is_dir() else None


def _print_json(data: object) -> None:
    typer.echo(json.dumps(data, ensure_ascii=False, indent=2))
