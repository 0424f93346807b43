"""What stands around the talk: head with the state of the parts, welcome, guide, samples."""

from collections.abc import Mapping
from pathlib import Path

from serving.pages.text import esc
from serving.services import PartState

EXAMPLES = (
    "拟建产业园项目（边界见文件）选址是否可行？占用了哪些控制线，各多少公顷，需要办理什么手续？",
    "提取这块地的规划条件",
    "先在城镇开发边界内给 20 公顷的产业园选址，再检查首选地块的合规性，并给出规划条件",
    "本县城镇居民 15 分钟生活圈覆盖率是多少？",
    "评价本县城镇建设适宜性，并解释为什么城北不适宜",
    "本县有哪些开发保护风险？",
    "生成 2025 年体检评估报告",
    "新旧两版规划城镇开发边界有什么变化？",
    "占用永久基本农田需要什么条件，由谁批准？",
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


def masthead(parts: Mapping[str, PartState], *, synthetic: bool, user: str = "") -> str:
    """The title, one chip for each part, and a strip for what a user must know first.

    Args:
        parts: The state of each part.
        synthetic: The layers are made data.
        user: Who signed in with a key; empty for a person at this machine.
    """
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
        f'<p>CSPON Planner</p></div></div><div class="chips">{chips}{BASE_LINK}{_sign_out(user)}</div>'
        f"</header>{strip}"
    )


def _sign_out(user: str) -> str:
    if not user:
        return ""
    return (
        '<form method="post" action="/logout">'
        f'<button class="chip" title="{esc(user)}">退出 {esc(user)}</button></form>'
    )


def welcome() -> str:
    """What the page can do, before the first question."""
    points = (
        ("查地块", "上传边界，核对控制线、提取规划条件、裁剪并脱敏导出底图底数"),
        ("选地块", "说明面积与约束，得到候选地块的排序和理由，可接着审查首选地块"),
        ("算指标", "指标、体检评估与预警、15 分钟生活圈等可达性、两版规划的变化"),
        ("找依据", "引用法律条文原文，标明施行日期与效力，未入库的明确注明"),
    )
    cards = "".join(f"<li><b>{title}</b><span>{text}</span></li>" for title, text in points)
    return f'<div class="welcome"><h2>请提出规划问题，或先上传项目边界</h2><ul>{cards}</ul></div>'


def sample_projects(layers: Path) -> dict[str, Path]:
    """Find the sample boundaries beside the layers, by name."""
    found = sorted((layers / "projects").glob("*.geojson"))[:4]
    return {SAMPLES.get(path.stem, path.stem): path for path in found}
