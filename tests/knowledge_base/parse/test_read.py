import pytest
from docx import Document

from cspon.errors import InputError, SetupError
from knowledge_base.cut.chunk import read_document
from knowledge_base.parse.read import find_files, read_source


def test_a_word_file_keeps_headings_articles_and_tables(tmp_path):
    document = Document()
    document.add_heading("某市田野管理办法", 0)
    document.add_heading("第一章 总则", 1)
    document.add_paragraph("第一条 为了保护田野，制定本办法。")
    document.add_paragraph("第二条 补偿标准如下：")
    table = document.add_table(rows=1, cols=2)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = "耕地", "每亩三万元"
    document.add_paragraph("第三条 本办法自2024年1月1日起施行。")
    path = tmp_path / "某市田野管理办法.docx"
    document.save(path)
    law = read_document(path)
    assert law.document.title == "某市田野管理办法"
    assert [p.article_key for p in law.passages if p.kind == "article"] == ["1", "2", "3"]
    assert law.passages[0].heading_path == ("第一章 总则",)
    assert "耕地：每亩三万元" in "".join(p.text for p in law.passages)


def test_a_pdf_keeps_articles_and_pages(lines_pdf, tmp_path):
    long = "永久基本农田经依法划定后任何单位和个人不得擅自占用或者改"
    path = tmp_path / "田野条例.pdf"
    path.write_bytes(
        lines_pdf(
            [
                ["田野条例", "第一条 为了保护田野，制定本条例。", f"第二条 {long}", "变其用途。"],
                ["第三条 本条例自二〇二四年一月一日起施行。", "（一）其他。"],
            ]
        )
    )
    law = read_document(path)
    assert [p.article_key for p in law.passages] == ["1", "2", "3"]
    assert law.passages[1].text == f"{long}变其用途。"
    assert [p.page for p in law.passages] == [1, 1, 2]


def test_a_scanned_pdf_is_told_where_recognition_is_off(tmp_path):
    from PIL import Image

    path = tmp_path / "scan.pdf"
    Image.new("RGB", (620, 877), "gray").save(path)
    with pytest.raises(InputError, match="扫描件"):
        read_source(path, ocr=False)


def test_folders_are_searched_and_files_named_once(tmp_path):
    for name in ("b.md", "a.txt", "c.exe", ".hidden.md", "sub/d.md", "~$e.docx"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("甲")
    found = find_files([tmp_path, tmp_path / "b.md"])
    assert [f.name for f in found] == ["a.txt", "b.md", "d.md"]
    with pytest.raises(InputError, match="不存在"):
        find_files([tmp_path / "none"])


@pytest.mark.parametrize(
    ("package", "name"),
    [("pdfplumber", "a.pdf"), ("openpyxl", "a.xlsx"), ("PIL", "a.png")],
)
def test_a_missing_package_names_the_extra(tmp_path, monkeypatch, package, name):
    import sys

    for module in [m for m in sys.modules if m.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, package, None)
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(SetupError, match="parse"):
        read_source(tmp_path / name)


def test_formats_that_are_not_read_are_told(tmp_path):
    for name, words in (("a.exe", "不支持的格式"), ("a.rar", "压缩包"), ("a.zip", "压缩包")):
        (tmp_path / name).write_bytes(b"x")
        with pytest.raises(InputError, match=words):
            read_source(tmp_path / name)
    (tmp_path / "空.txt").write_text(" ")
    with pytest.raises(InputError, match="没有文字"):
        read_source(tmp_path / "空.txt")
