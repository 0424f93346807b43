"""What a job that has ended gave: the reply of each step, or the report of an ingest."""

import json
from pathlib import Path
from typing import Any

from serving.jobs import ingest
from serving.jobs.schema import Job
from serving.problems import ApiError


def result_of(folder: Path, job: Job) -> dict[str, Any]:
    """Return the result of a job that was not cancelled.

    Args:
        folder: Of the job.
        job: The job.

    Raises:
        ApiError: the error of its only call, or why nothing was taken in.
    """
    if job.kind == "ingest":
        if (report := ingest.report_of(folder)) is not None:
            return report
        errors = [step.error for step in job.steps if step.error]
        raise _as_raised(errors[0] if errors else job.error or {})
    if len(job.steps) == 1 and (error := job.steps[0].error or job.error):
        raise _as_raised(error)
    replies = _replies(folder, job)
    return replies[0] if len(replies) == 1 else {"object": "list", "data": replies}


def _replies(folder: Path, job: Job) -> list[dict[str, Any]]:
    replies: list[dict[str, Any]] = []
    for index, step in enumerate(job.steps):
        file = folder / f"{index}.json"
        if step.state == "done" and file.is_file():
            replies.append(json.loads(file.read_text(encoding="utf-8")))
        else:
            replies.append({"error": step.error or job.error})
    return replies


def _as_raised(error: dict[str, Any]) -> ApiError:
    statuses = {"invalid_input": 422, "invalid_arguments": 400, "tool_timeout": 504}
    known = {"not_found_error": 404, "permission_error": 403, "rate_limit_error": 429}
    status = statuses.get(error.get("code") or "") or known.get(error.get("type") or "", 500)
    raised = ApiError(status, str(error.get("message")))
    raised.body = error
    return raised
