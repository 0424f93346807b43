"""The opinion form (审查意见表) as Word and Excel, and the figures of a review."""

import io
from collections import Counter
from pathlib import Path

from agents.review.check import checks
from cspon.schemas.review import Finding, Review, Severity

COLUMNS = ("序号", "程度", "类别", "位置", "原文", "意见", "依据", "建议", "处理情况")
WIDTHS = (6, 8, 16, 26, 34, 44, 34, 26, 12)
GROUPS = {
    "completeness": "完整性", "numbers": "数字一致性", "citations": "引用", "terms": "用词", "spatial": "空间",
    "logic": "逻辑与政策", "secrecy": "保密", "injection": "异常内容",
}  # fmt: skip
STATUS = {"open": "待核对", "accepted": "采纳", "edited": "修改后采纳", "rejected": "不采纳"}


def statistics(review: Review) -> dict[str, dict[str, int]]:
    """Count findings by severity and by group."""
    kept = [f for f in review.findings if f.status != "rejected"]
    severities = Counter(f.severity.value for f in kept)
    groups = Counter(GROUPS.get(f.kind.partition(".")[0], f.kind) for f in kept)
    return {
        "severity": {s.value: severities.get(s.value, 0) for s in Severity},
        "group": dict(groups.most_common()),
    }


def summary(review: Review) -> str:
    """Say a review in one sentence."""
    counts = statistics(review)["severity"]
    told = "，".join(f"{name} {count} 条" for name, count in counts.items() if count)
    return f"共 {sum(counts.values())} 条意见" + (f"（{told}）" if told else "")


def row_of(number: int, finding: Finding) -> tuple[str, ...]:
    """Return a finding as a row of the form."""
    titles = {check.kind: check.title for check in checks().values()}
    place = finding.place
    where = "全文" if place is None else place.heading or place.sheet or place.feature or place.file
    if place is not None and place.page:
        where += f"，第 {place.page} 页"
    basis = "；".join(
        f"《{b.title}》{b.article or ''}{'' if b.verified else '（未经原文核对）'}"
        for b in finding.basis
    )
    return (
        str(number), finding.severity.value,
        titles.get(finding.kind) or GROUPS.get(finding.kind.partition(".")[0], finding.kind), where,
        place.quote if place else "", finding.message,
        "；".join(filter(None, (finding.evidence, basis))), finding.suggestion,
        STATUS[finding.status] + (f"：{finding.reason}" if finding.reason else ""),
    )  # fmt: skip


def opinion_xlsx(review: Review, path: Path) -> None:
    """Write the form as a workbook: findings, figures, what was not reviewed."""
    from openpyxl import Workbook
    from openpyxl.styles import Alignment, Font

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "审查意见"
    rows = [COLUMNS, *(row_of(n, f) for n, f in enumerate(review.findings, 1))]
    for row in rows:
        sheet.append([_cell(text) for text in row])
    for column, width in enumerate(WIDTHS):
        sheet.column_dimensions["ABCDEFGHI"[column]].width = width
    for line in sheet.iter_rows():
        for cell in line:
            cell.alignment = Alignment(wrap_text=True, vertical="top")
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = sheet.dimensions
    figures = book.create_sheet("统计")
    for group in statistics(review).values():
        for name, count in group.items():
            figures.append([name, count])
        figures.append([])
    missing = book.create_sheet("未审查的内容")
    for left in review.not_reviewed or ():
        missing.append([_cell(left.what), _cell(left.why)])
    draft = io.BytesIO()
    book.save(draft)
    path.write_bytes(draft.getvalue())


def opinion_docx(review: Review, path: Path) -> None:
    """Write the form as a Word file."""
    import docx
    from docx.enum.section import WD_ORIENT
    from docx.oxml.ns import qn
    from docx.shared import Cm, Pt

    document = docx.Document()
    section = document.sections[0]
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = section.page_height, section.page_width
    for side in ("left_margin", "right_margin", "top_margin", "bottom_margin"):
        setattr(section, side, Cm(1.8))
    style = document.styles["Normal"]
    style.font.size, style.font.name = Pt(9), "宋体"
    style.element.rPr.rFonts.set(qn("w:eastAsia"), "宋体")
    document.add_heading("审查意见表", 0)
    document.add_paragraph(f"送审文件：{'、'.join(review.files)}")
    document.add_paragraph(
        f"规划类型：{review.plan_type or '未说明'}　按 {review.reviewed_on} 的效力核对引用"
    )
    document.add_paragraph(summary(review) + "。由程序按规则核对，须经审查人员确认。")
    table = document.add_table(1, len(COLUMNS) - 1, style="Table Grid")
    table.autofit = False
    shown = [n for n in range(len(COLUMNS)) if COLUMNS[n] != "处理情况"]
    widths = [Cm(26 * WIDTHS[n] / sum(WIDTHS[m] for m in shown)) for n in shown]
    for row in [COLUMNS, *(row_of(n, f) for n, f in enumerate(review.findings, 1))]:
        cells = table.rows[0].cells if row is COLUMNS else table.add_row().cells
        for cell, number, width in zip(cells, shown, widths, strict=True):
            cell.width = width
            cell.text = _plain(row[number])
            if row is COLUMNS:
                cell.paragraphs[0].runs[0].bold = True
    document.add_heading("没有审查的内容", 1)
    for left in review.not_reviewed:
        document.add_paragraph(f"{left.what}：{left.why}", style="List Bullet")
    if not review.not_reviewed:
        document.add_paragraph("无。")
    draft = io.BytesIO()
    document.save(draft)
    path.write_bytes(draft.getvalue())


def _cell(text: str) -> str:
    """Return text that a spreadsheet takes for text: no formula begins in a document under review."""
    plain = _plain(text)
    return f"'{plain}" if plain[:1] in ("=", "+", "-", "@") else plain


def _plain(text: str) -> str:
    return "".join(c for c in text if c >= " " or c == "\n")
