import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"(?<!\!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")


def documents():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    return [ROOT / name for name in listed if not name.startswith("tests/")]


def slug(heading):
    text = re.sub(r"[`*_]", "", heading.strip().lower())
    return re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", text))


def test_there_are_documents():
    names = {path.name for path in documents()}
    assert {
        "README.md",
        "README.en.md",
        "CHANGELOG.md",
        "architecture.md",
        "benchmarks.md",
    } <= names


@pytest.mark.parametrize("path", documents(), ids=lambda p: str(p.relative_to(ROOT)))
def test_no_link_is_dead(path):
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.S)
    for match in LINK.finditer(text):
        target = match[1] or match[2]
        if re.match(r"https?://|mailto:", target):
            continue
        name, _, anchor = target.partition("#")
        linked = (path.parent / name).resolve() if name else path
        assert linked.exists(), f"{path.name}: {target}"
        if anchor and linked.suffix == ".md":
            headings = re.findall(r"^#+ (.+)$", linked.read_text(encoding="utf-8"), flags=re.M)
            assert anchor in {slug(h) for h in headings}, f"{path.name}: {target}"


@pytest.mark.parametrize("name", ["README.md", "README.en.md"])
def test_the_file_tree_of_the_readme_is_true(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    block = re.search(r"```tree\n(.*?)```", text, flags=re.S)
    assert block, f"{name} has no ```tree block"
    listed = [line.split()[0] for line in block[1].splitlines() if line.strip()]
    assert len(listed) > 40
    missing = [entry for entry in listed if not (ROOT / entry).exists()]
    assert missing == []
    tracked = {
        p.split("/")[0] + ("/" if "/" in p else "")
        for p in subprocess.run(
            ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.splitlines()
    }
    tops = {entry.split("/")[0] + ("/" if "/" in entry else "") for entry in listed}
    assert {t for t in tracked if t.endswith("/") and not t.startswith(".")} <= tops


def test_no_machine_path_or_registry_address_is_committed():
    pattern = r"(^|[^a-z])/(w[o]rk|o[p]t)/[a-z.-]+/|https?://[^ ]*/simple(/|$)"
    found = subprocess.run(
        ["git", "grep", "-nIE", pattern, "--", "."], cwd=ROOT, capture_output=True, text=True
    )
    assert found.stdout == ""
