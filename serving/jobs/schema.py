"""What a job is: the order that a caller sends, what is kept of it, and what callers see.

Knows nothing of the queue. Times are Unix seconds.
"""

import hashlib
import json
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from cspon.schemas.base import Frozen, Secrecy

PREFIX = "job-"
MOST_STEPS = 100
MOST_BYTES = 1 << 20
"""Of the arguments of a job together: they are read whenever it is looked at."""
KEEP_S = 24 * 3600
"""Seconds that an ended job and its results are kept."""
MOST_ATTEMPTS = 3
"""Times that a step may begin; it is given up when its process broke down each time."""

JobState = Literal["queued", "running", "done", "failed", "cancelled"]
StepState = Literal["waiting", "running", "done", "failed"]
ENDED: frozenset[JobState] = frozenset({"done", "failed", "cancelled"})


class StepOrder(Frozen):
    """One call of a registered tool, as `POST /v1/tools/{name}` takes it."""

    tool: str = Field(max_length=80)
    arguments: dict[str, Any] = Field(default_factory=dict)
    files: bool = False
    """Also make the report, the map and the layers."""


class JobOrder(Frozen):
    """The body of `POST /v1/jobs`: one call, or several that run one after the other."""

    tool: str | None = Field(None, max_length=80)
    arguments: dict[str, Any] = Field(default_factory=dict)
    files: bool = False
    steps: tuple[StepOrder, ...] = Field((), max_length=MOST_STEPS)
    title: str = Field("", max_length=120)

    @model_validator(mode="after")
    def _one_or_several(self) -> Self:
        if (self.tool is None) == (not self.steps):
            raise ValueError("写 tool，或写 steps，二者必居其一")
        if self.steps and (self.arguments or self.files):
            raise ValueError("写了 steps 的，arguments 和 files 写在各步内")
        return self

    def calls(self) -> tuple[StepOrder, ...]:
        """Return the calls in their order."""
        if self.tool is None:
            return self.steps
        return (StepOrder(tool=self.tool, arguments=self.arguments, files=self.files),)


class Batch(Frozen):
    """A file of requests, one a line: what `POST /v1/batches` asked for."""

    input_file_id: str
    endpoint: str
    completion_window: str = "24h"
    metadata: dict[str, str] = Field(default_factory=dict)
    lines: int


class Taken(Frozen):
    """Files that go into the base: what `POST /v1/kb/documents` was sent."""

    files: tuple[str, ...]
    """Names below the folder of the job's files."""
    hashes: tuple[str, ...]
    secrecy: Secrecy = Secrecy.PUBLIC
    department: str | None = None
    roles: tuple[str, ...] = ()
    ocr: bool = True


class Kept(Frozen):
    """What the queue keeps of a job."""

    kind: Literal["tools", "batch", "ingest"] = "tools"
    title: str
    titles: tuple[str, ...] = ()
    """Of the steps."""
    steps: tuple[StepOrder, ...] = ()
    batch: Batch | None = None
    ingest: Taken | None = None
    key: str
    """Id of the key that it runs for, or `local`."""
    case_number: str = ""
    request_id: str = ""
    fingerprint: str
    nonce: str
    """Tells the request that made the job from one that sent it again."""


class StepView(Frozen):
    """How a step stands."""

    tool: str
    title: str
    state: StepState = "waiting"
    error: dict[str, Any] | None = None


class Progress(Frozen):
    """An event: how far a job is."""

    percent: int
    text: str
    step: int | None = None
    state: StepState | None = None
    error: dict[str, Any] | None = None
    secrecy: Secrecy | None = None
    """Of the step's result."""
    counts: dict[str, int] | None = None


class Job(Frozen):
    """A job as its caller sees it."""

    id: str
    object: Literal["job"] = "job"
    kind: str
    title: str
    state: JobState
    percent: int
    text: str
    position: int | None = None
    """Jobs that come before this one; None once it runs."""
    steps: tuple[StepView, ...]
    error: dict[str, Any] | None = None
    created_at: int
    started_at: int | None = None
    ended_at: int | None = None
    expires_at: int | None = None
    case_number: str = ""
    counts: dict[str, int] | None = None
    """Of a batch: requests `completed` and `failed` so far."""
    output: dict[str, str] | None = None
    """Of a batch that ended: `output_file_id` and `error_file_id`."""

    @property
    def ended(self) -> bool:
        """Nothing more will happen."""
        return self.state in ENDED


def fingerprint(body: Any) -> str:
    """Return a hash of a request's body that does not depend on the order of its keys."""
    text = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
