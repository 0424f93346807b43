import json

import numpy as np
import pytest

from cspon.cli import kb_files
from cspon.cli.main import run


class OneHot:
    name, dim = "onehot:test", 384

    def embed_query(self, text):
        return np.eye(self.dim, dtype=np.float32)[len(text) % self.dim]

    def embed_passages(self, texts):
        return np.stack([self.embed_query(t) for t in texts])


@pytest.fixture
def kb(tmp_path, monkeypatch, capsys):
    """Run `cspon kb …`; returns exit code, stdout and stderr."""
    monkeypatch.setenv("CSPON_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("cspon.cli.kb.open_embedder", lambda settings: OneHot())
    monkeypatch.setattr("cspon.cli.kb_files.open_embedder", lambda settings: OneHot())
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        code = run(["kb", *arguments])
        out = capsys.readouterr()
        return code, out.out, out.err

    return call


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "files" / "方案.md"
    path.parent.mkdir()
    path.write_text("# 湿地保护方案\n\n## 一、目标\n\n保护湿地。\n", encoding="utf-8")
    return path


def test_files_are_added_with_level_department_and_roles(kb, plan):
    options = (
        "--secrecy",
        "内部",
        "--department",
        "湿地处",
        "--role",
        "审查员",
        "--role",
        "管理员",
    )
    code, out, err = kb("add", str(plan), *options, "--workers", "0", "--no-ocr")
    assert code == 0
    assert "新增 1 份" in out
    assert "读取 1/1 个文件" in err
    document = json.loads(kb("show", "方案.md", "--json")[1])["document"]
    assert (document["secrecy"], document["department"]) == ("内部", "湿地处")
    assert document["roles"] == ["审查员", "管理员"]


def test_failures_are_told_with_reason_and_mend_and_exit_2(kb, plan):
    (plan.parent / "坏.docx").write_bytes(b"broken")
    code, out, err = kb("add", str(plan.parent))
    assert code == 2
    assert "新增 1 份" in out
    assert "未入库 1 个" in out
    assert "坏.docx" in err
    assert "处理办法" in err
    code, out, _ = kb("add", str(plan.parent), "--json")
    (failure,) = json.loads(out)["failures"]
    assert code == 2
    assert failure["reason"]
    assert failure["mend"]


def test_show_says_who_found_what(kb, plan):
    kb("add", str(plan))
    code, out, _ = kb("edit", "方案.md", "--set", "地区=示范县", "--set", "published=2025-03-01")
    assert code == 0
    assert "更新 1 份" in out
    shown = kb("show", "湿地保护方案")[1]
    assert "地区：示范县　〔人工〕" in shown
    assert "公布：2025-03-01　〔人工〕" in shown
    assert "片段：1（段落 1）" in shown
    assert "原件：" in shown


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("颜色=红", "不能这样改"),
        ("地区", "不能这样改"),
        ("公布=昨天", "公布的值不对"),
        ("类别=没有这一类", "没有“没有这一类”"),
    ],
)
def test_an_edit_that_cannot_be_is_explained(kb, plan, change, told):
    kb("add", str(plan))
    code, _, err = kb("edit", "方案.md", "--set", change)
    assert code == 2
    assert told in err
    assert "处理办法" in err


def test_lists_are_edited_with_commas(kb, plan):
    kb("add", str(plan))
    kb("edit", "方案.md", "--set", "角色=审查员，管理员")
    assert json.loads(kb("show", "方案.md", "--json")[1])["document"]["roles"] == [
        "审查员",
        "管理员",
    ]


def test_what_is_not_in_the_base_is_told(kb, plan):
    assert kb("show", "没有")[0] == 2
    kb("add", str(plan))
    code, _, err = kb("show", "没有")
    assert code == 2
    assert "库中没有" in err


def test_a_watched_folder_once(kb, plan):
    (plan.parent / "坏.docx").write_bytes(b"broken")
    code, out, _ = kb("watch", str(plan.parent), "--once", "--mirror")
    assert code == 2
    assert "新增 1 份" in out
    assert (plan.parent / "未入库.txt").is_file()
    (plan.parent / "坏.docx").unlink()
    code, out, err = kb("watch", str(plan.parent), "--once", "--mirror")
    assert (code, out) == (0, "")
    assert "没有新的改动" in err


def test_every_field_has_a_label():
    from knowledge_base.describe.metadata import Metadata

    assert set(Metadata.model_fields) <= set(kb_files.FIELDS)


def test_progress_moves_on_a_terminal(monkeypatch):
    from cspon.cli.kb_report import talking

    class Terminal:
        def __init__(self):
            self.text = ""

        def isatty(self):
            return True

        def write(self, text):
            self.text += text

        def flush(self):
            pass

    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with talking() as tell:
        tell("读取 [1]/2")
    assert terminal.text
