"""The FastAPI application: routes, middleware and a lifespan that opens the parts.

Nothing is opened at import or by `create_app`; what cannot be opened degrades the service.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from cspon.settings import Settings
from llm.chat import ChatModel
from serving import (
    batches_api,
    exports,
    files_api,
    health,
    jobs_api,
    kb_api,
    kb_documents,
    kb_upload,
    library_api,
    ogc_api,
    ogc_jobs,
    openai_api,
    problems,
    tool_calls,
    tool_results,
    tools_api,
    tracing,
    usage_api,
)
from serving.access.gate import Gate
from serving.assembly import library_place_of
from serving.budget.meter import Meter
from serving.jobs.jobs import open_jobs
from serving.limits import BodyLimit
from serving.mcp.http import McpEndpoint
from serving.openapi import describe
from serving.pages import documents, graph, knowledge, login, oidc
from serving.relay.relay import Relay
from serving.services import Answerer, open_parts, start_services
from serving.streams import ClientGone
from serving.telemetry import Telemetry
from tools.library.place import lies_in


class Gateway(FastAPI):
    """The application behind a front of our own: the gate and the relay come before its routes."""

    front: ASGIApp

    def openapi(self) -> dict[str, Any]:
        """Describe the routes, those before the application included."""
        return describe(self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            await super().__call__(scope, receive, send)
            return
        scope["app"] = self
        await self.front(scope, receive, send)

    async def inside(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request that passed the front."""
        await super().__call__(scope, receive, send)


def create_app(
    settings: Settings,
    *,
    assistant: Answerer | None = None,
    model: ChatModel | None = None,
    ui: bool = False,
) -> Gateway:
    """Make the gateway.

    Args:
        settings: Where model, knowledge base and layers are.
        assistant: Used instead of opening one.
        model: Used instead of `settings.model`.
        ui: Mount the chat page at `/ui`.

    Raises:
        SetupError: `ui` without the extra of that name.
    """
    lies_in(lambda: library_place_of(settings))
    services = start_services(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        traces = tracing.start(settings.otlp) if settings.otlp else None
        try:
            await open_parts(services, assistant=assistant, model=model)
            await jobs.start()
            try:
                async with assistants.run():
                    yield
            finally:
                await jobs.close()
                await services.close()
        finally:
            if traces is not None:
                await asyncio.to_thread(tracing.stop, traces)

    app = Gateway(
        title="CSPON Planner",
        summary="国土空间规划领域大模型与智能体",
        lifespan=lifespan,
        docs_url=None,  # both pages would load scripts from outside
        redoc_url=None,
    )
    app.state.services = services
    app.include_router(health.router)
    app.include_router(openai_api.router)
    app.include_router(tools_api.router)
    app.include_router(tool_calls.router)
    app.include_router(files_api.router)
    app.include_router(tool_results.router)
    app.include_router(exports.router)
    app.include_router(kb_upload.router)
    app.include_router(kb_documents.router)
    app.include_router(kb_api.router)
    app.include_router(library_api.router)
    app.include_router(knowledge.router)
    app.include_router(documents.router)
    app.include_router(graph.router)
    app.include_router(login.router)
    app.include_router(oidc.router)
    app.include_router(usage_api.router)
    app.include_router(jobs_api.router)
    app.include_router(batches_api.router)
    app.include_router(ogc_api.router)
    app.include_router(ogc_jobs.router)
    assistants = McpEndpoint(services)
    app.router.routes.append(Route("/mcp", assistants, methods=["POST"]))
    problems.install(app)
    app.add_exception_handler(ClientGone, _client_gone)
    behind: ASGIApp = BodyLimit(app.inside, max_upload_bytes=services.uploads.max_bytes)
    behind = Relay(Meter(behind, ledger=lambda: services.ledger), parts=services)
    app.state.jobs = jobs = open_jobs(services, behind)
    gate = Gate(
        behind,
        store=services.keys,
        session_secret=services.session_secret,
        auth=settings.auth,
        refused=services.metrics.count_refused,
    )
    app.front = Telemetry(gate, metrics=services.metrics, hsts_days=settings.hsts_days)
    if settings.otlp:
        app.front = tracing.Traced(app.front)
    if ui:
        _mount_pages(app)
    return app


def _mount_pages(app: FastAPI) -> None:
    from cspon.errors import missing_extra

    try:
        import gradio  # noqa: F401
    except ImportError:
        raise missing_extra("gradio", "ui") from None
    from serving.pages.mount import mount_pages

    mount_pages(app)
    app.state.chat_page = True


async def _client_gone(request: Request, error: Exception) -> Response:
    """Nobody reads it; the status is what the log and the counters see."""
    return Response(status_code=499)
