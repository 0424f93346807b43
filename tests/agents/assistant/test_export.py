import json
from datetime import date

import docx
import pytest

from agents.assistant import Assistant
from agents.assistant.export import markdown, save_answer
from cspon.errors import SetupError

QUESTION = "拟建产业园项目（边界见文件）选址是否可行？占用了哪些控制线？"


@pytest.fixture
async def answer(knowledge_base, layers, compliance_tool, boundary):
    assistant = Assistant(None, knowledge_base, layers, None)
    assistant.tools = {"check_compliance": compliance_tool}
    return await assistant.answer(QUESTION, boundary=boundary, asked_on=date(2026, 11, 22))


def test_markdown_links_marks_to_the_clauses(answer):
    text = markdown(answer)
    assert text.startswith(f"# {QUESTION}")
    assert "[〔1〕](#cite-1)" in text
    assert '<a id="cite-1"></a>' in text
    assert "> 永久基本农田经依法划定后，任何单位和个人不得擅自占用或者改变其用途。" in text
    assert "（原文未入库）" in text
    assert "效力按 2026-11-22 判断" in text


def test_an_answer_is_saved_in_every_form(answer, tmp_path):
    files = save_answer(answer, tmp_path / "out")
    assert [saved.name for saved in files] == ["answer.docx", "answer.md", "answer.json"]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "answer.docx",
        "answer.json",
        "answer.md",
    ]
    assert (
        json.loads((tmp_path / "out" / "answer.json").read_text(encoding="utf-8"))["verdict"]
        == "不符合"
    )
    text = "\n".join(
        p.text for p in docx.Document(str(tmp_path / "out" / "answer.docx")).paragraphs
    )
    assert "占用永久基本农田 12.3456 公顷" in text


def test_an_unwritable_folder_is_told(answer, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="无法写入输出目录"):
        save_answer(answer, tmp_path / "file" / "out")
