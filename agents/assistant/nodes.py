"""The nodes of the assistant's graph: what each reads of a run's state and what it adds.

Knows the model, the base and the tools. Does not know the graph's edges or its checkpoints.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from langgraph.config import get_stream_writer

from agents.assistant import compose, retrieve
from agents.assistant.act import act
from agents.assistant.check_plan import check_plan
from agents.assistant.facts import compliance_facts
from agents.assistant.state import State
from agents.assistant.understand import ask_model, regulation_plan, understand
from agents.assistant.verify import contradictions, used_marks
from agents.assistant.write import Grounds, Written, qa_prompt, site_prompt, write
from cspon.errors import InputError, ModelUnavailable, RetryTool, ToolFailed
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
from cspon.schemas.spatial import Compliance, ToolResult, Verdict
from knowledge_base.access import NO_PERMISSION
from knowledge_base.base import KnowledgeBase
from knowledge_base.retrieve.coverage import ANSWERS, best_coverage, covers
from llm.chat import ChatModel
from llm.embeddings import Embedder
from tools.catalogue import Tool

DEGRADED = "大模型不可用（{reason}），本次回答只含工具结论与条文原文。"
NO_MODEL = "未使用大模型，回答由工具结论与条文原文组成。"


@dataclass(frozen=True)
class Nodes:
    """The nodes, with what they work with."""

    model: ChatModel | None
    knowledge_base: KnowledgeBase | None
    tools: dict[str, Tool]
    embedder: Embedder | None

    async def understand(self, state: State) -> State:
        """Turn the question into a plan."""
        question, has_boundary = state["question"], state["boundary"] is not None
        plan = await asyncio.to_thread(
            understand, question, has_boundary=has_boundary, embedder=self.embedder
        )
        if plan is not None:
            return {"plan": plan.model_dump(mode="json")}
        if self.model is None:
            return {"plan": regulation_plan(question).model_dump(mode="json")}
        try:
            plan, reply = await ask_model(question, has_boundary=has_boundary, model=self.model)
        except ModelUnavailable as error:
            notice = DEGRADED.format(reason=error)
            return {
                "plan": regulation_plan(question).model_dump(mode="json"),
                "notices": [notice],
            }
        used = Usage(
            model_calls=1,
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
        )
        return {
            "plan": plan.model_dump(mode="json"),
            "usage": used.model_dump(mode="json"),
        }

    async def check_plan(self, state: State) -> State:
        """Repair or refuse the plan before anything runs."""
        plan, notices = await asyncio.to_thread(
            check_plan,
            Plan.model_validate(state["plan"]),
            tools=self.tools,
            boundary=_path(state["boundary"]),
            layers=Path(state["layers"]),
            epsg=state["epsg"],
        )
        return {"plan": plan.model_dump(mode="json"), "notices": notices}

    async def act(self, state: State) -> State:
        """Run the tools."""
        plan = Plan.model_validate(state["plan"])
        try:
            results = await act(
                plan,
                tools=self.tools,
                boundary=_path(state["boundary"]),
                layers=Path(state["layers"]),
                asked_on=date.fromisoformat(state["asked_on"]),
                epsg=state["epsg"],
            )
        except InputError as error:
            return _refusing(plan, RefusalKind.NEEDS_INPUT, error.message, error.mend)
        except (RetryTool, ToolFailed) as error:
            return _refusing(plan, RefusalKind.UNSOLVABLE, str(error), "")
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
                return _no_such_clause(plan, named)
            citations += found
            question, hits = state["question"], outcome.hits
            answers = best_coverage(question, hits) >= ANSWERS
            if not results and (
                any(c.withheld for c in found) or (outcome.withheld and not answers)
            ):
                return _no_permission(plan)
            absent = any(c.verification == "not_in_base" for c in found)
            if not results and (not covers(question, hits) or (absent and not answers)):
                return _not_in_base(plan, citations)
            if outcome.withheld:
                notices.append(f"{NO_PERMISSION}，本次回答没有用到。")
        elif not results:
            return _not_in_base(plan, citations)
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
        emit = _emitter()
        if plan.intent is Intent.SITE_COMPLIANCE:
            return await self._write_site(state, citations, emit)
        question = state["question"]
        grounds = Grounds(question=question, citations=citations, cite_every=True)
        written, notices = await self._model_text(
            qa_prompt(grounds), grounds, emit, mark_alone=False
        )
        text, drafted_by = (written.text if written else ""), "model"
        if not text:
            opening = _opening(written)
            text, drafted_by = compose.extract(question, citations, opening=opening), "extract"
            emit(text)
        tail = "\n\n" + compose.qa_tail(
            question, citations, used_marks(text), date.fromisoformat(state["asked_on"])
        )
        emit(tail)
        return {
            "draft": text + tail,
            "drafted_by": drafted_by,
            "notices": notices + (_unsupported(written) if written else []),
            "usage": written.usage.model_dump(mode="json") if written else {},
        }

    async def _write_site(
        self, state: State, citations: tuple[Citation, ...], emit: Callable[[str], None]
    ) -> State:
        result = ToolResult.model_validate(state["results"][0])
        data = Compliance.model_validate(result.data)
        facts = tuple(compliance_facts(data))
        head = compose.site_head(data, result)
        emit(head)
        grounds = Grounds(
            question=state["question"],
            facts=facts,
            citations=citations,
            verdict_failed=data.verdict is Verdict.FAIL,
        )
        title = "\n\n## 综合说明\n\n"
        opened = False

        def emit_explained(text: str) -> None:
            nonlocal opened
            emit(text if opened else title + text)
            opened = True

        written, notices = await self._model_text(site_prompt(grounds), grounds, emit_explained)
        middle = title + written.text if written and written.text else ""
        tail = "\n\n" + compose.site_tail(data, result, citations)
        emit(tail)
        return {
            "draft": head + middle + tail,
            "drafted_by": "model" if middle else "extract",
            "notices": notices + (_unsupported(written) if written else []),
            "usage": written.usage.model_dump(mode="json") if written else {},
        }

    async def _model_text(
        self,
        messages: Any,
        grounds: Grounds,
        emit: Callable[[str], None],
        *,
        mark_alone: bool = True,
    ) -> tuple[Written | None, list[str]]:
        """Write with the model; without one, or when it fails, say so."""
        if self.model is None:
            return None, [NO_MODEL]
        if not any(c.verification == "verified" for c in grounds.citations) and not grounds.facts:
            return None, []
        try:
            return await write(self.model, messages, grounds, emit, mark_alone=mark_alone), []
        except ModelUnavailable as error:
            return None, [DEGRADED.format(reason=error)]

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
        verdict = results[0].data.get("verdict") if results and not refusal else None
        answer = Answer(
            question=state["question"],
            text=text,
            verdict=verdict,
            citations=citations,
            results=results,
            unknowns=tuple(results[0].data.get("unknowns", ())) if results else (),
            notices=tuple(notices),
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


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _refusing(plan: Plan, kind: RefusalKind, message: str, mend: str) -> State:
    refusal = Refusal(kind=kind, message=message, mend=mend)
    return {"plan": plan.model_copy(update={"refusal": refusal}).model_dump(mode="json")}


def _no_such_clause(plan: Plan, named: list[Citation]) -> State:
    """The question itself names a clause that its document does not have."""
    return _refusing(
        plan,
        RefusalKind.NOT_IN_KNOWLEDGE_BASE,
        "问题所引的条文与库内文本不符：" + "；".join(f"{c.label}——{c.note}" for c in named) + "。",
        "请核对文件名称、版本和条号。",
    )


def _no_permission(plan: Plan) -> State:
    """The base holds what was asked for, and this reader may not read it: say so and name nothing."""
    return _refusing(
        plan,
        RefusalKind.NO_PERMISSION,
        f"{NO_PERMISSION}，不能据此回答。",
        "确因工作需要查看的，请向资料的主管部门或者系统管理员申请权限。",
    )


def _not_in_base(plan: Plan, citations: list[Citation]) -> State:
    named = [c.label for c in citations if c.verification == "not_in_base"]
    about = f"（问题提到的{'、'.join(named)}未入库）" if named else ""
    state = _refusing(
        plan,
        RefusalKind.NOT_IN_KNOWLEDGE_BASE,
        f"法规库中没有能回答这个问题的条文{about}。",
        "可用 cspon kb add 把相关文件入库后再问。",
    )
    return state


def _opening(written: Written | None) -> str:
    """How an answer begins that holds no word of a model."""
    if written is None:
        return compose.NO_MODEL_OPENING
    return compose.REJECTED_OPENING if written.unsupported else compose.NO_RULE_OPENING


def _unsupported(written: Written) -> list[str]:
    """Tell what the model wrote without support: marked in the text, or left out of it."""
    if not written.unsupported:
        return []
    count = len(written.unsupported)
    if written.text:
        return [f"大模型有 {count} 句话未获支持，已在文中标出。"]
    said = "".join(p.sentence.strip() for p in written.unsupported)
    return [f"大模型写的 {count} 句话未获条文支持，没有采用：{said}"]
