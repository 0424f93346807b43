"""What is recorded of a decision: who, which run, which verdict, hashes; never the question itself."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

from cspon.schemas.agent import Answer, Principal
from cspon.schemas.spatial import ToolResult
from llm.chat import ChatReply
from serving.access.caller import LOCAL, Caller, current
from serving.access.secret import server_secret
from serving.audit.chain import Chain


def digest(text: str) -> str:
    """Return `sha256:…` of a text."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


class Audit:
    """The audit file. A line that cannot be written is an error: no decision leaves unrecorded."""

    def __init__(self, path: Path, secret_file: Path) -> None:
        self._chain = Chain(path, lambda: server_secret(secret_file))

    def close(self) -> None:
        """Bring the last lines to disk."""
        self._chain.close()

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

    def relayed(self, caller: Caller, request_id: str, **facts: Any) -> "asyncio.Future[None]":
        """Record a request that an engine answered: which, with how many tokens, and hashes.

        Returns:
            Done when it is on record.
        """
        return self._chain.soon("relayed", _facts(caller.principal, request_id, facts))

    def knowledge(self, kind: str, *, principal: Principal, request_id: str, **facts: Any) -> None:
        """Record a read or a change of the knowledge base: which clauses and documents, no text."""
        self._write(kind, principal, request_id, **facts)

    def guards(
        self, found: dict[str, dict[str, int]], *, principal: Principal, request_id: str
    ) -> "asyncio.Future[None]":
        """Record what the guards found and did: counts by side, action and rule, never a value.

        Returns:
            Done when it is on record.
        """
        return self._chain.soon("guards", _facts(principal, request_id, {"found": found}))

    def job(
        self, kind: str, number: str, *, principal: Principal, request_id: str, **facts: Any
    ) -> None:
        """Record that a job was submitted, cancelled, begun or ended: its id, never its content."""
        self._write(f"job.{kind}", principal, request_id, job=number, **facts)

    def file(
        self, kind: str, number: str, *, principal: Principal, request_id: str, **facts: Any
    ) -> None:
        """Record that a file was handed in or removed: its id, never its content."""
        self._write(f"file.{kind}", principal, request_id, file=number, **facts)

    def sign_in(self, kind: str, *, principal: Principal, request_id: str, **facts: Any) -> None:
        """Record that somebody was signed in or out of the pages, or was not, and why."""
        self._write(f"sign_in.{kind}", principal, request_id, **facts)

    def _write(self, kind: str, principal: Principal, request_id: str, **facts: Any) -> None:
        self._chain.append(kind, _facts(principal, request_id, facts))


def _facts(principal: Principal, request_id: str, facts: dict[str, Any]) -> dict[str, Any]:
    caller = current.get(LOCAL)
    said = {"user": principal.user, "key": caller.key_id, "request_id": request_id}
    if caller.tenant:
        said["tenant"] = caller.tenant
    if caller.case_number:
        said["case"] = caller.case_number
    return {**said, **facts}
