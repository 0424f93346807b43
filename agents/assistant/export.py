"""Save an answer as Markdown, JSON, PNG map and docx; nothing half-written stays."""

import json
from pathlib import Path

from agents.assistant.compose import describe
from agents.assistant.grounding import MARK
from cspon.errors import SetupError
from cspon.schemas.agent import Answer
from cspon.schemas.knowledge import Citation
from tools.maps import draw_compliance_map
from tools.outputs import published_together
from tools.report import markdown_to_docx

MAP = "map.png"


def save_answer(
    answer: Answer, folder: Path, *, boundary: Path | None = None, layers: Path | None = None
) -> dict[str, Path]:
    """Write `answer.md`, `answer.json`, `answer.docx` and, for a checked site, `map.png`.

    Args:
        answer: The answer.
        folder: Made when it is not there.
        boundary: The boundary file that was asked about; without it no map is drawn.
        layers: Folder of the layer catalogue.

    Returns:
        Path by kind: md, json, png (when drawn), docx.

    Raises:
        SetupError: the folder cannot be written (for example a full disk).
    """
    files: dict[str, Path] = {}
    notices: list[str] = []
    with published_together(folder) as draft:
        if boundary is not None and layers is not None and answer.results:
            try:
                result = answer.results[0]
                files["png"] = draw_compliance_map(boundary, layers, result, draft / MAP)
            except SetupError as error:  # no Chinese font: the answer stands without a map
                notices.append(f"未能绘制地图：{error.message}")
        text = markdown(answer, notices=notices, with_map="png" in files)
        files["md"] = draft / "answer.md"
        files["md"].write_text(text, encoding="utf-8")
        record = json.dumps(answer.model_dump(mode="json"), ensure_ascii=False, indent=1)
        files["json"] = draft / "answer.json"
        files["json"].write_text(record, encoding="utf-8")
        images = {MAP: files["png"]} if "png" in files else None
        files["docx"] = markdown_to_docx(text, draft / "answer.docx", images=images)
    return {kind: folder / file.name for kind, file in files.items()}


def markdown(answer: Answer, *, notices: list[str] | None = None, with_map: bool = False) -> str:
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
    if with_map:
        parts.append(f"## 图\n\n![控制线合规性检查图]({MAP})")
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
