"""`cspon kb`: build the regulation base, take in files, search, read articles, see what is there."""

import json
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from cspon.cli import kb_files, kb_graph
from cspon.cli.assembly import say
from cspon.cli.kb_files import store_engine
from cspon.cli.kb_report import print_report
from cspon.schemas.agent import Principal
from cspon.settings import load_settings
from serving.assembly import open_embedder, open_knowledge_base

app = typer.Typer(help="知识库：法规入库、文件入库、检索、查条文、状态", no_args_is_help=True)
kb_graph.register(app)
kb_files.register(app)

JsonOption = Annotated[bool, typer.Option("--json", help="标准输出为 JSON")]
DateOption = Annotated[
    datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="效力日期，默认今天")
]
SNIPPET = 120


@app.command("build-laws")
def build_laws(
    laws_list: Annotated[Path | None, typer.Option("--list", help="法律清单（YAML）")] = None,
    as_json: JsonOption = False,
) -> None:
    """按清单由法规包建立或更新法规库."""
    from knowledge_base.ingest.build import build_laws as build

    settings = load_settings(laws_list=laws_list)
    report = build(
        settings.kb_dir,
        laws_list=settings.laws_list,
        laws_db=settings.laws_db,
        embedder=open_embedder(settings),
        progress=say,
        engine=store_engine(settings),
    )
    print_report(report, as_json)


@app.command("search")
def search(
    query: Annotated[str, typer.Argument(help="问题、关键词、法名加条号或文号")],
    on: DateOption = None,
    k: Annotated[int, typer.Option("--k", min=1, max=100, help="结果数")] = 8,
    include_repealed: Annotated[
        bool, typer.Option("--include-repealed", help="也给出已废止、历史和尚未施行的版本")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """检索条文：语义与字词融合，默认只给出当日有效的版本."""
    settings = load_settings()
    with open_knowledge_base(settings, open_embedder(settings)) as base:
        hits = base.search(
            query,
            k=k,
            on_date=_day(on),
            principal=Principal(),
            include_repealed=include_repealed,
        )
    if as_json:
        _print_json([hit.model_dump(mode="json") for hit in hits])
        return
    if not hits:
        typer.echo("没有找到。")
        return
    for number, hit in enumerate(hits, 1):
        passage = hit.passage
        place = passage.article or " / ".join(passage.heading_path[-2:])
        _print_rich(
            f"{number:>2}. 《{_short(passage.title)}》{place}",
            f"　{hit.validity.value}　{_window(passage.effective_from, passage.effective_to)}"
            + (f"　由《{_short(hit.successor)}》替代" if hit.successor else ""),
            f"    {_snippet(passage.text)}",
        )


@app.command("article")
def article(
    title: Annotated[str, typer.Argument(help="法名或通用简称，如 土地管理法")],
    number: Annotated[str, typer.Argument(help="条号，如 第三十五条 或 35", metavar="ARTICLE")],
    on: DateOption = None,
    as_json: JsonOption = False,
) -> int:
    """查一条条文在某日的文本与效力."""
    from cspon.schemas.knowledge import Basis

    settings = load_settings()
    day, principal = _day(on), Principal()
    label = number if "条" in number else f"第{number.strip()}条"
    with open_knowledge_base(settings, open_embedder(settings)) as base:
        citation = base.cite(Basis(title=title, article=label), on_date=day, principal=principal)
    if as_json:
        _print_json(citation.model_dump(mode="json"))
    elif citation.verification == "verified":
        typer.echo(f"{citation.label}　{citation.status.value}")
        typer.echo(f"施行：{_window(citation.effective_from, citation.effective_to)}")
        typer.echo(f"出处：{citation.source}")
        if citation.note:
            typer.echo(f"注意：{citation.note}")
        typer.echo(f"\n{citation.quote}")
    else:
        typer.echo(f"{citation.label}　{citation.note}")
    return 0 if citation.verification == "verified" else 2


@app.command("status")
def status(as_json: JsonOption = False) -> None:
    """列出知识库的内容、缺条和需要留意的效力."""
    settings = load_settings()
    with open_knowledge_base(settings, open_embedder(settings)) as base:
        state = base.status(principal=Principal())
    if as_json:
        _print_json(state.model_dump(mode="json"))
        return
    typer.echo(
        f"目录：{state.folder}（第 {int(state.generation)} 版，{state.built_at:%Y-%m-%d %H:%M} UTC）"
    )
    typer.echo(f"向量：{state.embedder}；向量库：{state.store}")
    typer.echo(f"共 {state.documents} 份文件，{state.passages} 条")
    for name, counts in (("类别", state.by_kind), ("来源", state.by_source)):
        typer.echo(f"{name}：" + "，".join(f"{key} {n}" for key, n in counts.items()))
    for document, labels in state.gaps.items():
        typer.echo(f"缺条：{document} {'、'.join(labels)}")
    for sentence in state.doubtful:
        typer.echo(f"留意：{sentence}")


@app.command("ship-vectors")
def ship_vectors(
    out: Annotated[Path | None, typer.Option(help="输出文件，默认为随附的向量缓存")] = None,
) -> None:
    """（维护）为默认清单重新生成随附的量化向量缓存."""
    from knowledge_base.ingest.shipping import ship_planning_laws
    from knowledge_base.ingest.vector_cache import SHIPPED

    settings = load_settings()
    target = out or SHIPPED
    count, size = ship_planning_laws(
        target,
        laws_list=settings.laws_list,
        laws_db=settings.laws_db,
        cache=settings.kb_dir / "vectors.sqlite",
        embedder=open_embedder(settings),
        progress=say,
    )
    typer.echo(f"{target}：{count} 条，{size / 1e6:.2f} MB")


def _day(on: datetime | None) -> date:
    return on.date() if on else date.today()


def _short(title: str) -> str:
    return title.removeprefix("中华人民共和国") or title


def _snippet(text: str) -> str:
    flat = text.replace("\n", " ")
    return flat if len(flat) <= SNIPPET else f"{flat[:SNIPPET]}…"


def _window(first: date | None, end: date | None) -> str:
    if first is None and end is None:
        return "不详"
    return f"{first or '不详'} 起" + (f"，{end} 止" if end else "")


def _print_json(data: Any) -> None:
    typer.echo(json.dumps(data, ensure_ascii=False, indent=2))


def _print_rich(label: str, standing: str, snippet: str) -> None:
    """Print one hit: bold label, standing, dimmed snippet; plain text where there is no terminal."""
    from rich.console import Console
    from rich.text import Text

    line = Text.assemble((label, "bold"), (standing, "cyan"), "\n", (snippet, "dim"))
    Console(soft_wrap=True, highlight=False).print(line)
