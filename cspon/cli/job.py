"""`cspon job`: long work at a running gateway: submit, list, show, cancel."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from cspon.cli.assembly import say
from cspon.errors import InputError, SetupError
from cspon.settings import load_settings

app = typer.Typer(help="任务：提交、列表、查看、取消（须先运行 cspon serve）", no_args_is_help=True)

KEY_VARIABLE = "CSPON_KEY"
LONGEST = len("job-") + 32
STATES = {
    "queued": "排队",
    "running": "运行",
    "done": "完成",
    "failed": "未完成",
    "cancelled": "已取消",
}

JsonOption = Annotated[bool, typer.Option("--json", help="标准输出为 JSON")]
UrlOption = Annotated[str, typer.Option("--url", help="服务地址，默认为本机的 cspon serve")]
JobArgument = Annotated[str, typer.Argument(help="任务编号（job-…）", metavar="编号")]


@app.command("submit")
def submit(
    tool: Annotated[str, typer.Argument(help="工具名称，如 dual_evaluation", metavar="工具")],
    arguments: Annotated[
        str, typer.Option("--arguments", help="参数（JSON 对象），或 @文件名")
    ] = "{}",
    files: Annotated[bool, typer.Option("--files", help="另做报告、图和图层")] = False,
    again: Annotated[
        str, typer.Option("--idempotency-key", help="重发同一请求时不变，不会重复运行")
    ] = "",
    wait: Annotated[bool, typer.Option("--wait", help="等到结束，显示进度，输出结果")] = False,
    url: UrlOption = "",
    as_json: JsonOption = False,
) -> int:
    """提交任务：一次工具调用；服务重启、断电后接着运行."""
    body = {"tool": tool, "arguments": _arguments(arguments), "files": files}
    headers = {"idempotency-key": again} if again else {}
    with _client(url) as client:
        job = _asked(client, "POST", "/v1/jobs", json=body, headers=headers)
        if not wait:
            _show(job, as_json, number_only=True)
            return 0
        end = _follow(client, job["id"])
        if end["state"] != "done":
            _show(end, as_json)
            return 1
        print(json.dumps(_asked(client, "GET", f"/v1/jobs/{job['id']}/result"), ensure_ascii=False))
    return 0


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option("--limit", min=1, max=100, help="最多几个")] = 20,
    url: UrlOption = "",
    as_json: JsonOption = False,
) -> None:
    """列出自己的任务，新的在前."""
    with _client(url) as client:
        jobs = _asked(client, "GET", f"/v1/jobs?limit={limit}")["data"]
    if as_json:
        print(json.dumps(jobs, ensure_ascii=False, indent=1))
        return
    if not jobs:
        say("没有任务")
        return
    from datetime import datetime

    from rich.console import Console
    from rich.table import Column, Table

    number = Column("编号", no_wrap=True, min_width=LONGEST)
    table = Table(number, "名称", "状态", "进度", "说明", "提交时间")
    for job in jobs:
        sent = datetime.fromtimestamp(job["created_at"]).astimezone()
        table.add_row(
            job["id"], job["title"], STATES[job["state"]], f"{job['percent']}%", job["text"],
            f"{sent:%m-%d %H:%M}",
        )  # fmt: skip
    Console().print(table)


@app.command("show")
def show(
    job: JobArgument,
    result: Annotated[bool, typer.Option("--result", help="输出结果（JSON）")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="等到结束，显示进度")] = False,
    url: UrlOption = "",
    as_json: JsonOption = False,
) -> int:
    """查看任务的进度、各步状态和错误；--result 输出结果."""
    with _client(url) as client:
        if wait:
            _follow(client, job)
        found = _asked(client, "GET", f"/v1/jobs/{job}")
        if result:
            said = _asked(client, "GET", f"/v1/jobs/{job}/result")
            print(json.dumps(said, ensure_ascii=False))
        else:
            _show(found, as_json)
    return 1 if found["state"] == "failed" else 0


@app.command("cancel")
def cancel(job: JobArgument, url: UrlOption = "", as_json: JsonOption = False) -> None:
    """取消任务：排队的不再运行，运行中的几秒内停止."""
    with _client(url) as client:
        _show(_asked(client, "POST", f"/v1/jobs/{job}/cancel"), as_json)


def _arguments(text: str) -> dict[str, Any]:
    if text.startswith("@"):
        try:
            text = Path(text[1:]).read_text(encoding="utf-8")
        except OSError as error:
            raise InputError("读不了参数文件", file=text[1:], mend="核对文件名") from error
    try:
        said = json.loads(text)
    except ValueError as error:
        raise InputError(
            "--arguments 不是有效的 JSON", mend='例如 --arguments \'{"area_code": "…"}\''
        ) from error
    if not isinstance(said, dict):
        raise InputError("--arguments 应为 JSON 对象", mend='例如 --arguments "{}"')
    return said


def _client(url: str) -> Any:
    import httpx

    settings = load_settings()
    key = os.environ.get(KEY_VARIABLE, "")
    headers = {"authorization": f"Bearer {key}"} if key else {}
    base = url or f"http://{settings.host}:{settings.port}"
    return httpx.Client(base_url=base, headers=headers, timeout=60, trust_env=False)


def _asked(client: Any, method: str, path: str, **more: Any) -> dict[str, Any]:
    """Return the answer of the gateway.

    Raises:
        SetupError: nobody answers, or a key is needed.
        InputError: what the gateway refuses, with its reason.
    """
    import httpx

    try:
        reply = client.request(method, path, **more)
    except httpx.TransportError as error:
        raise SetupError(
            f"服务 {client.base_url} 没有应答", mend="先运行 cspon serve，或用 --url 指定地址"
        ) from error
    try:
        said = reply.json()
    except ValueError:
        raise SetupError(f"{client.base_url} 不是本系统的服务", mend="用 --url 指定地址") from None
    if reply.status_code < 400:
        answer: dict[str, Any] = said
        return answer
    message = said["error"]["message"]
    if reply.status_code == 401:
        raise SetupError(message, mend=f"把密钥写在环境变量 {KEY_VARIABLE}")
    raise InputError(message)


def _follow(client: Any, number: str) -> dict[str, Any]:
    """Tell the progress until a job has ended; go on when the connection breaks."""
    import time

    import httpx

    last = ""
    for pause in (1, 2, 4, 8, 8, 8):
        headers = {"last-event-id": last} if last else {}
        try:
            with client.stream("GET", f"/v1/jobs/{number}/events", headers=headers) as reply:
                if reply.status_code != 200:
                    break
                kind = ""
                for line in reply.iter_lines():
                    name, _, value = line.partition(": ")
                    last = value if name == "id" else last
                    kind = value if name == "event" else kind
                    if name == "data":
                        said: dict[str, Any] = json.loads(value)
                        if kind == "end":
                            return said
                        print(f"{said['percent']:3d}% {said['text']}", file=sys.stderr)
        except httpx.TransportError:
            time.sleep(pause)
    return _asked(client, "GET", f"/v1/jobs/{number}")


def _show(job: dict[str, Any], as_json: bool, *, number_only: bool = False) -> None:
    if as_json:
        print(json.dumps(job, ensure_ascii=False, indent=1))
        return
    say(f"{job['title']}：{STATES[job['state']]} {job['percent']}%，{job['text']}")
    for step in job["steps"] if not number_only else ():
        if step["error"]:
            say(f"✗ {step['title']}：{step['error']['message']}")
    if number_only:
        print(job["id"])
