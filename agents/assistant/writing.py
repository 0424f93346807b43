"""What the write node composes: an answer from tool results, or one from clauses.

The model only explains; verdict, tables, procedure and clauses stand without it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from agents.assistant import compose, results
from agents.assistant.facts import facts_of
from agents.assistant.state import State
from agents.assistant.verify import used_marks
from agents.assistant.write import Grounds, Written, qa_prompt, result_prompt, site_prompt, write
from cspon.errors import ModelUnavailable
from cspon.schemas.agent import Plan
from cspon.schemas.knowledge import Citation
from cspon.schemas.spatial import ToolResult, Verdict
from llm.chat import ChatModel
from llm.fence import FENCE, NO_FENCE, Fence

DEGRADED = "大模型不可用（{reason}），本次回答只含工具结论与条文原文。"
NO_MODEL = "未使用大模型，回答由工具结论与条文原文组成。"
EXPLANATION = "\n\n## 综合说明\n\n"
Emit = Callable[[str], None]


@dataclass(frozen=True)
class Writing:
    """One answer being written."""

    model: ChatModel | None
    question: str
    citations: tuple[Citation, ...]
    emit: Emit

    @property
    def _fence(self) -> Fence:
        """Fences for every model but the small one inside: see `llm.fence`."""
        small = self.model is None or self.model.name.startswith("embedded:")
        return NO_FENCE if small else FENCE

    async def from_clauses(self, asked_on: date) -> State:
        """Answer a question of the regulations."""
        grounds = Grounds(question=self.question, citations=self.citations, cite_every=True)
        written, notices = await self._model_text(
            qa_prompt(grounds, fence=self._fence), grounds, self.emit, mark_alone=False
        )
        text, drafted_by = (written.text if written else ""), "model"
        if not text:
            opening = _opening(written)
            text = compose.extract(self.question, self.citations, opening=opening)
            drafted_by = "extract"
            self.emit(text)
        rest = "\n\n" + compose.qa_tail(self.question, self.citations, used_marks(text), asked_on)
        self.emit(rest)
        return _update(text + rest, drafted_by, written, notices)

    async def from_results(self, plan: Plan, found: list[ToolResult]) -> State:
        """Show tool results and let the model explain them."""
        head = results.head(found, plan.steps)
        self.emit(head)
        facts = tuple(f for r in found for f in facts_of(r, results.headline(r)))
        grounds = Grounds(
            question=self.question,
            facts=facts,
            citations=self.citations,
            verdict_failed=any(r.data.get("verdict") == Verdict.FAIL for r in found),
        )
        judged = len(found) == 1 and bool(results.rule_outcomes(found))
        titles = "、".join(step.title for step in plan.steps)
        messages = (
            site_prompt(grounds, fence=self._fence) if judged else result_prompt(grounds, titles)
        )
        opened = False

        def emit_explained(text: str) -> None:
            nonlocal opened
            self.emit(text if opened else EXPLANATION + text)
            opened = True

        written, notices = await self._model_text(messages, grounds, emit_explained)
        middle = EXPLANATION + written.text if written and written.text else ""
        rest = results.tail(found, self.citations)
        tail = f"\n\n{rest}" if rest else ""
        self.emit(tail)
        text = results.plan_section(plan) + head + middle + tail
        return _update(text, "model" if middle else "extract", written, notices)

    async def _model_text(
        self, messages: Any, grounds: Grounds, emit: Emit, *, mark_alone: bool = True
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


def _update(text: str, drafted_by: str, written: Written | None, notices: list[str]) -> State:
    return {
        "draft": text,
        "drafted_by": drafted_by,
        "notices": notices + (_unsupported(written) if written else []),
        "unsupported": len(written.unsupported) + len(written.invented) if written else 0,
        "usage": written.usage.model_dump(mode="json") if written else {},
    }


def _opening(written: Written | None) -> str:
    """How an answer begins that holds no word of a model."""
    if written is None:
        return compose.NO_MODEL_OPENING
    rejected = written.unsupported or written.invented
    return compose.REJECTED_OPENING if rejected else compose.NO_RULE_OPENING


def _unsupported(written: Written) -> list[str]:
    """Tell what the model wrote without support: marked in the text, or left out of it."""
    told = []
    if count := len(written.invented):
        told.append(f"大模型有 {count} 句话含有工具结果和条文中没有的数字或条文，没有采用。")
    if not (count := len(written.unsupported)):
        return told
    if written.text:
        return [*told, f"大模型有 {count} 句话未获支持，已在文中标出。"]
    said = "".join(p.sentence.strip() for p in written.unsupported)
    return [*told, f"大模型写的 {count} 句话未获条文支持，没有采用：{said}"]
