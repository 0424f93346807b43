"""The nodes of the assistant's graph: what each reads of a run's state and what it adds.

Knows the model, the base and the tools. Does not know the graph's edges or its checkpoints.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from langgraph.config import get_stream_writer

from agents.assistant import compose, retrieve
from agents.assistant.act import BeyondClearance, RunValues, act
from agents.assistant.check_plan import check_plan
from agents.assistant.fill import fill, gaps_for_model
from agents.assistant.refusals import (
    PERMISSION_MEND,
    no_permission,
    no_such_clause,
    not_in_base,
    refusing,
)
from agents.assistant.results import plan_section
from agents.assistant.state import State
from agents.assistant.steps import Asked
from agents.assistant.surroundings import surroundings
from agents.assistant.understand import ask_model, regulation_plan, understand
from agents.assistant.verify import contradictions
from agents.assistant.writing import DEGRADED, Writing
from cspon.errors import InputError, ModelUnavailable, RetryTool, SetupError, ToolFailed
from cspon.schemas.agent import (
    Answer,
    Event,
    Intent,
    Plan,
    Principal,
    Refusal,
    RefusalKind,
    Usage,
)
from cspon.schemas.knowledge import Citation
from cspon.schemas.spatial import ToolResult
from knowledge_base.access import NO_PERMISSION
from knowledge_base.base import KnowledgeBase
from knowledge_base.retrieve.coverage import ANSWERS, best_coverage, covers
from llm.chat import ChatModel
from llm.embeddings import Embedder
from tools.catalogue import Tool


@dataclass(frozen=True)
class Nodes:
    """The nodes, with what they work with."""

    model: ChatModel | None
    knowledge_base: KnowledgeBase | None
    tools: dict[str, Tool]
    embedder: Embedder | None

    async def understand(self, state: State) -> State:
        """Turn the question into a plan."""
        place = await asyncio.to_thread(surroundings, Path(state["layers"]))
        asked = Asked(
            question=state["question"],
            attached=frozenset(state["files"]),
            place=place,
            asked_on=date.fromisoformat(state["asked_on"]),
        )
        plan = await asyncio.to_thread(understand, asked, embedder=self.embedder)
        if plan is None and self.model is None:
            plan = regulation_plan(asked.question)
        used = Usage()
        if plan is None or gaps_for_model(plan):
            assert self.model is not None or plan is not None, "no model: a plan was made above"
            try:
                plan, used = await self._with_model(asked, plan)
            except ModelUnavailable as error:
                plan = plan or regulation_plan(asked.question)
                notice = DEGRADED.format(reason=error)
                return {"plan": plan.model_dump(mode="json"), "notices": [notice]}
        return {"plan": plan.model_dump(mode="json"), "usage": used.model_dump(mode="json")}

    async def _with_model(self, asked: Asked, plan: Plan | None) -> tuple[Plan, Usage]:
        """Let the model choose what rules left open, then fill what it may fill."""
        used = Usage()
        if self.model is None:
            return plan or regulation_plan(asked.question), used
        replies = []
        if plan is None:
            plan, reply = await ask_model(asked, model=self.model)
            replies.append(reply)
        if gaps_for_model(plan):
            plan, filled = await fill(plan, asked, self.tools, self.model)
            replies += filled
        return plan, Usage(
            model_calls=len(replies),
            prompt_tokens=sum(reply.prompt_tokens for reply in replies),
            completion_tokens=sum(reply.completion_tokens for reply in replies),
        )

    async def check_plan(self, state: State) -> State:
        """Repair or refuse the plan before anything runs; show what is left of it."""
        plan, notices = await asyncio.to_thread(
            check_plan,
            Plan.model_validate(state["plan"]),
            tools=self.tools,
            files=_paths(state["files"]),
            layers=Path(state["layers"]),
            epsg=state["epsg"],
            clearance=Principal.model_validate(state["principal"]).clearance,
        )
        if plan.steps and plan.refusal is None:
            _emitter()(plan_section(plan))
        return {"plan": plan.model_dump(mode="json"), "notices": notices}

    async def act(self, state: State) -> State:
        """Run the tools."""
        plan = Plan.model_validate(state["plan"])
        layers, workspace = Path(state["layers"]), state.get("workspace")
        values = RunValues(
            layers=layers,
            asked_on=date.fromisoformat(state["asked_on"]),
            epsg=state["epsg"],
            files=_paths(state["files"]),
            versions=surroundings(layers).versions,
            workspace=Path(workspace) if workspace else None,
            clearance=Principal.model_validate(state["principal"]).clearance,
        )
        try:
            results = await act(plan, tools=self.tools, values=values)
        except InputError as error:
            return refusing(plan, RefusalKind.NEEDS_INPUT, error.message, error.mend)
        except BeyondClearance as error:
            return refusing(plan, RefusalKind.NO_PERMISSION, f"{error}。", PERMISSION_MEND)
        except (RetryTool, ToolFailed, SetupError) as error:
            return refusing(plan, RefusalKind.UNSOLVABLE, str(error), "")
        return {"results": [r.model_dump(mode="json") for r in results]}

    async def retrieve(self, state: State) -> State:
        """Check every named basis and search for the question."""
        plan = Plan.model_validate(state["plan"])
        if plan.refusal:
            return {}
        results = [ToolResult.model_validate(r) for r in state.get("results", [])]
        on_date = date.fromisoformat(state["asked_on"])
        principal = Principal.model_validate(state["principal"])
        citations: list[Citation] = await asyncio.to_thread(
            retrieve.cite_results,
            results,
            self.knowledge_base,
            on_date=on_date,
            principal=principal,
        )
        notices = []
        if self.knowledge_base is None:
            notices.append("尚未建立法规库，所列依据均未核验。请运行 cspon kb build-laws。")
        elif plan.queries:
            outcome, found = await asyncio.to_thread(
                retrieve.search, plan, self.knowledge_base, on_date=on_date, principal=principal
            )
            named = [c for c in found if c.verification == "contradicted"]
            if named:
                return no_such_clause(plan, named)
            citations += found
            question, hits = state["question"], outcome.hits
            answers = best_coverage(question, hits) >= ANSWERS
            if not results and (
                any(c.withheld for c in found) or (outcome.withheld and not answers)
            ):
                return no_permission(plan)
            absent = any(c.verification == "not_in_base" for c in found)
            if not results and (not covers(question, hits) or (absent and not answers)):
                return not_in_base(plan, citations)
            if outcome.withheld:
                notices.append(f"{NO_PERMISSION}，本次回答没有用到。")
        elif not results:
            return not_in_base(plan, citations)
        return {
            "citations": [c.model_dump(mode="json") for c in citations],
            "notices": notices + compose.caveats(citations),
        }

    async def write(self, state: State) -> State:
        """Compose the answer; the model writes its part."""
        plan = Plan.model_validate(state["plan"])
        if plan.refusal:
            return {}
        citations = tuple(Citation.model_validate(c) for c in state["citations"])
        writing = Writing(self.model, state["question"], citations, _emitter())
        if plan.intent is Intent.USE_TOOLS:
            found = [ToolResult.model_validate(r) for r in state["results"]]
            return await writing.from_results(plan, found)
        return await writing.from_clauses(date.fromisoformat(state["asked_on"]))

    async def verify(self, state: State) -> State:
        """Fail an answer that the base contradicts; finish the record."""
        plan = Plan.model_validate(state["plan"])
        citations = tuple(Citation.model_validate(c) for c in state.get("citations", []))
        results = tuple(ToolResult.model_validate(r) for r in state.get("results", []))
        refusal, text = plan.refusal, state.get("draft", "")
        notices = list(state["notices"])
        wrong = contradictions(text, citations)
        if wrong and not refusal:
            refusal = Refusal(
                kind=RefusalKind.UNSOLVABLE,
                message="引用核验未通过，答案不予给出：" + "；".join(wrong),
                mend="请更新法规库或规则库后重试。",
            )
            text = ""
        verdicts = [r.data["verdict"] for r in results if r.data.get("verdict")]
        verdict = verdicts[0] if verdicts and not refusal else None
        answer = Answer(
            question=state["question"],
            text=text,
            verdict=verdict,
            citations=citations,
            results=results,
            unknowns=tuple(u for r in results for u in r.data.get("unknowns", ())),
            notices=tuple(notices),
            unsupported=state.get("unsupported", 0),
            refusal=refusal,
            plan=plan,
            model=self.model.name if self.model and state.get("drafted_by") == "model" else "none",
            usage=Usage.model_validate(state["usage"]),
            asked_on=date.fromisoformat(state["asked_on"]),
            run_id=state["run_id"],
        )
        get_stream_writer()(Event(kind="answer", answer=answer).model_dump(mode="json"))
        return {"answer": answer.model_dump(mode="json")}


def _emitter() -> Callable[[str], None]:
    writer = get_stream_writer()
    return lambda text: writer(Event(kind="delta", text=text).model_dump(mode="json"))


def _paths(files: Mapping[str, str]) -> dict[str, Path]:
    return {name: Path(path) for name, path in files.items()}
