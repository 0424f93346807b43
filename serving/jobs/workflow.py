"""The job as a DBOS workflow: its steps in order, each finished step recorded, progress in a stream.

What happened once is not repeated when the workflow begins again after a crash: the outcome of each
finished step and each event of progress is in the database. Changing the order or the names of the
steps needs a new `serving.jobs.store.VERSION`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from dbos import DBOS

from serving.jobs.schema import Kept, Progress
from serving.jobs.store import PROGRESS, WORKFLOW

log = logging.getLogger("cspon.serving")


class Work(Protocol):
    """What does the work of a job; runs where the gateway runs."""

    def parts(self, job: Kept) -> list[str]:
        """Return the titles of the steps."""
        ...

    async def begun(self, number: str, job: Kept) -> None:
        """Put the start on record."""
        ...

    async def step(self, number: str, job: Kept, index: int) -> dict[str, Any]:
        """Run a step; returns its outcome, with `error` where it failed."""
        ...

    async def ended(self, number: str, job: Kept, outcomes: list[dict[str, Any]]) -> dict[str, Any]:
        """Put the end on record; returns the state and what belongs to the job as a whole."""
        ...


class Bound:
    """The work of this process and the loop that it runs on; DBOS runs jobs on a loop of its own."""

    def __init__(self) -> None:
        self.work: Work | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.active: set[str] = set()

    @contextmanager
    def running(self, number: str) -> Iterator[None]:
        """Know that a job runs in this process."""
        self.active.add(number)
        try:
            yield
        finally:
            self.active.discard(number)

    async def on_loop(self, number: str, do: Callable[[Work], Awaitable[Any]]) -> Any:
        """Do something for a job on the gateway's loop; cancelled there when it is cancelled here.

        Raises:
            asyncio.CancelledError: it failed. Any other error would be recorded as the outcome of the
                step, and raised again at each later run instead of running it.
        """
        assert self.work is not None and self.loop is not None

        async def there() -> Any:
            return await do(work)

        work = self.work
        try:
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(there(), self.loop))
        except Exception as error:
            raise _interrupted(number, error) from error


bound = Bound()


@DBOS.workflow(name=WORKFLOW, max_recovery_attempts=None)
async def run(job: dict[str, Any]) -> dict[str, Any]:
    """Run a job.

    A failure of the store or the disk leaves the job as it is: it goes on from the last finished
    step when it is put back in the line.
    """
    number = str(DBOS.workflow_id)
    with bound.running(number):
        try:
            return await _run(number, Kept.model_validate(job))
        except Exception as error:
            raise _interrupted(number, error) from error


def _interrupted(number: str, error: Exception) -> asyncio.CancelledError:
    """Tell of it, and return what is recorded as neither done nor failed."""
    log.error("job interrupted", exc_info=error, extra={"facts": {"job": number}})
    return asyncio.CancelledError()


async def _run(number: str, job: Kept) -> dict[str, Any]:
    assert bound.work is not None
    titles = bound.work.parts(job)
    await DBOS.run_step_async({"name": "begin"}, _begin, number, job)
    outcomes: list[dict[str, Any]] = []
    for index, title in enumerate(titles):
        place = f"第 {index + 1} 步，共 {len(titles)} 步：{title}" if len(titles) > 1 else title
        await _say(Progress(
            percent=100 * index // len(titles), text=f"正在运行 {place}", step=index, state="running",
        ))  # fmt: skip
        outcome: dict[str, Any] = await DBOS.run_step_async(
            {"name": f"step-{index}", "preemptible": True}, _step, number, job, index
        )
        outcomes.append(outcome)
        failed = "error" in outcome
        await _say(Progress(
            percent=100 * (index + 1) // len(titles),
            text=f"{'未完成' if failed else '已完成'} {place}",
            step=index,
            state="failed" if failed else "done",
            error=outcome.get("error"),
            secrecy=outcome.get("secrecy"),
            counts=outcome.get("counts"),
        ))  # fmt: skip
    end: dict[str, Any] = await DBOS.run_step_async({"name": "end"}, _end, number, job, outcomes)
    return end


async def _say(event: Progress) -> None:
    await DBOS.write_stream_async(PROGRESS, event.model_dump(mode="json", exclude_none=True))


async def _begin(number: str, job: Kept) -> None:
    await bound.on_loop(number, lambda work: work.begun(number, job))


async def _step(number: str, job: Kept, index: int) -> dict[str, Any]:
    outcome: dict[str, Any] = await bound.on_loop(
        number, lambda work: work.step(number, job, index)
    )
    return outcome


async def _end(number: str, job: Kept, outcomes: list[dict[str, Any]]) -> dict[str, Any]:
    end: dict[str, Any] = await bound.on_loop(
        number, lambda work: work.ended(number, job, outcomes)
    )
    return end
