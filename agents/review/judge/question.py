"""What the model is asked of a candidate, and what counts as an answer."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from agents.review.case import Case
from agents.review.document import Span
from agents.review.judge.sentences import Candidate
from cspon.schemas.base import Frozen
from cspon.schemas.knowledge import Citation
from cspon.schemas.review import Severity
from llm.chat import ChatRequest, Message
from llm.fence import Fence, inside
from llm.prompts import fill_prompt

FOLDER = Path(__file__).parent
PROMPT = FOLDER / "prompts" / "judge.md"
WRONG = "有问题"
LEAST = 4
"""Characters of a quote: fewer stand anywhere."""
CLAUSE = 700
"""Characters of a clause that are laid before the model."""


class Question(Frozen):
    """What is asked of a kind of candidate."""

    title: str
    severity: Severity
    ask: str
    message: str
    suggestion: str
    two: bool = False
    clause: bool = False


class _Questions(Frozen):
    questions: dict[str, Question]


class _Said(Frozen):
    """The model's JSON."""

    reason: str
    verdict: str
    quote: str
    other: str = ""
    clause: int = 0
    clause_quote: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer whose quotes stand where they are said to stand.

    Args:
        wrong: Something is wrong.
        reason: The model's.
        span: The quoted words.
        other: The quoted words of the second sentence.
        clause: The quoted clause.
        clause_quote: Its quoted words.
    """

    wrong: bool
    reason: str = ""
    span: Span | None = None
    other: Span | None = None
    clause: Citation | None = None
    clause_quote: str = ""


@cache
def questions() -> dict[str, Question]:
    """Read `questions.yaml`."""
    data = yaml.safe_load((FOLDER / "questions.yaml").read_text(encoding="utf-8"))
    return _Questions.model_validate(data).questions


def messages_for(
    case: Case, candidate: Candidate, clauses: Sequence[Citation], fence: Fence
) -> tuple[Message, ...]:
    """Return the prompt: text and clauses are data in a fence."""
    question = questions()[candidate.kind]
    lines = [f"句子（甲）：{inside(_words(case, candidate.span))}"]
    fields = ""
    if candidate.other is not None:
        lines.append(f"句子（乙）：{inside(_words(case, candidate.other))}")
        fields = "other 从句子（乙）中原样抄录与甲矛盾的文字，至少四个字。"
    if clauses:
        fields = "clause 为禁止该活动的条文编号，没有则为 0；clause_quote 从该条文中原样抄录禁止的文字，没有则为空。"
        lines += [
            f"条文 {n}：《{c.title}》{c.article}：{inside(c.quote[:CLAUSE])}"
            for n, c in enumerate(clauses, 1)
        ]
    if candidate.about:
        lines.append(f"对象：{inside(candidate.about)}")
    filled = fill_prompt(
        PROMPT, rule=fence.rule, fields=fields, open=fence.open, text="\n".join(lines),
        close=fence.close, ask=question.ask,
    )  # fmt: skip
    _, system, user = re.split(r"^# (?:system|user)\n", filled, flags=re.MULTILINE)
    return (
        Message(role="system", content=system.strip()),
        Message(role="user", content=user.strip()),
    )


def request_for(
    case: Case, messages: tuple[Message, ...], candidate: Candidate, clauses: int, *, vote: int,
    votes: int,
) -> ChatRequest:  # fmt: skip
    """Return the request of one vote; a single one is the model's likeliest answer.

    Beside clauses the sentence itself is the only quote: a 1.5B model quoted the clause in its place.
    """
    fields: dict[str, Any] = {
        "reason": {"type": "string", "maxLength": 80},
        "verdict": {"enum": [WRONG, "无问题"]},
        "quote": {"type": "string", "maxLength": 120},
    }
    if candidate.other is not None:
        fields["other"] = {"type": "string", "maxLength": 120}
    if clauses:
        fields["quote"] = {"enum": [_words(case, candidate.span)]}
        fields["clause"] = {"enum": list(range(clauses + 1))}
        fields["clause_quote"] = {"type": "string", "maxLength": 160}
    schema = {
        "type": "object", "properties": fields, "required": list(fields),
        "additionalProperties": False,
    }  # fmt: skip
    return ChatRequest(
        messages=messages, max_tokens=480, json_schema=schema, seed=vote,
        temperature=0.7 if votes > 1 else 0.0,
    )  # fmt: skip


def answer_of(
    case: Case, candidate: Candidate, clauses: Sequence[Citation], text: str
) -> Answer | None:
    """Read an answer; one that quotes what does not stand there finds nothing, None is no answer."""
    try:
        said = _Said.model_validate(json.loads(text))
    except (json.JSONDecodeError, ValidationError):
        return None
    question = questions()[candidate.kind]
    if said.verdict != WRONG:
        return Answer(wrong=False)
    span, other = _found(case, candidate.span, said.quote), None
    if question.two and candidate.other is not None:
        other = _found(case, candidate.other, said.other)
    clause = clauses[said.clause - 1] if 0 < said.clause <= len(clauses) else None
    held = clause is not None and _stands(said.clause_quote, clause.quote)
    if span is None or (question.two and other is None) or (question.clause and not held):
        return Answer(wrong=False)
    return Answer(True, said.reason, span, other, clause, said.clause_quote)


def _words(case: Case, span: Span) -> str:
    return case.text.blocks[span.block].text[span.start : span.end]


def _stands(quote: str, text: str) -> bool:
    return len(quote) >= LEAST and quote in text


def _found(case: Case, span: Span, quote: str) -> Span | None:
    """Return where a quote stands in a sentence; None where it does not, word for word."""
    words = _words(case, span)
    if not _stands(quote, words):
        return None
    start = span.start + words.index(quote)
    return Span(span.block, start, start + len(quote))
