import shutil

import pdfplumber
import pytest

from cspon.errors import SetupError
from tools.report import markdown_to_docx
from tools.report_pdf import docx_to_pdf


@pytest.mark.skipif(
    shutil.which("soffice") is None and shutil.which("libreoffice") is None,
    reason="LibreOffice is not installed",
)
def test_a_report_becomes_a_pdf_with_its_text(tmp_path):
    docx = markdown_to_docx("# 检查报告\n\n占用永久基本农田 3.0000 公顷。", tmp_path / "r.docx")
    out = docx_to_pdf(docx, tmp_path / "r.pdf")
    with pdfplumber.open(out) as pdf:
        text = "".join(page.extract_text() for page in pdf.pages)
    assert "占用永久基本农田 3.0000 公顷" in text
    assert sorted(p.name for p in tmp_path.iterdir()) == ["r.docx", "r.pdf"]


def test_without_libreoffice_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    (tmp_path / "r.docx").write_bytes(b"")
    with pytest.raises(SetupError, match="LibreOffice"):
        docx_to_pdf(tmp_path / "r.docx", tmp_path / "r.pdf")
