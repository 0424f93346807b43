"""Save an answer as Markdown, JSON and docx, with the reports, maps and data of its tools.

Nothing half-written stays.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from agents.assistant.compose import describe
from agents.assistant.numbers import MARK
from agents.assistant.reports import Saved, Source, save_report
from agents.assistant.surroundings import surroundings
from cspon.errors import CsponError
from cspon.schemas.agent import Answer, Step
from cspon.schemas.knowledge import Citation
from cspon.schemas.spatial import ToolResult
from tools.outputs import published_together
from tools.report import markdown_to_docx

DATA = "导出数据.zip"


def save_answer(
    answer: Answer,
    folder: Path,
    *,
    layers: Path | None = None,
    files: Mapping[str, Path] | None = None,
    workspace: Path | None = None,
) -> list[Saved]:
    """Write `answer.md`, `answer.json`, `answer.docx`, and what each tool makes of its result.

    Args:
        answer: The answer.
        folder: Made when it is not there.
        layers: Folder of the layer catalogue; without it no reports are made.
        files: The files that were asked about, by name.
        workspace: Folder into which tools wrote data; packed into one archive.

    Returns:
        The files in `folder`, those of the whole answer first.

    Raises:
        SetupError: the folder cannot be written (for example a full disk).
    """
    reports: list[Saved] = []
    notices: list[str] = []
    with published_together(folder) as draft:
        if layers is not None and answer.plan is not None:
            source = Source(layers, files or {}, surroundings(layers).versions)
            for number, (result, step) in enumerate(_steps(answer), 1):
                try:
                    saved, told = save_report(result, step, number, draft, source)
                except CsponError as error:  # the answer stands without a report
                    told, saved = [f"“{step.title}”的报告没有写成：{error}"], []
                reports += saved
                notices += told
        if workspace is not None and workspace.is_dir() and any(workspace.iterdir()):
            shutil.make_archive(str((draft / DATA).with_suffix("")), "zip", workspace)
            reports.append(Saved(name=DATA, title="导出的数据（zip）"))
        pictures = [saved for saved in reports if saved.picture]
        text = markdown(answer, notices=notices, pictures=pictures)
        (draft / "answer.md").write_text(text, encoding="utf-8")
        record = json.dumps(answer.model_dump(mode="json"), ensure_ascii=False, indent=1)
        (draft / "answer.json").write_text(record, encoding="utf-8")
        images = {p.name: draft / p.name for p in pictures}
        markdown_to_docx(text, draft / "answer.docx", images=images or None)
    return [
        Saved(name="answer.docx", title="回答 Word"),
        Saved(name="answer.md", title="回答 Markdown"),
        Saved(name="answer.json", title="回答 JSON"),
        *reports,
    ]


def _steps(answer: Answer) -> list[tuple[ToolResult, Step]]:
    """Results with their steps; an answer that was refused on the way has no results."""
    assert answer.plan is not None
    return list(zip(answer.results, answer.plan.steps, strict=False))


def markdown(
    answer: Answer, *, notices: list[str] | None = None, pictures: list[Saved] | None = None
) -> str:
    """Render the whole answer with linked marks and the full text of every clause."""
    parts = [f"# {answer.question}"]
    if answer.refusal:
        parts.append(f"**未作答（{answer.refusal.kind}）**：{answer.refusal.message}")
        if answer.refusal.mend:
            parts.append(answer.refusal.mend)
    all_notices = [*answer.notices, *(notices or [])]
    if all_notices:
        parts.append("\n".join(f"> {notice}" for notice in all_notices))
    if answer.text:
        parts.append(MARK.sub(r"[〔\1〕](#cite-\1)", answer.text))
    if pictures:
        parts.append("## 图")
        parts += [f"![{p.title}]({p.name})" for p in pictures]
    if answer.citations and not answer.refusal:
        parts.append("## 条文原文")
        parts += [_clause(n, citation) for n, citation in enumerate(answer.citations, 1)]
    parts.append(_footer(answer))
    return "\n\n".join(parts) + "\n"


def _clause(number: int, citation: Citation) -> str:
    quote = citation.quote.strip()
    body = "\n".join(f"> {line}" for line in quote.split("\n")) if quote else "> （原文未入库）"
    return f'<a id="cite-{number}"></a>**〔{number}〕{describe(citation)}**\n\n{body}'


def _footer(answer: Answer) -> str:
    lines = [
        f"运行编号 {answer.run_id}，效力按 {answer.asked_on.isoformat()} 判断，"
        f"大模型：{answer.model}。"
    ]
    for result in answer.results:
        made = result.provenance
        inputs = "，".join(f"{name}={value[:19]}" for name, value in made.inputs.items())
        dates = "，".join(f"{name} {value}" for name, value in made.layer_dates.items())
        lines.append(f"工具 {result.tool} {result.version}；输入 {inputs}；图层时点 {dates}。")
    return "---\n\n" + "\n".join(lines)
