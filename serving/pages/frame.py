"""What stands around the talk: head with the state of the parts, welcome, guide, samples."""

from collections.abc import Mapping
from pathlib import Path

from serving.pages.text import esc
from serving.services import PartState

EXAMPLES = (
    "拟建产业园项目（边界见文件）选址是否可行？占用了哪些控制线，各多少公顷，需要办理什么手续？",
    "占用永久基本农田需要什么条件，由谁批准？",
    "生态保护红线内允许哪些活动？",
    "农用地转为建设用地的审批权限是怎样规定的？",
)
SAMPLES = {
    "1_clean": "项目一：不涉及控制线",
    "2_conflict": "项目二：占用永久基本农田与红线",
    "3_partly_outside": "项目三：部分在开发边界外",
}
"""Names of the demo county's projects."""

PARTS = {"model": "大模型", "store": "法规库", "layers": "图层"}

GUIDE = """
<div class="guide">
  <p>结论由确定性工具给出，大模型只作解释；每条规定附经核验的条文，每个数字来自工具结果。</p>
  <p>本页不访问任何外部网络。结果供规划人员参考，不替代法定审查。</p>
</div>
"""

MARK = (
    '<svg viewBox="0 0 32 32" aria-hidden="true"><path d="M5 23 13 9l6 9 3-4 5 9z" fill="none" '
    'stroke="currentColor" stroke-width="1.8" stroke-linejoin="round"/>'
    '<circle cx="23.5" cy="8" r="2.2" fill="#c9a45c"/></svg>'
)


BASE_LINK = '<a class="chip" href="/kb" target="_blank" rel="noopener">打开知识库</a>'


def masthead(parts: Mapping[str, PartState], *, synthetic: bool) -> str:
    """The title, one chip for each part, and a strip for what a user must know first."""
    chips = "".join(
        f'<span class="chip {"on" if part.ok else "off"}" title="{esc(part.detail)}">'
        f"<i></i>{esc(PARTS[name])}：{'可用' if part.ok else '不可用'}</span>"
        for name, part in parts.items()
    )
    strips = [f"{PARTS[name]}不可用：{part.detail}" for name, part in parts.items() if not part.ok]
    if synthetic:
        strips.append("当前图层为合成数据，仅供演示，不得用于实际业务。")
    lines = "".join(f"<p>{esc(strip)}</p>" for strip in strips)
    strip = f'<div class="strip" role="status">{lines}</div>' if lines else ""
    return (
        f'<header class="mast"><div class="brand">{MARK}<div><h1>国土空间规划智能助手</h1>'
        f'<p>CSPON Planner</p></div></div><div class="chips">{chips}{BASE_LINK}</div></header>{strip}'
    )


def welcome() -> str:
    """What the page can do, before the first question."""
    points = (
        ("查选址", "上传项目边界，逐一核对永久基本农田、生态保护红线、城镇开发边界"),
        ("算面积", "按第三次国土调查椭球面积公式，分控制线、分地类列出公顷与亩"),
        ("找依据", "引用法律条文原文，标明施行日期与效力，未入库的明确注明"),
        ("出成果", "结论、图、表一次导出为 Word、Markdown、JSON 与 PNG"),
    )
    cards = "".join(f"<li><b>{title}</b><span>{text}</span></li>" for title, text in points)
    return f'<div class="welcome"><h2>请提出规划问题，或先上传项目边界</h2><ul>{cards}</ul></div>'


def sample_projects(layers: Path) -> dict[str, Path]:
    """Find the sample boundaries beside the layers, by name."""
    found = sorted((layers / "projects").glob("*.geojson"))[:4]
    return {SAMPLES.get(path.stem, path.stem): path for path in found}
