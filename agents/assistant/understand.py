"""From a question to a typed plan: rules first, then embeddings, then the model for what is left.

Knows wording (`intents.yaml`). Does not know whether the plan can run: `check_plan` does.
"""

import re
from typing import Any

import numpy as np

from agents.assistant.route import Call, asks_for_rule, calls, compact
from agents.assistant.steps import Asked, plan_of
from agents.assistant.wording import PROMPTS, Wording, load_wording
from cspon.schemas.agent import Intent, Plan, Refusal, RefusalKind
from llm.chat import ChatModel, ChatReply, ChatRequest, Message
from llm.embeddings import Embedder
from llm.prompts import fill_prompt
from tools.catalogue import load_tools

NEAREST = 5
"""Examples that vote."""


def understand(asked: Asked, *, embedder: Embedder | None) -> Plan | None:
    """Decide by rules, then by embeddings; None when only a model could tell.

    Args:
        asked: The question and what came with it.
        embedder: For comparison with example questions; None skips that step.
    """
    wording, text = load_wording(), compact(asked.question)
    if not text:
        return _refused(
            Intent.REGULATION_QA, RefusalKind.NEEDS_INPUT, "问题为空。", "请写明要问的规划事项。"
        )
    for unsafe in wording.unsafe:
        if re.search(unsafe.pattern, text):
            return _refused(
                Intent.OUT_OF_SCOPE,
                RefusalKind.UNSAFE,
                f"{unsafe.reason}，本系统不予回答。",
                unsafe.mend or "如需了解法定程序，请直接询问办理条件与依据。",
            )
    has_boundary = "boundary" in asked.attached
    found = calls(asked.question, has_boundary=has_boundary)
    if found:
        return plan_of(asked, found)
    rule = asks_for_rule(text)
    for cannot in wording.unsupported if not rule else ():
        if re.search(cannot.pattern, text):
            return _refused(
                Intent.OUT_OF_SCOPE, RefusalKind.UNSOLVABLE, f"{cannot.reason}。", cannot.mend
            )
    law_words = any(re.search(k, text) for k in wording.intents[Intent.REGULATION_QA].keywords)
    if rule or (law_words and embedder is None and not has_boundary):
        return regulation_plan(asked.question)
    label = _nearest(text, wording, embedder) if embedder else None
    if label in wording.tools and not _may_be(label, text, wording, has_boundary):
        label = Intent.REGULATION_QA.value
    if label is None and law_words and not _speaks_of_here(text, wording, has_boundary):
        return regulation_plan(asked.question)
    return plan_for(label, asked, "embeddings") if label else None


async def ask_model(asked: Asked, *, model: ChatModel) -> tuple[Plan, ChatReply]:
    """Let the model choose a tool or an intent under a tight schema (one enum).

    Raises:
        ModelUnavailable: the model does not answer.
    """
    labels = _labels(load_wording())
    schema = {
        "type": "object",
        "properties": {"choice": {"type": "string", "enum": labels}},
        "required": ["choice"],
        "additionalProperties": False,
    }
    tools = load_tools()
    described = "\n".join(f"{name}：{tools[name].title}" for name in labels if name in tools)
    attached = "、".join(sorted(asked.attached)) or "无"
    prompt = fill_prompt(
        PROMPTS / "understand.md", tools=described, attached=attached, question=asked.question
    )
    reply = await model.complete(
        ChatRequest(
            messages=(Message(role="user", content=prompt),), max_tokens=24, json_schema=schema
        )
    )
    found = re.search("|".join(labels), reply.text)
    label = found.group(0) if found else Intent.REGULATION_QA.value
    wording, text = load_wording(), compact(asked.question)
    if label in wording.tools and not _may_be(label, text, wording, "boundary" in asked.attached):
        label = Intent.REGULATION_QA.value
    return plan_for(label, asked, "model"), reply


def plan_for(label: str, asked: Asked, decided_by: Any) -> Plan:
    """Build the plan of a tool or an intent, whoever chose it."""
    wording = load_wording()
    if label in wording.tools:
        plan = plan_of(asked, [Call(label, compact(asked.question))])
    elif label == Intent.OUT_OF_SCOPE:
        plan = _refused(
            Intent.OUT_OF_SCOPE,
            RefusalKind.UNSOLVABLE,
            "这个问题不属于国土空间规划业务，本系统没有可用的工具或法规来回答。",
            "可以询问规划、土地、生态等法律法规的规定，或让助手选址、审查合规性、提取规划条件和底图、计算指标、"
            "评价可达性、比对规划版本、质检数据库。",
        )
    else:
        plan = regulation_plan(asked.question)
    return plan.model_copy(update={"decided_by": decided_by})


def regulation_plan(question: str) -> Plan:
    """Search the regulation base and answer from the clauses found."""
    return Plan(intent=Intent.REGULATION_QA, queries=(question.strip(),))


def _refused(intent: Intent, kind: RefusalKind, message: str, mend: str) -> Plan:
    return Plan(intent=intent, refusal=Refusal(kind=kind, message=message, mend=mend))


def _labels(wording: Wording) -> list[str]:
    return [*wording.tools, *(intent.value for intent in wording.intents)]


def _examples(wording: Wording) -> list[tuple[str, str]]:
    """Example questions with the tool or intent that they are of."""
    tools = load_tools()
    pairs = [
        (name, example)
        for name, said in wording.tools.items()
        for example in (*tools[name].examples, *said.examples)
    ]
    return pairs + [(i.value, e) for i, words in wording.intents.items() for e in words.examples]


def _nearest(text: str, wording: Wording, embedder: Embedder) -> str | None:
    """Vote of the nearest examples; embedding scores lie close together, so rank only.

    A tool needs the majority, for a tool that runs without being asked for is worse than a question
    that goes to the clauses.
    """
    labels = [label for label, _ in _examples(wording)]
    order = np.argsort(-(_example_vectors(embedder) @ embedder.embed_query(text)))[:NEAREST]
    votes = [labels[int(i)] for i in order]
    winner = max(votes, key=votes.count)
    needed = NEAREST // 2 + 1 if winner in wording.tools else 2
    return winner if votes.count(winner) >= needed else None


def _may_be(tool: str, text: str, wording: Wording, has_boundary: bool) -> bool:
    """Whether a tool that only examples speak for may be meant.

    Something must be said of this place, or be asked how much; a tool that works on one place needs it
    spoken of. Anything else is a question of the law that happens to lie near.
    """
    if wording.tools[tool].refers:
        return has_boundary or re.search(wording.place_reference, text) is not None
    valued = re.search(wording.asks_value, text) is not None
    return valued or _speaks_of_here(text, wording, has_boundary)


def _speaks_of_here(text: str, wording: Wording, has_boundary: bool) -> bool:
    here = re.search(wording.place_reference, text) or re.search(wording.own_area, text)
    return has_boundary or here is not None


_VECTORS: dict[str, Any] = {}


def _example_vectors(embedder: Embedder) -> Any:
    if embedder.name not in _VECTORS:
        texts = [text for _, text in _examples(load_wording())]
        _VECTORS[embedder.name] = np.stack([embedder.embed_query(text) for text in texts])
    return _VECTORS[embedder.name]
