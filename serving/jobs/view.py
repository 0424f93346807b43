"""What a caller sees of a job: from what the queue knows and the events that the job told."""

from typing import TYPE_CHECKING, Any

from serving.jobs.schema import KEEP_S, Job, JobState, Kept, Progress, StepView

if TYPE_CHECKING:
    from dbos import WorkflowStatus

INTERRUPTED = {
    "message": "服务内部错误，请把任务编号告知管理员",
    "type": "server_error",
    "param": None,
    "code": "internal_error",
}


def kept(value: object) -> Kept:
    """Read what the queue keeps of a job."""
    assert isinstance(value, dict)
    return Kept.model_validate(value["args"][0])


def state_of(status: "WorkflowStatus") -> JobState:
    """Return the state of a job."""
    match status.status:
        case "ENQUEUED" | "DELAYED":
            return "queued"
        case "PENDING":
            return "running"
        case "CANCELLED":
            return "cancelled"
        case "SUCCESS" if (status.output or {}).get("state") == "done":
            return "done"
    return "failed"


def shown(
    status: "WorkflowStatus",
    job: Kept,
    events: list[Progress],
    position: int | None,
) -> Job:
    """Return what a caller sees.

    Args:
        status: What the queue knows.
        job: What was asked for.
        events: What the job told.
        position: Jobs that come before it, while it waits.
    """
    state = state_of(status)
    percent = events[-1].percent if events else 0
    ended = None if status.completed_at is None else status.completed_at // 1000
    broken = status.status in ("ERROR", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")
    views = _steps(job, events, state)
    return Job(
        id=status.workflow_id,
        kind=job.kind,
        title=job.title,
        state=state,
        percent=100 if state == "done" else percent,
        text=_text(state, events, position, views),
        position=position,
        steps=views,
        error=INTERRUPTED if broken else None,
        created_at=(status.created_at or 0) // 1000,
        started_at=None if status.dequeued_at is None else status.dequeued_at // 1000,
        ended_at=ended,
        expires_at=None if ended is None else ended + KEEP_S,
        case_number=job.case_number,
        counts=next((e.counts for e in reversed(events) if e.counts), None),
        output=(status.output or {}).get("output") if status.status == "SUCCESS" else None,
    )


def _steps(job: Kept, events: list[Progress], state: JobState) -> tuple[StepView, ...]:
    latest: dict[int, Progress] = {e.step: e for e in events if e.step is not None}
    tools = [s.tool for s in job.steps] or [job.kind] * len(job.titles)
    views = []
    for index, (tool, title) in enumerate(zip(tools, job.titles, strict=True)):
        event = latest.get(index)
        now = event.state if event is not None and event.state else "waiting"
        if now == "running" and state != "running":
            now = "waiting"
        error: dict[str, Any] | None = event.error if event is not None else None
        views.append(StepView(tool=tool, title=title, state=now, error=error))
    return tuple(views)


def _text(
    state: JobState, events: list[Progress], position: int | None, steps: tuple[StepView, ...]
) -> str:
    match state:
        case "queued" if events:
            return "排队等待继续运行"
        case "queued":
            return f"排队中，前面还有 {position} 个任务" if position else "排队中，即将开始"
        case "running":
            return events[-1].text if events else "开始运行"
        case "cancelled":
            return "已取消"
        case "done":
            return "已完成"
    failed = sum(s.state == "failed" for s in steps)
    return f"{len(steps)} 步中有 {failed} 步未完成" if len(steps) > 1 else "未完成"
