"""The chat page: boundary upload, streamed answer, clauses to open, tables, map, downloads.

Wires Gradio to the gateway's services; how an answer looks is in `render`, `assets/page.css`.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import gradio as gr

from agents.assistant.graph import STAGES
from cspon.errors import CsponError, InputError
from cspon.schemas.agent import Answer, Event
from serving.access.caller import Caller, caller_of
from serving.access.caller import current as calling
from serving.exports import export_answer, new_token, workspace_of
from serving.openai_schema import MAX_QUESTION
from serving.pages import render
from serving.pages.frame import EXAMPLES, GUIDE, masthead, sample_projects, welcome
from serving.pages.results import Download
from serving.pages.text import esc
from serving.problems import as_api_error, log_unexpected
from serving.services import Services
from serving.streams import Pump
from serving.tools_api import store_boundary

log = logging.getLogger("cspon.serving")

ASSETS = Path(__file__).parent / "assets"
REDRAW_S = 0.08
"""Least seconds between two redraws of a streaming answer."""

KEPT_TURNS = 12
"""Earlier answers kept on the page."""

AT_ONCE = 8
"""Questions answered side by side."""


def build_page(services: Services) -> gr.Blocks:
    """Build the page; nothing is asked of the services before a browser opens it."""
    page = Page(services)
    blocks: gr.Blocks = gr.Blocks(
        title="国土空间规划智能助手", analytics_enabled=False, fill_width=True
    )
    with blocks:
        head = gr.HTML(masthead({}, synthetic=False), elem_id="masthead", apply_default_css=False)
        with gr.Row(elem_id="desk"):
            with gr.Column(elem_id="side", scale=0, min_width=280):
                upload = gr.HTML(
                    None,
                    html_template=(ASSETS / "upload.html").read_text(encoding="utf-8"),
                    js_on_load=(ASSETS / "upload.js").read_text(encoding="utf-8"),
                    elem_id="upload",
                    apply_default_css=False,
                )
                samples = sample_projects(services.settings.layers)
                sample_buttons = _button_list("示例项目", list(samples), "samples")
                example_buttons = _button_list("示例问题", EXAMPLES, "examples")
                gr.HTML(GUIDE, elem_id="guide", apply_default_css=False)
            with gr.Column(elem_id="main", scale=1):
                with gr.Column(elem_id="talk"):
                    earlier = gr.HTML("", elem_id="earlier", apply_default_css=False)
                    current = gr.HTML(welcome(), elem_id="current", apply_default_css=False)
                with gr.Row(elem_id="composer"):
                    question = gr.Textbox(
                        show_label=False,
                        label="问题",
                        placeholder="请输入规划问题，例如：拟建项目选址是否可行？（回车发送，Shift + 回车换行）",
                        lines=1,
                        max_lines=6,
                        max_length=MAX_QUESTION,
                        elem_id="question",
                        autofocus=True,
                        container=False,
                        scale=1,
                    )
                    ask = gr.Button("提问", variant="primary", elem_id="ask", scale=0, min_width=96)
                    stop = gr.Button("停止", elem_id="stop", scale=0, min_width=96, visible=False)
        turns = gr.State({"done": [], "last": ""})
        private: Any = {"api_visibility": "private", "show_progress": "hidden"}
        shown = [current, earlier, question, ask, stop, turns]
        run = gr.on(
            [ask.click, question.submit],
            page.answer,
            [question, upload, turns],
            shown,
            concurrency_limit=AT_ONCE,
            trigger_mode="once",
            **private,
        )
        stop.click(
            page.stopped, [turns], [current, ask, stop], cancels=[run], queue=False, **private
        )
        for button, text in zip(example_buttons, EXAMPLES, strict=True):
            button.click(lambda text=text: text, None, question, queue=False, **private)
        for button, path in zip(sample_buttons, samples.values(), strict=True):
            button.click(page.use_sample(path), None, upload, queue=False, **private)
        blocks.load(page.masthead, None, head, queue=False, **private)
    return blocks


def _button_list(title: str, texts: list[str] | tuple[str, ...], name: str) -> list[gr.Button]:
    if not texts:
        return []
    with gr.Column(elem_id=name, elem_classes="card"):
        gr.HTML(f"<h2>{esc(title)}</h2>", apply_default_css=False)
        return [gr.Button(text, elem_classes="choice", size="sm") for text in texts]


class Page:
    """The page's handlers."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def masthead(self, request: gr.Request) -> str:
        """The head of the page with the present state of every part."""
        caller = _caller(request)
        return masthead(
            await self._services.state(),
            synthetic=self._services.synthetic,
            user=caller.principal.user if caller.key else "",
        )

    def use_sample(self, path: Path) -> Any:
        """Return a handler that takes a sample project as the boundary."""

        def take(request: gr.Request) -> dict[str, Any]:
            user = _caller(request).principal.user
            try:
                with path.open("rb") as file:
                    return store_boundary(self._services, path.name, file, user)
            except CsponError as error:
                return {"error": as_api_error(error).body["message"]}

        return take

    async def stopped(self, turns: dict[str, Any]) -> tuple[Any, Any, Any]:
        """Say that the run was stopped."""
        text = turns["last"] + render.error_block("已停止", "本次回答已按您的要求停止。")
        return text, gr.update(visible=True), gr.update(visible=False)

    async def answer(
        self,
        question: str,
        file: dict[str, Any] | None,
        turns: dict[str, Any],
        request: gr.Request,
    ) -> AsyncGenerator[Any, None]:
        """Stream an answer: what is being done, the text, then tables, clauses, map, downloads."""
        question = question.strip()
        if not question:
            yield [gr.skip()] * 6
            return
        done = [*turns["done"], turns["last"]] if turns["last"] else turns["done"]
        done = done[-KEPT_TURNS:]
        name = file.get("filename") if file else None
        turn = f"t{secrets.token_hex(4)}"
        asked = render.question_block(question, name, turn)
        turns = {"done": done, "last": asked}
        busy = (gr.update(visible=False), gr.update(visible=True))
        yield asked, "".join(done), "", *busy, turns
        last = asked
        async with aclosing(self._turn(question, file, turn, _caller(request))) as blocks:
            async for block in blocks:
                last = asked + block
                yield last, gr.skip(), gr.skip(), gr.skip(), gr.skip(), gr.skip()
        free = (gr.update(visible=True), gr.update(visible=False))
        yield last, gr.skip(), gr.skip(), *free, {"done": done, "last": last}

    async def _turn(
        self, question: str, file: dict[str, Any] | None, turn: str, caller: Caller
    ) -> AsyncGenerator[str, None]:
        """Yield the block below the question, again and again, until the answer is whole."""
        started, view = time.monotonic(), _View(turn)
        principal, request_id = caller.principal, f"ui-{secrets.token_hex(8)}"
        token = new_token()
        calling.set(caller)  # the run's tasks inherit it: their calls of the model are theirs
        try:
            boundary = self._services.uploads.get(file["id"], principal.user).path if file else None
            events = self._services.ask(
                question,
                boundary=boundary,
                workspace=workspace_of(self._services, token),
                principal=principal,
                request_id=request_id,
            )
            with self._services.metrics.run():
                async with Pump(events) as pump:
                    while await view.take(pump):
                        yield view.draw(time.monotonic() - started)
            assert view.end is not None, "a run ends with its answer"
            await self._services.record_answer(view.end, principal=principal, request_id=request_id)
            seconds = time.monotonic() - started
            if view.end.results:
                done = render.steps_block(list(STAGES.values()), None, seconds)
                yield done + render.answer_block(view.end, turn, None)
            yield await self._finished(view.end, turn, boundary, token, seconds)
        except Exception as error:  # noqa: BLE001 - told to the user; a bug is logged
            log_unexpected(error)
            yield _error(error, request_id)

    async def _finished(
        self, answer: Answer, turn: str, boundary: Path | None, token: str, seconds: float
    ) -> str:
        files: list[Download] = []
        problem = ""
        try:
            export = await export_answer(self._services, answer, boundary, token)
            files = [Download.model_validate(f.model_dump(exclude={"name"})) for f in export.files]
        except CsponError as error:
            problem = render.error_block("导出未完成", as_api_error(error).body["message"])
        steps = render.steps_block(list(STAGES.values()), None, seconds)
        return steps + render.answer_block(answer, turn, files) + problem


