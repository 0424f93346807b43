"""The page of a review: the text on the left, the findings on the right, each at its place. One file, no network."""

import json
from collections.abc import Mapping
from html import escape
from itertools import pairwise

from agents.review.document import Block, Read
from agents.review.write.forms import GROUPS, statistics, summary
from cspon.schemas.review import Finding, Review, Severity

_Places = dict[tuple[str, int], list[tuple[int, Finding]]]
COLOURS = {Severity.SERIOUS: "#c0392b", Severity.GENERAL: "#b9770e", Severity.HINT: "#2471a3"}


def page(review: Review, read: Read, maps: Mapping[str, str] | None = None) -> str:
    """Return the page as HTML.

    Args:
        review: The review.
        read: The plan text as it was read.
        maps: Small maps as SVG by the id of their finding.
    """
    by_place: _Places = {}
    for number, finding in enumerate(review.findings, 1):
        place = finding.place
        if place is not None and place.file == read.name:
            by_place.setdefault((place.part, place.paragraph), []).append((number, finding))
    parts = []
    for block in read.blocks:
        if block.kind != "cell":
            parts.append(_block(block, by_place))
        elif read.blocks[block.number - 1].table != block.table or block.number == 0:
            parts.append(_table(read, block, by_place))
    rows = "".join(
        _finding(number, f, (maps or {}).get(f.id, ""))
        for number, f in enumerate(review.findings, 1)
    )
    figures = statistics(review)
    filters = "".join(
        f'<label><input type="checkbox" checked value="{s.value}"> {s.value} {figures["severity"][s.value]}</label>'
        for s in Severity
    )
    groups = "".join(
        f'<option value="{escape(g)}">{escape(g)} {n}</option>' for g, n in figures["group"].items()
    )
    left = (
        "".join(f"<li>{escape(n.what)}：{escape(n.why)}</li>" for n in review.not_reviewed)
        or "<li>无</li>"
    )
    return _PAGE.format(
        title=escape("、".join(review.files)), summary=escape(summary(review)), filters=filters, groups=groups,
        text="".join(parts), rows=rows, left=left, colours=json.dumps({k.value: v for k, v in COLOURS.items()}),
        style=_STYLE, script=_SCRIPT,
    )  # fmt: skip


def _table(read: Read, block: Block, by_place: _Places) -> str:
    """Return the table to which a block belongs."""
    assert block.table is not None
    table = read.tables[block.table]
    lines = []
    for number, row in enumerate(table.grid):
        cells = []
        for column, cell in enumerate(row):
            if cell is None or (cell.row, cell.column) != (number, column):
                continue
            span = f' rowspan="{cell.rows}"' if cell.rows > 1 else ""
            span += f' colspan="{cell.columns}"' if cell.columns > 1 else ""
            tag = "th" if number < table.headers else "td"
            inner = "<br>".join(_marks(read.blocks[b], by_place) for b in cell.blocks)
            cells.append(f"<{tag}{span}>{inner}</{tag}>")
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table>{''.join(lines)}</table>"


def _block(block: Block, by_place: _Places) -> str:
    inner = escape(f"{block.label} ") * bool(block.label) + _marks(block, by_place)
    if block.kind == "heading":
        level = min((block.level or 1) + 1, 6)
        return f"<h{level}>{inner}</h{level}>"
    return f'<p class="{block.kind}">{inner}</p>'


def _marks(block: Block, by_place: _Places) -> str:
    """Return the text of a block with its findings marked; where they overlap, by pieces."""
    found = by_place.get((block.anchor.part, block.anchor.paragraph), [])
    if not found:
        return escape(block.text)
    edges = sorted(
        {
            0,
            len(block.text),
            *(e for _, f in found if f.place for e in (f.place.start, f.place.end)),
        }
    )
    pieces = []
    for start, end in pairwise(edges):
        over = [
            (n, f) for n, f in found if f.place and f.place.start <= start and end <= f.place.end
        ]
        words = escape(block.text[start:end])
        if over:
            numbers = " ".join(f"f{n}" for n, _ in over)
            worst = min(over, key=lambda item: list(Severity).index(item[1].severity))[1]
            words = f'<mark class="{numbers}" data-s="{worst.severity.value}" data-f="{over[0][0]}">{words}</mark>'
        pieces.append(words)
    return "".join(pieces)


