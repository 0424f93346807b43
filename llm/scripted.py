"""`scripted:` — a chat model that follows a script, offline: for tests, demos and rehearsals.

It is strict both ways: a call that the script does not foresee fails at once, and so does closing
it while steps are left over. A script is a list of steps in Python or a YAML file::

    steps:
      - expect: 选址是否可行        # must occur in the request (optional)
        reply_json: {intent: compliance}
      - expect_regex: "\\[F1\\].*公顷"
        reply: 选址不可行。[F1]
      - error: 模型服务中断          # raised as ModelUnavailable, after `reply` if both are given
"""

import json
import re
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError, model_validator

from cspon.errors import InputError, ModelUnavailable
from cspon.schemas.base import Frozen
from llm.chat import ChatDelta, ChatReply, ChatRequest, Health, ToolCall

PIECE = 8
"""Characters of a streamed piece."""

Expectation = str | re.Pattern[str] | Callable[[ChatRequest], bool] | None


@dataclass(frozen=True)
class Step:
    """One foreseen call: what the request must hold, and what comes back.

    `expect` is a substring, a compiled regular expression or a predicate on the request. With
    `error` and a `reply`, a stream yields the reply and then breaks off; `complete` just fails.
    """

    reply: str = ""
    expect: Expectation = None
    error: str | Exception | None = None
    finish_reason: str = "stop"
    tool_calls: tuple[ToolCall, ...] = ()


class _StepFile(Frozen):
    """A step as a person writes it in YAML."""

    reply: str | None = None
    reply_json: Any = None
    expect: str | None = None
    expect_regex: re.Pattern[str] | None = None
    error: str | None = None
    finish_reason: str = "stop"
    tool_calls: tuple[ToolCall, ...] = ()

    @model_validator(mode="after")
    def _says_something(self) -> "_StepFile":
        if self.reply is not None and self.reply_json is not None:
            raise ValueError("reply 与 reply_json 只能写一个")
        if self.expect is not None and self.expect_regex is not None:
            raise ValueError("expect 与 expect_regex 只能写一个")
        if self.reply is None and self.reply_json is None and not (self.error or self.tool_calls):
            raise ValueError("须有 reply、reply_json、tool_calls 或 error")
        return self

    def step(self) -> Step:
        reply = self.reply or ""
        if self.reply_json is not None:
            reply = json.dumps(self.reply_json, ensure_ascii=False)
        return Step(
            reply, self.expect or self.expect_regex, self.error, self.finish_reason, self.tool_calls
        )


class _ScriptFile(Frozen):
    steps: tuple[_StepFile, ...]


class ScriptedModel:
    """A chat model that answers from a list of steps, in order.

    Args:
        steps: Steps; a plain string is a step that replies with it to anything.
        name: The `provider:model` name that it goes by.

    `requests` keeps what was asked, for assertions.
    """

    def __init__(self, steps: Iterable[Step | str], *, name: str = "scripted:steps") -> None:
        self._steps = tuple(Step(step) if isinstance(step, str) else step for step in steps)
        self._name = name
        self.requests: list[ChatRequest] = []

    @classmethod
    def from_file(cls, path: Path) -> "ScriptedModel":
        """Read a script.

        Raises:
            InputError: the file is missing, no YAML, or has an unknown or contradictory key.
        """
        try:
            data = yaml.safe_load(path.read_text(encoding="utf-8"))
            script = _ScriptFile.model_validate(data)
        except ValidationError as error:
            problem = error.errors()[0]
            place = ".".join(str(part) for part in problem["loc"]) or "steps"
            raise InputError(f"模型脚本有误：{problem['msg']}", file=path, field=place) from None
        except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
            raise InputError(
                f"模型脚本无法读取：{error}",
                file=path,
                mend="检查 scripted: 之后的路径与 YAML 格式",
            ) from None
        return cls((step.step() for step in script.steps), name=f"scripted:{path}")

    @property
    def name(self) -> str:
        """The `provider:model` name."""
        return self._name

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Answer with the next step.

        Raises:
            AssertionError: the script foresees no call, or another one.
            ModelUnavailable: the step is an error.
        """
        step = self._next(request)
        if step.error is not None:
            raise _as_error(step.error)
        return self._reply(step, request)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta, None]:
        """Answer with the next step, in pieces of a few characters.

        Raises:
            AssertionError: the script foresees no call, or another one.
            ModelUnavailable: the step is an error; pieces of its reply come first.
        """
        step = self._next(request)
        for start in range(0, len(step.reply), PIECE):
            yield ChatDelta(text=step.reply[start : start + PIECE])
        if step.error is not None:
            raise _as_error(step.error)
        yield ChatDelta(reply=self._reply(step, request))

    async def health(self) -> Health:
        """Say how many steps are left; always fine."""
        left = len(self._steps) - len(self.requests)
        return Health(ok=True, detail=f"脚本模型，剩余 {left} 步", models=(self._name,))

    async def aclose(self) -> None:
        """Close the script.

        Raises:
            AssertionError: steps are left over.
        """
        self.assert_consumed()

    def assert_consumed(self) -> None:
        """Check that every step was called.

        Raises:
            AssertionError: names the first step that was not.
        """
        done, total = len(self.requests), len(self._steps)
        if done < total:
            raise AssertionError(
                f"{self._name}: {total - done} of {total} steps not consumed; "
                f"next would be {self._steps[done]!r}"
            )

    def _next(self, request: ChatRequest) -> Step:
        position = len(self.requests)
        asked = request_text(request)
        if position >= len(self._steps):
            raise AssertionError(
                f"{self._name}: unexpected call {position + 1} of {len(self._steps)}: {asked!r}"
            )
        step = self._steps[position]
        if not _fits(step.expect, request):
            raise AssertionError(
                f"{self._name}: call {position + 1} expected {step.expect!r}, got: {asked!r}"
            )
        self.requests.append(request)
        return step

    def _reply(self, step: Step, request: ChatRequest) -> ChatReply:
        return ChatReply(
            text=step.reply,
            model=self._name,
            finish_reason="tool_calls" if step.tool_calls else step.finish_reason,
            prompt_tokens=len(request_text(request)),
            completion_tokens=len(step.reply),
            tool_calls=step.tool_calls,
        )


def request_text(request: ChatRequest) -> str:
    """Join the contents of all messages: what `expect` is looked up in (tokens = characters)."""
    return "\n".join(message.content for message in request.messages)


def _fits(expect: Expectation, request: ChatRequest) -> bool:
    if expect is None:
        return True
    if isinstance(expect, str):
        return expect in request_text(request)
    if isinstance(expect, re.Pattern):
        return expect.search(request_text(request)) is not None
    return expect(request)


def _as_error(error: str | Exception) -> Exception:
    return error if isinstance(error, Exception) else ModelUnavailable(error)
