"""Texts of one subject, each restricted in its own way, and the principals who may read some of them."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from cspon.schemas.agent import Principal
from cspon.schemas.base import Secrecy

EDITOR = "知识库管理员"


@dataclass(frozen=True)
class Text:
    """A text: its title and a word that stands nowhere else."""

    name: str
    title: str
    word: str
    aim: str
    """Words of its own in every article, so that no two hits are a tie."""
    secrecy: Secrecy = Secrecy.PUBLIC
    department: str | None = None
    roles: tuple[str, ...] = ()
    more: str = ""


TEXTS = (
    Text("open", "甲市矿坑修复管理办法", "青石料场", "保护山体与水系"),
    Text(
        "internal",
        "乙市矿坑修复工作规程",
        "赤铜料场",
        "统一内部工作程序",
        secrecy=Secrecy.INTERNAL,
        more="\n\n第五条 本规程依照《甲市矿坑修复管理办法》第二条制定。",
    ),
    Text(
        "sensitive",
        "丙市矿坑修复要点规定",
        "玄铁料场",
        "控制知悉范围",
        secrecy=Secrecy.SENSITIVE,
        more="\n\n第五条 依照《甲市矿坑修复管理办法》第二条办理。\n\n"
        "第六条 本规定自2025年3月1日起施行，《甲市矿坑修复管理办法》同时废止。",
    ),
    Text("department", "丁市矿坑修复实施细则", "白银料场", "明确科室职责分工", department="规划科"),
    Text("role", "戊市矿坑修复评审规则", "黄金料场", "规范专家评审意见", roles=("评审专家",)),
)

PRINCIPALS = {
    "public": Principal(user="public", clearance=Secrecy.PUBLIC),
    "internal": Principal(user="internal"),
    "cleared": Principal(user="cleared", clearance=Secrecy.SENSITIVE),
    "member": Principal(user="member", departments=("规划科",)),
    "expert": Principal(user="expert", roles=("评审专家",)),
    "editor": Principal(user="editor", roles=(EDITOR,)),
    "chief": Principal(
        user="chief",
        clearance=Secrecy.SENSITIVE,
        departments=("规划科",),
        roles=("评审专家", EDITOR),
    ),
}

READABLE = {
    "public": {"open"},
    "internal": {"open", "internal"},
    "cleared": {"open", "internal", "sensitive"},
    "member": {"open", "internal", "department"},
    "expert": {"open", "internal", "role"},
    "editor": {"open", "internal"},
    "chief": {"open", "internal", "sensitive", "department", "role"},
}
"""Written out by hand: the rule itself must not be what checks it."""


def embedder():
    """The deterministic embedder of the knowledge base's tests."""
    path = Path(__file__).parents[1] / "knowledge_base" / "conftest.py"
    spec = importlib.util.spec_from_file_location("knowledge_base_conftest", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.HashingEmbedder()


def write(folder: Path, text: Text) -> Path:
    """Write a text as a regulation of four articles."""
    path = folder / f"{text.title}.md"
    path.write_text(
        f"# {text.title}\n\n第一条 为了规范{text.word}的矿坑修复，{text.aim}，制定本规定。\n\n"
        f"第二条 矿坑修复应当编制修复方案，方案报{text.word}所在地主管部门批准，{text.aim}。\n\n"
        f"第三条 {text.word}未按方案实施矿坑修复的，责令限期改正；{text.aim}的，从轻处理。\n\n"
        f"第四条 本规定自2024年1月1日起施行。{text.more}\n",
        encoding="utf-8",
    )
    return path


def build(home: Path, texts) -> Path:
    """Build a base of the texts in `home/kb`."""
    from knowledge_base.ingest.build import add_paths

    folder = home / "sources"
    folder.mkdir()
    for text in texts:
        add_paths(
            home / "kb",
            [write(folder, text)],
            embedder=embedder(),
            secrecy=text.secrecy,
            department=text.department,
            roles=text.roles,
        )
    return home
