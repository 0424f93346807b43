"""What agents plan, answer and refuse."""

from datetime import date
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from cspon.schemas.base import Frozen, Secrecy
from cspon.schemas.knowledge import Citation
from cspon.schemas.spatial import ToolResult


class Principal(Frozen):
    """Who asks: every search and layer read is filtered by this."""

    user: str = "local"
    roles: tuple[str, ...] = ()
    departments: tuple[str, ...] = ()
    clearance: Secrecy = Secrecy.INTERNAL


class RefusalKind(StrEnum):
    """Which kind of refusal it is; users are told."""

    NOT_IN_KNOWLEDGE_BASE = "not_in_knowledge_base"
    NO_PERMISSION = "no_permission"
    UNSOLVABLE = "unsolvable"
    UNSAFE = "unsafe"
    NEEDS_INPUT = "needs_input"


class Refusal(Frozen):
    """Why there is no answer, and what the user can do."""

    kind: RefusalKind
    message: str
    mend: str = ""


class Intent(StrEnum):
    """What the user wants done."""

    USE_TOOLS = "use_tools"
    REGULATION_QA = "regulation_qa"
    OUT_OF_SCOPE = "out_of_scope"


class Step(Frozen):
    """One tool call of a plan; `after` names the steps it must wait for."""

    id: str
    tool: str
    args: dict[str, Any] = Field(default_factory=dict)
    after: tuple[str, ...] = ()
    title: str = ""
    """What a user calls the step."""
    said: tuple[str, ...] = ()
    """How the question was read, one phrase an argument, e.g. 面积 20—40 公顷."""


class Plan(Frozen):
    """What will be done, or a typed refusal."""

    intent: Intent
    slots: dict[str, Any] = Field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    queries: tuple[str, ...] = ()
    """Searches of the knowledge base, shortest useful wording."""
    refusal: Refusal | None = None
    decided_by: Literal["rules", "embeddings", "model"] = "rules"
    repairs: tuple[str, ...] = ()
    """What the plan check changed, one sentence each."""


class Usage(Frozen):
    """Model use of one run."""

    model_calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: dict[str, float] = Field(default_factory=dict)
    """Seconds by graph node, "engine_start" included when this run started the engine."""


class Answer(Frozen):
    """The end of a run: text, grounds, tool results, what is not known, or a refusal."""

    question: str
    text: str
    """Markdown. Every citation is written 《…》第…条 and stands in `citations`."""
    verdict: str | None = None
    citations: tuple[Citation, ...] = ()
    results: tuple[ToolResult, ...] = ()
    unknowns: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    """Degradations, repairs, sentences marked unsupported or left out."""
    unsupported: int = 0
    """Sentences of the model that nothing supports: marked in the text, or left out of it."""
    refusal: Refusal | None = None
    plan: Plan | None = None
    model: str = "none"
    usage: Usage = Usage()
    asked_on: date
    run_id: str = ""


class Event(Frozen):
    """A streamed event of a run: node progress, a text delta, or the final answer."""

    kind: Literal["progress", "delta", "answer"]
    text: str = ""
    answer: Answer | None = None
