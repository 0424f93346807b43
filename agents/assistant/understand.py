"""From a question to a typed plan: rules first, then embeddings, then the model for what is left.

Knows wording (`intents.yaml`). Does not know whether the plan can run: `check_plan` does.
"""

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from pydantic import Field

from cspon.schemas.agent import Intent, Plan, Refusal, RefusalKind, Step
from cspon.schemas.base import Frozen
from llm.chat import ChatModel, ChatReply, ChatRequest, Message
from llm.embeddings import Embedder
from llm.prompts import fill_prompt

BOUNDARY = "$boundary"
LAYERS = "$layers"
ASKED_ON = "$asked_on"
EPSG = "$epsg"
"""Placeholders in step arguments; `act` puts the run's values in, so a plan holds no path."""

PROMPTS = Path(__file__).parent / "prompts"


class UnsafePattern(Frozen):
    """A request that is refused, and why."""

    pattern: str
    reason: str


class ProjectType(Frozen):
    """Wording that tells the type of a project; the first match counts."""

    type: str
    pattern: str


class IntentWording(Frozen):
    """Keywords and example questions of one intent."""

    tool: str | None = None
    keywords: tuple[str, ...] = ()
    examples: tuple[str, ...] = Field(min_length=1)


class Wording(Frozen):
    """`intents.yaml`."""

    version: int
    unsafe: tuple[UnsafePattern, ...]
    file_reference: str
    asks_for_overlay: str
    project_types: tuple[ProjectType, ...]
    intents: dict[Intent, IntentWording]


@lru_cache(maxsize=1)
def load_wording() -> Wording:
    """Read `intents.yaml`; a typo in it fails loudly."""
    text = (Path(__file__).parent / "intents.yaml").read_text(encoding="utf-8")
    return Wording.model_validate(yaml.safe_load(text))


def understand(question: str, *, has_boundary: bool, embedder: Embedder | None) -> Plan | None:
    """Decide by rules, then by embeddings; None when only a model could tell.

    Args:
        question: The user's question.
        has_boundary: Whether a boundary file came with it.
        embedder: For comparison with example questions; None skips that step.
    """
    wording = load_wording()
    text = re.sub(r"\s+", "", question)
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
                "如需了解法定程序，请直接询问办理条件与依据。",
            )
    asks_overlay = re.search(wording.asks_for_overlay, text) is not None
    site_words = _count(wording.intents[Intent.SITE_COMPLIANCE].keywords, text)
    law_words = _count(wording.intents[Intent.REGULATION_QA].keywords, text)
    if has_boundary and (asks_overlay or site_words):
        return site_plan(question)
    if not has_boundary and asks_overlay and re.search(wording.file_reference, text):
        return _refused(
            Intent.SITE_COMPLIANCE,
            RefusalKind.NEEDS_INPUT,
            "判断选址与占用面积需要项目边界文件，问题中没有附上。",
            "请用 --boundary 或上传按钮提供边界（GeoJSON、Shapefile、GeoPackage、DXF 或界址点 TXT）。",
        )
    if law_words and not has_boundary:
        return regulation_plan(question)
    ranked = _nearest(text, wording, embedder) if embedder else None
    return plan_for(ranked, question, has_boundary, "embeddings") if ranked else None


async def ask_model(
    question: str, *, has_boundary: bool, model: ChatModel
) -> tuple[Plan, ChatReply]:
    """Let the model choose the intent under a tight schema (one enum).

    Raises:
        ModelUnavailable: the model does not answer.
    """
    schema = {
        "type": "object",
        "properties": {"intent": {"type": "string", "enum": [i.value for i in Intent]}},
        "required": ["intent"],
        "additionalProperties": False,
    }
    prompt = fill_prompt(
        PROMPTS / "understand.md", has_boundary="有" if has_boundary else "无", question=question
    )
    reply = await model.complete(
        ChatRequest(
            messages=(Message(role="user", content=prompt),), max_tokens=24, json_schema=schema
        )
    )
    found = re.search("|".join(i.value for i in Intent), reply.text)
    intent = Intent(found.group(0)) if found else Intent.REGULATION_QA
    return plan_for(intent, question, has_boundary, "model"), reply


def plan_for(intent: Intent, question: str, has_boundary: bool, decided_by: Any) -> Plan:
    """Build the plan of an intent, whoever chose it."""
    if intent is Intent.SITE_COMPLIANCE and has_boundary:
        plan = site_plan(question)
    elif intent is Intent.OUT_OF_SCOPE:
        plan = _refused(
            intent,
            RefusalKind.UNSOLVABLE,
            "这个问题不属于国土空间规划业务，本系统没有可用的工具或法规来回答。",
            "可以询问选址合规性（附边界文件）或规划、土地、生态等法律法规的规定。",
        )
    else:
        plan = regulation_plan(question)
    return plan.model_copy(update={"decided_by": decided_by})


def site_plan(question: str) -> Plan:
    """Check a site against the control lines, then explain."""
    wording = load_wording()
    project_type = next(
        (p.type for p in wording.project_types if re.search(p.pattern, question)), "unspecified"
    )
    step = Step(
        id="compliance",
        tool=wording.intents[Intent.SITE_COMPLIANCE].tool or "check_compliance",
        args={
            "boundary": BOUNDARY,
            "layers": LAYERS,
            "project_type": project_type,
            "asked_on": ASKED_ON,
            "epsg": EPSG,
        },
    )
    return Plan(intent=Intent.SITE_COMPLIANCE, slots={"project_type": project_type}, steps=(step,))


def regulation_plan(question: str) -> Plan:
    """Search the regulation base and answer from the clauses found."""
    return Plan(intent=Intent.REGULATION_QA, queries=(question.strip(),))


def _refused(intent: Intent, kind: RefusalKind, message: str, mend: str) -> Plan:
    return Plan(intent=intent, refusal=Refusal(kind=kind, message=message, mend=mend))


def _count(patterns: tuple[str, ...], text: str) -> int:
    return sum(1 for pattern in patterns if re.search(pattern, text))


def _nearest(text: str, wording: Wording, embedder: Embedder) -> Intent | None:
    """Vote of the three nearest examples; embedding scores lie close together, so rank only."""
    labels = [intent for intent, words in wording.intents.items() for _ in words.examples]
    vectors = _example_vectors(embedder)
    order = np.argsort(-(vectors @ embedder.embed_query(text)))[:3]
    votes = [labels[int(i)] for i in order]
    winner = max(votes, key=votes.count)
    return winner if votes.count(winner) >= 2 else None


_EXAMPLES: dict[str, Any] = {}


def _example_vectors(embedder: Embedder) -> Any:
    if embedder.name not in _EXAMPLES:
        examples = [e for words in load_wording().intents.values() for e in words.examples]
        _EXAMPLES[embedder.name] = np.stack([embedder.embed_query(e) for e in examples])
    return _EXAMPLES[embedder.name]
