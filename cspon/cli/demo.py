"""`cspon demo`: set up what is missing, then answer a planner's question end to end."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from cspon.cli.assembly import open_assistant, say, start_engine
from cspon.errors import SetupError
from cspon.schemas.agent import Answer
from cspon.settings import ROOT, Settings, load_settings
from serving.assembly import open_embedder

QUESTION = (
    "拟建产业园项目（边界见文件）选址是否可行？占用了哪些控制线，各多少公顷，需要办理什么手续？"
)
PROJECT = Path("projects") / "2_conflict.txt"


def command(
    model: Annotated[str | None, typer.Option(help="对话模型 provider:model，none 为不用")] = None,
    out: Annotated[Path, typer.Option(help="答案的输出目录")] = ROOT / "var" / "demo",
) -> int:
    """演示：生成合成县与法规库，启动模型，回答一个真实的规划问题."""
    started = time.perf_counter()
    settings = load_settings(model=model)
    times: dict[str, float] = {}
    with _step(times, "[2/5] 演示县（合成数据）"):
        _county(settings)
    with _step(times, "[3/5] 法规库"):
        _laws(settings)
    with _step(times, "[4/5] 大模型"):
        _engine(settings)
    say("[5/5] 提问")
    say(f"问：{QUESTION}")
    boundary = settings.layers / PROJECT
    say(f"边界：{_short(boundary)}\n")
    asked = time.perf_counter()
    answer = _ask(settings, boundary)
    times["提问与回答"] = time.perf_counter() - asked
    from agents.assistant.export import save_answer

    with _step(times, "\n保存答案"):
        saved = save_answer(answer, out, files={"boundary": boundary}, layers=settings.layers)
        files = {one.name: out / one.name for one in saved}
    _goodbye(answer, files, times, time.perf_counter() - started)
    return 0 if answer.refusal is None else 2


@contextmanager
def _step(times: dict[str, float], title: str) -> Iterator[None]:
    say(title)
    started = time.perf_counter()
    yield
    times[title.strip().split("] ")[-1]] = time.perf_counter() - started


def _county(settings: Settings) -> None:
    from tools.demo_county.generate import generate_county

    generate_county(settings.layers, progress=lambda text: say(f"      {text}"))


def _laws(settings: Settings) -> None:
    from knowledge_base.ingest.build import build_laws

    report = build_laws(
        settings.kb_dir,
        laws_list=settings.laws_list,
        laws_db=settings.laws_db,
        embedder=open_embedder(settings),
        progress=lambda text: say(f"      {text}"),
    )
    say(
        f"      {report.documents} 部、{report.passages} 条；新计算向量 {report.embedded} 条，"
        f"用时 {report.seconds:.1f} 秒"
    )
    for notice in report.notices:
        say(f"      注意：{notice}")


def _engine(settings: Settings) -> None:
    if not settings.model.startswith("embedded:"):
        say(f"      使用 {settings.model}")
        return
    try:
        start_engine(settings, progress=lambda text: say(f"      {text}"))
    except SetupError as error:
        say(f"      注意：大模型不可用，改为不用大模型。{error}")


def _ask(settings: Settings, boundary: Path) -> Answer:
    with open_assistant(settings, progress=lambda text: None) as assistant:

        async def run() -> Answer:
            answer = None
            async for event in assistant.stream(QUESTION, boundary=boundary):
                if event.kind == "delta":
                    typer.echo(event.text, nl=False)
                answer = event.answer or answer
            assert answer is not None, "a run ends with its answer"
            return answer

        return asyncio.run(run())


def _goodbye(answer: Answer, files: dict[str, Path], times: dict[str, float], total: float) -> None:
    for notice in answer.notices:
        say(f"注意：{notice}")
    if answer.refusal:
        say(f"未作答（{answer.refusal.kind}）：{answer.refusal.message}")
    say("答案文件：" + "，".join(str(_short(path)) for path in files.values()))
    say("用时：" + "，".join(f"{name} {value:.1f} 秒" for name, value in times.items()))
    seconds = answer.usage.seconds
    say(
        "      其中回答："
        + "，".join(f"{node} {value:.2f}" for node, value in seconds.items())
        + f"；大模型调用 {answer.usage.model_calls} 次，合计 {total:.1f} 秒"
    )
    say(
        "\n接下来：\n"
        "  .venv/bin/cspon serve --ui            打开聊天页（浏览器访问 http://127.0.0.1:8765/ui）\n"
        "  .venv/bin/cspon ask 征收耕地多少公顷要报国务院批准？\n"
        "  .venv/bin/cspon kb add 文件夹          把本单位的法规、标准、规划文本入库\n"
        "  .venv/bin/cspon check 边界文件         只做控制线合规性检查\n"
        "  .venv/bin/cspon engine stop           停止嵌入式大模型"
    )


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
