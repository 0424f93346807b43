import pytest

from cspon.errors import InputError
from tools.quality_check.plan_text import figures_in_text


def text(tmp_path, *paragraphs):
    from docx import Document

    document = Document()
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    file = tmp_path / "文本.docx"
    document.save(str(file))
    return file


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("到2035年，耕地保有量不低于 150 亩。", [10.0]),
        ("耕地保有量为1.5万亩，林地保有量2平方公里。", [1000.0]),
        ("耕地保有量（12.5 公顷）、耕地保有量 3 公顷", [12.5, 3.0]),
        ("耕地保有量，另见 9 公顷。", []),
        ("林地 9 公顷", []),
    ],
)
def test_figures_after_a_name(tmp_path, sentence, expected):
    found = list(figures_in_text(text(tmp_path, "总则", sentence), ("耕地保有量",)))
    assert [f.ha for f in found] == pytest.approx(expected)
    assert all(f.place.startswith("第 2 段") for f in found)


def test_damaged_document_is_refused(tmp_path):
    (tmp_path / "a.docx").write_bytes(b"no zip")
    with pytest.raises(InputError, match="Word"):
        list(figures_in_text(tmp_path / "a.docx", ("甲",)))
