"""The work of jobs that run in this process, as the queue asks for it (`serving.jobs.workflow.Work`)."""

import asyncio
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from serving.access.caller import LOCAL, Caller, current
from serving.jobs import batch, ingest, steps
from serving.jobs.attempts import Attempts
from serving.jobs.schema import Kept
from serving.problems import ApiError
from serving.services import Services


class JobWork:
    """What begins, runs and ends the steps of jobs.

    Args:
        services: The gateway's parts.
        folder: Of results; a folder a job.
        inside: The application behind the gate, for the requests of a batch.
    """

    def __init__(self, services: Services, folder: Path, inside: ASGIApp) -> None:
        self._services, self._folder, self._inside = services, folder, inside
        self.stopping = False
        """The gateway ends in good order: what is broken off now is no attempt."""

    def parts(self, job: Kept) -> list[str]:
        """Return the titles of the steps."""
        return list(job.titles)

    async def begun(self, number: str, job: Kept) -> None:
        """Put the start on record."""
        await self._record("start", number, job)

    async def step(self, number: str, job: Kept, index: int) -> dict[str, Any]:
        """Run a step."""
        folder = self._folder / number
        try:
            if job.batch is not None:
                return await batch.run_chunk(
                    self._services, self._inside, number, job, index, folder
                )
            if job.ingest is not None:
                return await ingest.run_part(self._services, number, job, index, folder)
            return await steps.run_step(self._services, number, job, index, folder)
        except asyncio.CancelledError:
            if self.stopping:
                Attempts(folder, index).take_back()
            raise

    async def ended(self, number: str, job: Kept, outcomes: list[dict[str, Any]]) -> dict[str, Any]:
        """Put the end on record."""
        failed = sum("error" in outcome for outcome in outcomes)
        end: dict[str, Any] = {"state": "failed" if failed else "done"}
        if job.batch is not None:
            end["output"] = await asyncio.to_thread(
                batch.hand_over, self._services, number, job, self._folder / number
            )
        await self._record("end", number, job, state=end["state"], failed=failed)
        return end

    async def _record(self, kind: str, number: str, job: Kept, **facts: Any) -> None:
        try:
            caller = steps.caller_of_job(self._services, job)
        except ApiError:  # the key ended: the record names it all the same
            caller = Caller(LOCAL.principal.model_copy(update={"user": ""}))
            facts["ended_key"] = job.key
        current.set(caller)
        await asyncio.to_thread(
            self._services.audit.job, kind, number, principal=caller.principal,
            request_id=job.request_id, **facts,
        )  # fmt: skip
