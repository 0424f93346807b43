"""One line for each decision: who, when, which run, which verdict, hashes; never the question itself.

Append-only JSON lines. Later: the chain of hashes that `cspon audit verify` checks.
"""

import hashlib
import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cspon.errors import SetupError
from cspon.schemas.agent import Answer, Principal
from cspon.schemas.spatial import ToolResult
from llm.chat import ChatReply


def digest(text: str) -> str:
    """Return `sha256:…` of a text."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


class Audit:
    """The audit file. A line that cannot be written is an error: no decision leaves unrecorded."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()

    def answer(self, answer: Answer, *, principal: Principal, request_id: str) -> None:
        """Record an answer or a refusal of the assistant."""
        self._write(
            "refusal" if answer.refusal else "answer",
            principal,
            request_id,
            run_id=answer.run_id,
            verdict=answer.verdict,
            refusal=answer.refusal.kind.value if answer.refusal else None,
            model=answer.model,
            prompt_tokens=answer.usage.prompt_tokens,
            completion_tokens=answer.usage.completion_tokens,
            tools=[f"{r.tool}@{r.version}" for r in answer.results],
            inputs={k: v for r in answer.results for k, v in r.provenance.inputs.items()},
            clauses=[c.label for c in answer.citations],
            question=digest(answer.question),
            result=digest(answer.model_dump_json()),
        )

    def tool(self, result: ToolResult, *, principal: Principal, request_id: str) -> None:
        """Record a tool result that was asked for directly."""
        self._write(
            "tool",
            principal,
            request_id,
            verdict=result.data.get("verdict"),
            tools=[f"{result.tool}@{result.version}"],
            inputs=result.provenance.inputs,
            result=digest(result.model_dump_json()),
        )

    def completion(
        self, question: str, reply: ChatReply, *, principal: Principal, request_id: str
    ) -> None:
        """Record a reply of the bare model."""
        self._write(
            "completion",
            principal,
            request_id,
            model=reply.model,
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
            question=digest(question),
            result=digest(reply.text),
        )

    def knowledge(self, kind: str, *, principal: Principal, request_id: str, **facts: Any) -> None:
        """Record a read or a change of the knowledge base: which clauses and documents, no text."""
        self._write(kind, principal, request_id, **facts)

    def file(
        self, kind: str, number: str, *, principal: Principal, request_id: str, **facts: Any
    ) -> None:
        """Record that a file was handed in or removed: its id, never its content."""
        self._write(f"file.{kind}", principal, request_id, file=number, **facts)

    def _write(self, kind: str, principal: Principal, request_id: str, **facts: Any) -> None:
        line = json.dumps(
            {
                "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "kind": kind,
                "user": principal.user,
                "request_id": request_id,
                **facts,
            },
            ensure_ascii=False,
        )
        try:
            with self._lock:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._path.touch(mode=0o600)
                with self._path.open("ab") as file:
                    file.write(f"{line}\n".encode())
        except OSError as error:
            raise SetupError(
                f"审计记录无法写入（{error.strerror}），结果未发出",
                mend="检查数据目录的磁盘空间与写权限",
            ) from error