def _finding(number: int, finding: Finding, drawn: str) -> str:
    group = GROUPS.get(finding.kind.partition(".")[0], finding.kind)
    place = finding.place
    parts = [
        f'<b>{number}. <span class="s" data-s="{finding.severity.value}">{finding.severity.value}</span> {escape(finding.message)}</b>',
        f'<div class="w">{escape(group)} · {escape(place.heading or place.feature or place.file) if place else "全文"}</div>',
    ]
    if finding.evidence:
        parts.append(f"<div>依据：{escape(finding.evidence)}</div>")
    if finding.suggestion:
        parts.append(f"<div>建议：{escape(finding.suggestion)}</div>")
    if finding.also:
        quotes = "；".join(
            (f"“{escape(p.quote[:40])}”" if p.quote else "") + escape(p.feature)
            for p in finding.also[:6]
        )
        parts.append(f'<div class="w">另见：{quotes}</div>')
    if drawn:
        parts.append(drawn)
    if finding.model:
        parts.append(f'<div class="w">由模型 {escape(finding.model)} 判断，请人工核对</div>')
    return (
        f'<li id="r{number}" data-n="{number}" data-s="{finding.severity.value}" data-g="{escape(group)}" '
        f'tabindex="0">{"".join(parts)}</li>'
    )


_STYLE = """
body{margin:0;font:15px/1.75 "Noto Sans CJK SC","Source Han Sans SC","Microsoft YaHei",sans-serif;color:#222;display:grid;
grid-template-columns:minmax(0,1fr) 26rem;height:100vh}
main,aside{overflow:auto;padding:1rem 1.5rem}aside{background:#f6f7f9;border-left:1px solid #ddd}
h1{font-size:1.1rem;margin:.2rem 0}table{border-collapse:collapse;margin:.6rem 0;font-size:13px}td,th{border:1px solid #bbb;padding:.15rem .5rem}
mark{background:#fff3c4;border-bottom:2px solid #b9770e;cursor:pointer}mark.on{outline:2px solid #333}
.note,.box,.header{color:#555;font-size:13px}ol{list-style:none;padding:0;margin:0}
li[data-n]{background:#fff;border:1px solid #ddd;border-radius:6px;padding:.5rem .7rem;margin:.5rem 0;cursor:pointer;font-size:14px;line-height:1.55}
svg.map{width:100%;background:#fafafa;border:1px solid #e3e3e3;margin:.3rem 0}li.on{border-color:#333}.w{color:#666;font-size:12.5px}.s{color:#fff;border-radius:3px;padding:0 .35rem;font-size:12px}
label{margin-right:.8rem}select{margin-top:.4rem}@media(max-width:60rem){body{display:block;height:auto}}
"""
_SCRIPT = """
const rows=[...document.querySelectorAll('li[data-n]')],marks=[...document.querySelectorAll('mark')];
marks.forEach(m=>{m.style.borderColor=C[m.dataset.s]});document.querySelectorAll('.s').forEach(s=>{s.style.background=C[s.dataset.s]});
function on(n){rows.forEach(r=>r.classList.toggle('on',r.dataset.n==n));marks.forEach(m=>m.classList.toggle('on',m.classList.contains('f'+n)));}
rows.forEach(r=>{const go=()=>{on(r.dataset.n);const m=document.querySelector('mark.f'+r.dataset.n);if(m)m.scrollIntoView({block:'center'})};
r.onclick=go;r.onkeydown=e=>{if(e.key=='Enter')go()}});
marks.forEach(m=>m.onclick=()=>{on(m.dataset.f);document.getElementById('r'+m.dataset.f).scrollIntoView({block:'center'})});
function sift(){const s=new Set([...document.querySelectorAll('aside input:checked')].map(i=>i.value)),g=document.querySelector('select').value;
rows.forEach(r=>r.hidden=!(s.has(r.dataset.s)&&(!g||r.dataset.g==g)))}
document.querySelectorAll('aside input,aside select').forEach(i=>i.onchange=sift);
"""
_PAGE = (
    '<!doctype html><html lang="zh"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    "<title>审查：{title}</title><style>{style}</style></head><body><main>{text}</main>"
    "<aside><h1>{title}</h1><p>{summary}</p><div>{filters}</div>"
    '<select aria-label="类别"><option value="">全部类别</option>{groups}</select>'
    "<ol>{rows}</ol><h1>没有审查的内容</h1><ul>{left}</ul></aside>"
    "<script>const C={colours};{script}</script></body></html>"
)
