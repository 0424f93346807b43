import json

import docx
import openpyxl
import pytest

from cspon.cli.main import run


@pytest.fixture
def submission(tmp_path):
    text = docx.Document()
    text.add_paragraph("到2035年，全县耕地保有量不低于8333公顷。")
    text.save(tmp_path / "文本.docx")
    book = openpyxl.Workbook()
    for row in (["指标", "2035年（公顷）"], ["耕地保有量", 8433], ["湿地面积", 120]):
        book.active.append(row)
    book.save(tmp_path / "指标.xlsx")
    return tmp_path


def test_figures_of_the_workbook_are_compared_with_the_text(submission, capsys):
    arguments = ["review", str(submission / "文本.docx"), "--tables", str(submission / "指标.xlsx")]
    assert run([*arguments, "--json"]) == 1
    record = json.loads(capsys.readouterr().out)
    (finding,) = [f for f in record["findings"] if f["kind"] == "numbers.text_table"]
    assert finding["place"]["quote"] == "8333公顷"
    assert finding["also"][0]["cell"] == "B2"
    assert record["files"] == ["文本.docx", "指标.xlsx"]


def test_wrong_input_exits_2_and_says_what_to_do(submission, capsys):
    old = submission / "文本.doc"
    old.write_bytes(b"\xd0\xcf\x11\xe0")
    for path in (old, submission / "指标.xlsx", submission / "无.docx"):
        assert run(["review", str(path)]) == 2
    assert "另存为 .docx" in capsys.readouterr().err
