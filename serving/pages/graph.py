"""`/kb/graph`: which provisions a clause rests on, and which rest on it."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from cspon.schemas.knowledge import GraphEdge, GraphNode, GraphView
from serving.kb_access import Parts, Who
from serving.kb_reading import graph_of
from serving.kb_schema import GraphQuery, label_of
from serving.pages.paper import PageRoute, paper

router = APIRouter(prefix="/kb", route_class=PageRoute, include_in_schema=False)

RELATIONS = {
    "引用": "条文中提到另一条",
    "依据": "文件声明的制定依据",
    "实施": "为实施上位法而制定",
    "废止": "宣布废止",
    "替代": "取代旧版本或旧文件",
}


@router.get("/graph")
async def graph_page(
    request: Request, services: Parts, principal: Who, asked: Annotated[GraphQuery, Query()]
) -> HTMLResponse:
    """The citation graph of a clause, drawn in the browser, and the same as a list."""
    if asked.passage_id is None and asked.title is None:
        return paper(request, "graph.html", view=None, asked=asked, relations=RELATIONS)
    view = await graph_of(services, asked, principal, request.state.request_id)
    return paper(
        request,
        "graph.html",
        view=view,
        asked=asked,
        relations=RELATIONS,
        lists=_lists(view),
        data=_data(view),
    )


def _data(view: GraphView) -> dict[str, Any]:
    return view.model_dump(mode="json")


def _lists(view: GraphView) -> list[tuple[str, list[dict[str, Any]]]]:
    """The same graph as two lists of sentences: what the root rests on, what rests on it."""
    nodes = {node.id: node for node in (view.root, *view.nodes)}
    up: list[dict[str, Any]] = []
    down: list[dict[str, Any]] = []
    for edge in view.edges:
        source, target = nodes.get(edge.source), nodes.get(edge.target)
        if source is None or target is None or source is target:
            continue
        away = max(abs(source.hops), abs(target.hops))
        side = up if target.hops > 0 or source.hops > 0 else down
        side.append(_line(edge, source, target, away))
    for side in (up, down):
        side.sort(key=lambda line: line["away"])
    return [("所依据和引用的规定", up), ("引用或依据它的规定", down)]


def _line(edge: GraphEdge, source: GraphNode, target: GraphNode, away: int) -> dict[str, Any]:
    return {
        "source": source,
        "target": target,
        "source_label": label_of(source.title, source.article),
        "target_label": label_of(target.title, target.article),
        "relation": edge.relation,
        "words": edge.words,
        "away": away,
    }
