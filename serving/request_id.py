"""The id of the request or job that runs, for all that is logged, counted or started on its behalf."""

from contextvars import ContextVar

running: ContextVar[str] = ContextVar("request_id", default="")
"""Set at the gateway's door and at the step of a job; tasks and threads started from there inherit it."""
