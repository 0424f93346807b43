"""Links of the documents lead somewhere, and the file tree of the READMEs is true."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").glob("*.md")]
)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.S | re.M)


def anchor(heading: str) -> str:
    """Return the name that a heading is linked by."""
    plain = re.sub(r"[^\w\- ]", "", heading.strip().lower().replace("`", ""))
    return plain.replace(" ", "-")


def anchors(page: Path) -> set[str]:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    return {anchor(h) for h in re.findall(r"^#{1,6} (.+)$", text, re.M)}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    dead = []
    for target in LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, part = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if (
            not file.is_relative_to(ROOT)
            or not file.exists()
            or (part and file.suffix == ".md" and part not in anchors(file))
        ):
            dead.append(target)
    assert not dead


@pytest.mark.parametrize("page", ["README.md", "README.en.md"])
def test_the_file_tree_is_true(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    tree = re.search(r"```tree\n(.*?)```", text, re.S)
    listed = [line.split()[0] for line in tree.group(1).splitlines() if line.strip()]
    assert [p for p in listed if not (ROOT / p).exists()] == []
    packages = ("cspon", "llm", "knowledge_base", "tools", "agents", "finetune", "eval", "serving")
    parts = [
        f"{file.parent.relative_to(ROOT)}/"
        for package in packages
        for file in [*ROOT.glob(f"{package}/__init__.py"), *ROOT.glob(f"{package}/*/__init__.py")]
    ]
    assert [p for p in parts if p not in listed] == []
