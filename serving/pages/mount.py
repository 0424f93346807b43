"""Mount the pages at `/ui`, with only those Gradio routes that they need.

Gradio brings routes that read files, proxy to other hosts, connect to outside accounts or upload
without our checks. None of them is used here, so none answers.
"""

import os
import re
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

ASSETS = Path(__file__).parent / "assets"
PATH = "/ui"

NEEDED = re.compile(
    r"/(|config|theme\.css|manifest\.json|favicon\.ico|assets/.+|static/.+|svelte/.+"
    r"|gradio_api/(info|theme\.css|startup-events|queue/(join|data)|run/predict|cancel|reset"
    r"|heartbeat/[A-Za-z0-9_]+))/?"
)
"""Paths below `/ui` that the page itself requests."""


class OnlyNeeded:
    """ASGI middleware: the rest of Gradio's routes is not there."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        path = scope.get("path", "")
        inside = path.startswith(f"{PATH}/")
        if inside and (".." in path or not NEEDED.fullmatch(path.removeprefix(PATH))):
            await Response("Not Found", 404)(scope, receive, send)
            return
        await self.app(scope, receive, send)


def mount_pages(app: FastAPI) -> None:
    """Add the chat page and what a browser asks for beside it."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # before gradio is imported
    import gradio as gr

    from serving.pages.chat import build_page
    from serving.pages.theme import theme

    head = f"<script>{(ASSETS / 'page.js').read_text(encoding='utf-8')}</script>"
    gr.mount_gradio_app(
        app,
        build_page(app.state.services),
        path=PATH,
        footer_links=[],
        run_history=False,
        show_error=False,
        max_file_size=1,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=theme(),
        css=(ASSETS / "page.css").read_text(encoding="utf-8"),
        head=head,
    )
    app.add_middleware(OnlyNeeded)
    app.add_api_route("/", _to_page, include_in_schema=False)
    app.add_api_route("/favicon.ico", _icon, include_in_schema=False)
    app.add_api_route("/manifest.json", _manifest, include_in_schema=False)


async def _to_page(request: Request) -> RedirectResponse:
    return RedirectResponse(f"{PATH}/")


async def _icon() -> Response:
    return Response((ASSETS / "icon.svg").read_bytes(), media_type="image/svg+xml")


async def _manifest() -> dict[str, str]:
    return {"name": "国土空间规划智能助手", "start_url": f"{PATH}/"}