class _View:
    """What a running answer has shown so far."""

    def __init__(self, turn: str) -> None:
        self._turn, self._stage, self._text = turn, "", ""
        self.end: Answer | None = None

    async def take(self, pump: Pump[Event]) -> bool:
        """Take what comes until it is worth a redraw; False at the end of the run."""
        fresh, since = False, time.monotonic()
        while not fresh or time.monotonic() - since < REDRAW_S:
            try:
                event = await asyncio.wait_for(anext(pump, None), REDRAW_S if fresh else None)
            except TimeoutError:
                return True
            if event is None:
                return False
            fresh = True
            self._text += event.text if event.kind == "delta" else ""
            self.end = event.answer or self.end
            if event.kind == "progress":
                self._stage = event.text
                return True
        return True

    def draw(self, seconds: float) -> str:
        """Render the stages and the text so far."""
        steps = render.steps_block(list(STAGES.values()), self._stage, seconds)
        return steps + render.live_block(self._text, self._turn)


def _caller(request: gr.Request) -> Caller:
    """Return who sits before the page: the gate saw the request that started the event."""
    assert request.request is not None, "an event that a browser started"
    return caller_of(request.request.scope)


def _error(error: Exception, request_id: str) -> str:
    problem = as_api_error(error).body
    title = "边界文件有问题" if isinstance(error, InputError) else "未能回答"
    if not isinstance(error, CsponError):
        return render.error_block(title, "服务内部错误", f"请把编号 {request_id} 告知管理员")
    return render.error_block(title, problem["message"])
