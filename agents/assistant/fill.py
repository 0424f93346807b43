"""Let the model fill arguments that rules could not read, at most a few times, checked each time.

Only arguments that `intents.yaml` leaves to a model, under the tool's own schema. What does not fit goes
back to the model with the reason (`RetryTool`); a number that the question does not have is not taken.
"""

import json
from collections.abc import Mapping
from typing import Any

from agents.assistant.check_plan import check_arguments
from agents.assistant.numbers import numbers
from agents.assistant.reading import OPTIONS
from agents.assistant.steps import Asked
from agents.assistant.wording import PROMPTS, load_wording
from cspon.errors import RetryTool
from cspon.schemas.agent import Plan, Step
from llm.chat import ChatModel, ChatReply, ChatRequest, Message
from llm.prompts import fill_prompt
from tools.catalogue import Tool

MOST_TRIES = 2


def gaps_for_model(plan: Plan | None) -> bool:
    """Whether all that a plan lacks is what a model may fill."""
    missing = plan.slots.get("missing", []) if plan else []
    return bool(missing) and all(gap["by_model"] for gap in missing)


async def fill(
    plan: Plan, asked: Asked, tools: Mapping[str, Tool], model: ChatModel
) -> tuple[Plan, list[ChatReply]]:
    """Fill the gaps of a plan; one that stays leaves the question back to the user as it is.

    Raises:
        ModelUnavailable: the model does not answer.
    """
    replies: list[ChatReply] = []
    steps = {step.id: step for step in plan.steps}
    for gap in plan.slots["missing"]:
        step = steps[gap["step"]]
        value, asked_for = await _value(step, gap["argument"], asked, tools[step.tool], model)
        replies += asked_for
        if value is None:
            return plan, replies
        said = (*step.said, f"{gap['argument']}：{value}（由大模型读出）")
        steps[step.id] = step.model_copy(
            update={"args": {**step.args, gap["argument"]: value}, "said": said}
        )
    done: dict[str, Any] = {
        "steps": tuple(steps.values()),
        "refusal": None,
        "slots": {},
        "decided_by": "model",
    }
    return plan.model_copy(update=done), replies


async def _value(
    step: Step, argument: str, asked: Asked, tool: Tool, model: ChatModel
) -> tuple[Any, list[ChatReply]]:
    hint = load_wording().tools[step.tool].arguments[argument]
    properties = tool.arguments.model_json_schema()["properties"]
    known = OPTIONS[hint.read]() if hint.read in OPTIONS else {}
    one = {"enum": [*known, None]} if known else {"anyOf": [properties[argument], {"type": "null"}]}
    schema = {
        "type": "object",
        "properties": {argument: one},
        "required": [argument],
        "additionalProperties": False,
    }
    listed = "\n".join(f"{key}：{title}" for key, title in known.items())
    problem, replies = listed, []
    for _ in range(MOST_TRIES):
        prompt = fill_prompt(
            PROMPTS / "fill.md", title=tool.title, problem=problem, question=asked.question
        )
        reply = await model.complete(
            ChatRequest(
                messages=(Message(role="user", content=prompt),), max_tokens=64, json_schema=schema
            )
        )
        replies.append(reply)
        try:
            value = _accepted(reply.text, step, argument, asked.question, tool, known)
        except RetryTool as error:
            problem = f"{listed}\n上次的回答不对：{error}"
            continue
        return value, replies
    return None, replies


def _accepted(
    text: str, step: Step, argument: str, question: str, tool: Tool, known: Mapping[str, str]
) -> Any:
    """Return the value of a reply that fits; None when the model says that it is not there.

    Raises:
        RetryTool: it does not fit, with the reason.
    """
    try:
        value = json.loads(text)[argument]
    except (ValueError, KeyError, TypeError):
        raise RetryTool("不是所要的 JSON") from None
    if value is None:
        return None
    if known and value not in known:
        raise RetryTool(f"{argument} 只能是 {'、'.join(known)}")
    check_arguments(step.model_copy(update={"args": {argument: value}}), tool)
    if not known and numbers(json.dumps(value, ensure_ascii=False)) - numbers(question):
        raise RetryTool("问题中没有写这个数")
    return value
