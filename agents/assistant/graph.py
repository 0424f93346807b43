"""The assistant's graph: understand → check plan → act → retrieve → write → verify.

Checkpointed in SQLite, so that a run can be replayed. A broken model server degrades a run to
`none` with a visible notice; it does not stop it.
"""

import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from datetime import date
from pathlib import Path
from typing import Any, Literal

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, StateGraph

from agents.assistant.nodes import Nodes
from agents.assistant.state import JsonDict, State
from cspon.schemas.agent import Answer, Event, Plan, Principal
from knowledge_base.base import KnowledgeBase
from llm.chat import ChatModel
from llm.embeddings import Embedder
from tools.catalogue import Tool, load_tools

STAGES = {
    "understand": "理解问题",
    "check_plan": "检查计划",
    "act": "运行工具",
    "retrieve": "检索条文",
    "write": "撰写",
    "verify": "核验",
}


class Assistant:
    """Answers planning questions.

    Args:
        model: The chat model, or None for no model at all.
        knowledge_base: The regulation base, or None when there is none (clauses stay unverified).
        layers: Folder of the layer catalogue.
        checkpoints: SQLite file of the runs; None keeps them in memory.
        embedder: For understanding questions that the rules do not decide.
    """

    def __init__(
        self,
        model: ChatModel | None,
        knowledge_base: KnowledgeBase | None,
        layers: Path,
        checkpoints: Path | None,
        *,
        embedder: Embedder | None = None,
    ) -> None:
        self.model = model
        self.knowledge_base = knowledge_base
        self.layers = layers
        self.checkpoints = checkpoints
        self.embedder = embedder
        self.tools: dict[str, Tool] = load_tools()

    async def answer(
        self,
        question: str,
        *,
        boundary: Path | None = None,
        files: Mapping[str, Path] | None = None,
        workspace: Path | None = None,
        epsg: int | None = None,
        principal: Principal | None = None,
        asked_on: date | None = None,
        run_id: str | None = None,
    ) -> Answer:
        """Answer at once; see `stream`."""
        result: Answer | None = None
        async for event in self.stream(
            question,
            boundary=boundary,
            files=files,
            workspace=workspace,
            epsg=epsg,
            principal=principal,
            asked_on=asked_on,
            run_id=run_id,
        ):
            result = event.answer or result
        assert result is not None, "a run ends with its answer"
        return result

    async def stream(
        self,
        question: str,
        *,
        boundary: Path | None = None,
        files: Mapping[str, Path] | None = None,
        workspace: Path | None = None,
        epsg: int | None = None,
        principal: Principal | None = None,
        asked_on: date | None = None,
        run_id: str | None = None,
    ) -> AsyncIterator[Event]:
        """Yield progress, checked text as it is written, and last the whole answer.

        `files` are further files by name: `before` (an earlier version of the plan), `database` (a plan
        database), `table` (origins and destinations). Into `workspace` tools write the files that a
        user asks for; without one they write none. `epsg` is the boundary's coordinate system where its file does not say it (DXF, 6-digit
        eastings).

        The deltas joined are the answer's text. A bad boundary or a missing input is a refusal of
        kind `needs_input` in the answer, never an exception.
        """
        run_id = run_id or uuid.uuid4().hex
        given = {**(files or {}), **({"boundary": boundary} if boundary else {})}
        state: State = {
            "question": question,
            "files": {name: str(path) for name, path in given.items()},
            "workspace": str(workspace) if workspace else None,
            "epsg": epsg,
            "layers": str(self.layers),
            "principal": (principal or Principal()).model_dump(mode="json"),
            "asked_on": (asked_on or date.today()).isoformat(),
            "run_id": run_id,
            "notices": [],
            "usage": {},
        }
        config: Any = {"configurable": {"thread_id": run_id}}
        async with AsyncExitStack() as stack:
            graph = self._graph().compile(checkpointer=await self._saver(stack))
            async for part in graph.astream(state, config, stream_mode="custom", durability="sync"):
                yield Event.model_validate(part)

    async def replay(self, run_id: str) -> Answer | None:
        """Return the recorded answer of a run; None when there is no such run."""
        config: Any = {"configurable": {"thread_id": run_id}}
        async with AsyncExitStack() as stack:
            graph = self._graph().compile(checkpointer=await self._saver(stack))
            snapshot = await graph.aget_state(config)
        answer = snapshot.values.get("answer")
        return Answer.model_validate(answer) if answer else None

    async def _saver(self, stack: AsyncExitStack) -> Any:
        if self.checkpoints is None:
            return InMemorySaver()
        self.checkpoints.parent.mkdir(parents=True, exist_ok=True)
        return await stack.enter_async_context(
            AsyncSqliteSaver.from_conn_string(str(self.checkpoints))
        )

    def _graph(self) -> StateGraph[State]:
        graph = StateGraph(State)
        nodes = Nodes(self.model, self.knowledge_base, self.tools, self.embedder)
        for name in STAGES:
            graph.add_node(name, _timed(name, getattr(nodes, name)))
        graph.add_edge(START, "understand")
        graph.add_edge("understand", "check_plan")
        graph.add_conditional_edges("check_plan", _after_check)
        graph.add_edge("act", "retrieve")
        graph.add_edge("retrieve", "write")
        graph.add_edge("write", "verify")
        graph.add_edge("verify", END)
        return graph


def _timed(name: str, node: Callable[[State], Any]) -> Any:
    """Announce a node and record its seconds."""

    async def timed(state: State) -> State:
        get_stream_writer()(Event(kind="progress", text=STAGES[name]).model_dump(mode="json"))
        started = time.perf_counter()
        update: State = await node(state)
        if name == "verify":
            return update
        usage: JsonDict = dict(update.get("usage") or {})
        usage["seconds"] = {name: round(time.perf_counter() - started, 3)}
        return {**update, "usage": usage}

    return timed


def _after_check(state: State) -> Literal["act", "retrieve", "verify"]:
    plan = Plan.model_validate(state["plan"])
    if plan.refusal:
        return "verify"
    return "act" if plan.steps else "retrieve"
