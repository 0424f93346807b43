"""`cspon kb graph` and `cspon kb cite`: what a clause rests on, and whether words stand in it."""

import json
from collections.abc import Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cspon.schemas.agent import Principal
from cspon.schemas.knowledge import Validity
from cspon.settings import load_settings
from serving.assembly import open_embedder, open_knowledge_base

if TYPE_CHECKING:
    from rich.tree import Tree

    from cspon.schemas.knowledge import GraphEdge, GraphNode, GraphView

WITHHELD = "另有您无权查看的材料与此有关。"
PASSIVE = {
    "引用": "引用它",
    "依据": "以它为依据",
    "实施": "实施它",
    "废止": "废止它",
    "替代": "替代它",
}

JsonOption = Annotated[bool, typer.Option("--json", help="标准输出为 JSON")]
DateOption = Annotated[
    datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="效力日期，默认今天")
]
Title = Annotated[str, typer.Argument(help="法名或通用简称，如 土地管理法")]


def register(app: typer.Typer) -> None:
    """Add the verbs to `cspon kb`."""
    app.command("graph")(graph)
    app.command("cite")(cite)


def graph(
    title: Title,
    article: Annotated[
        str | None, typer.Argument(help="条号，如 第四十四条 或 44；不给则为整部")
    ] = None,
    up: Annotated[int, typer.Option("--up", min=0, max=6, help="向所依据的条文走几步")] = 2,
    down: Annotated[int, typer.Option("--down", min=0, max=6, help="向引用它的条文走几步")] = 2,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="最多节点数")] = 60,
    on: DateOption = None,
    as_json: JsonOption = False,
) -> int:
    """查一条条文依据哪些条文，又被哪些条文引用."""
    settings = load_settings()
    with open_knowledge_base(settings, open_embedder(settings)) as base:
        view = base.graph(
            title=title,
            article=article,
            up=up,
            down=down,
            on_date=_day(on),
            principal=Principal(),
            limit=limit,
        )
    if as_json:
        _print_json(view.model_dump(mode="json"))
    else:
        _print_graph(view)
    return 0 if view.root.in_base else 2


def cite(
    title: Title,
    article: Annotated[str, typer.Argument(help="条号，可到款、项：第四十六条第一款第（二）项")],
    quote: Annotated[str | None, typer.Option("--quote", help="应当见于该条的原文")] = None,
    claim: Annotated[
        str | None, typer.Option("--claim", help="据该条写的话，核对其中的数字和日期")
    ] = None,
    on: DateOption = None,
    as_json: JsonOption = False,
) -> int:
    """核对条文是否存在、引文是否一致、数字和日期是否见于该条."""
    from cspon.schemas.knowledge import Basis
    from knowledge_base.citing.cite import verify_numbers

    settings = load_settings()
    label = article if "条" in article else f"第{article.strip()}条"
    basis = Basis(title=title, article=label, quote=quote)
    with open_knowledge_base(settings, open_embedder(settings)) as base:
        citation = base.cite(basis, on_date=_day(on), principal=Principal())
    verified = citation.verification == "verified"
    missing = verify_numbers(claim, citation.quote) if claim and verified else ()
    if as_json:
        _print_json(citation.model_dump(mode="json") | {"missing_numbers": list(missing)})
    else:
        word = {"verified": "已核验", "contradicted": "不符", "not_in_base": "未核验"}
        typer.echo(f"{citation.label}　{word[citation.verification]}　{citation.status.value}")
        if citation.quote_score is not None:
            typer.echo(f"引文相符度：{citation.quote_score:.3f}")
        if citation.note:
            typer.echo(f"注意：{citation.note}")
        if missing:
            typer.echo(f"该条未载：{'、'.join(missing)}")
        if citation.quote:
            typer.echo(f"\n{citation.quote}")
    if citation.verification == "not_in_base":
        return 2
    return 0 if verified and not missing else 1


def _print_graph(view: "GraphView") -> None:
    from rich.console import Console
    from rich.tree import Tree

    console = Console(highlight=False)
    root = view.root
    if not root.in_base:
        console.print(f"{_name(root)}　库内没有。")
    tree = Tree(_label(root))
    for title, downwards in (("它依据或引用的", False), ("依据或引用它的", True)):
        branch = tree.add(f"[bold]{title}[/bold]")
        if not _grow(branch, view, root, downwards, {root.id}):
            branch.add("没有")
    console.print(tree)
    for edge in view.edges:
        if edge.source == edge.target == root.id:
            console.print(f"本条之内：{edge.words}", style="dim", markup=False)
    if view.cut:
        console.print("结果较多，未全部列出；可用 --limit 放宽。")
    if view.withheld:
        console.print(WITHHELD)


def _grow(
    tree: "Tree", view: "GraphView", node: "GraphNode", downwards: bool, above: set[str]
) -> bool:
    """Add the neighbours of a node in one direction; a node on the way here is not walked again."""
    grown = False
    for edge, other in _steps(view, node, downwards):
        grown = True
        verb = PASSIVE[edge.relation] if downwards else edge.relation
        branch = tree.add(f"{_label(other)}　[cyan]{verb}[/cyan]\n[dim]{_plain(edge.words)}[/dim]")
        if other.id in above:
            branch.add("（循环引用，见上）")
        else:
            _grow(branch, view, other, downwards, {*above, other.id})
    return grown


def _steps(
    view: "GraphView", node: "GraphNode", downwards: bool
) -> "Iterator[tuple[GraphEdge, GraphNode]]":
    nodes = {other.id: other for other in view.nodes}
    for edge in view.edges:
        here, there = (edge.target, edge.source) if downwards else (edge.source, edge.target)
        if here != node.id or there == node.id:
            continue
        other = nodes[there]
        if (other.hops < node.hops) if downwards else (other.hops > node.hops):
            yield edge, other


def _label(node: "GraphNode") -> str:
    known = node.status is not Validity.UNKNOWN
    missing = f"库内没有（{node.status.value}）" if known else "库内没有"
    standing = node.status.value if node.in_base else missing
    return f"[bold]{_plain(_name(node))}[/bold]　{standing}"


def _name(node: "GraphNode") -> str:
    return f"《{node.title.removeprefix('中华人民共和国') or node.title}》{node.article or ''}"


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _day(on: datetime | None) -> date:
    return on.date() if on else date.today()


def _print_json(data: Any) -> None:
    typer.echo(json.dumps(data, ensure_ascii=False, indent=2))
