import pytest
from docx import Document

from cspon.errors import InputError
from knowledge_base.parse.docx import read_docx

RELS = "word/_rels/document.xml.rels"


@pytest.fixture
def plain(docx_bytes):
    document = Document()
    document.add_paragraph("第一条 甲。")
    return docx_bytes(document)


def test_external_references_are_told_and_not_fetched(opened, plain, changed_zip):
    relation = (
        b'<Relationship Id="rId77" TargetMode="External" Target="http://example.invalid/t.dotm" '
        b'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/attachedTemplate"/>'
        b'<Relationship Id="rId78" TargetMode="External" Target="http://example.invalid/a.png" '
        b'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/image"/>'
    )
    data = changed_zip(
        plain,
        **{RELS: lambda b: b.replace(b"</Relationships>", relation + b"</Relationships>")},
    )
    source = read_docx(opened(data, "a.docx"))
    assert source.text == "第一条 甲。"
    assert source.notices == ("文件引用外部内容（外链图片、远程模板），未取用",)


def test_macros_are_left_out_and_told(opened, plain, changed_zip):
    source = read_docx(opened(changed_zip(plain, **{"word/vbaProject.bin": b"\xd0\xcf"}), "a.docm"))
    assert source.text == "第一条 甲。" and "宏" in source.notices[0]


def test_embedded_documents_are_told(opened, plain, changed_zip):
    chunk = '<w:altChunk r:id="rId9"/><w:sectPr'
    data = changed_zip(
        plain, **{"word/document.xml": lambda b: b.replace(b"<w:sectPr", chunk.encode(), 1)}
    )
    assert any("altChunk" in notice for notice in read_docx(opened(data, "a.docx")).notices)


@pytest.mark.parametrize(
    "doctype",
    [
        b'<!DOCTYPE w [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        b'<!DOCTYPE w [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>',
        b'<!DOCTYPE w SYSTEM "http://example.invalid/x.dtd">',
    ],
)
def test_entities_are_refused(opened, plain, changed_zip, doctype):
    def poison(data: bytes) -> bytes:
        head, rest = data.split(b"?>", 1)
        return head + b"?>" + doctype + rest

    with pytest.raises(InputError, match="DOCTYPE"):
        read_docx(opened(changed_zip(plain, **{"word/document.xml": poison}), "a.docx"))


def test_an_encrypted_file_is_told(opened):
    data = (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500 + "EncryptedPackage".encode("utf-16-le")
    )
    with pytest.raises(InputError, match="已加密"):
        read_docx(opened(data, "a.docx"))


def test_a_bomb_in_a_word_file_is_refused(opened, plain, changed_zip):
    data = changed_zip(plain, **{"word/media/image1.bin": b"\0" * (40 * 2**20)})
    with pytest.raises(InputError, match="炸弹"):
        read_docx(opened(data, "a.docx"))


def test_a_damaged_part_is_refused(opened, plain, changed_zip):
    data = changed_zip(plain, **{"word/document.xml": b"<w:document"})
    with pytest.raises(InputError, match="XML"):
        read_docx(opened(data, "a.docx"))
