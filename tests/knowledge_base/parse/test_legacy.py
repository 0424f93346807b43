import shutil
import socket
import threading

import pytest
from docx import Document

from cspon.errors import InputError, SetupError
from knowledge_base.parse import legacy
from knowledge_base.parse.legacy import converted
from knowledge_base.parse.read import read_source

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def test_without_libreoffice_the_mend_is_told(opened, monkeypatch):
    monkeypatch.setattr(legacy.shutil, "which", lambda name: None)
    with pytest.raises(SetupError, match="LibreOffice"):
        converted(opened(OLE, "a.doc"), ".doc", "docx")


def test_a_conversion_that_hangs_is_ended(opened, monkeypatch, tmp_path):
    program = tmp_path / "soffice"
    program.write_text("#!/bin/sh\nsleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr(legacy.shutil, "which", lambda name: str(program))
    monkeypatch.setattr(legacy, "SECONDS", 0.2)
    with pytest.raises(InputError, match="超过"):
        converted(opened(OLE, "a.doc"), ".doc", "docx")


def test_a_web_page_named_doc_is_read_as_one(tmp_path):
    path = tmp_path / "a.doc"
    path.write_text("<html><body><p>第一条 甲。</p></body></html>")
    assert read_source(path).text == "第一条 甲。"


@pytest.mark.component
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_an_old_word_file_and_rtf_are_read(tmp_path, docx_bytes, opened):
    document = Document()
    document.add_paragraph("第一条 为了加强管理。")
    document.add_table(rows=1, cols=2).rows[0].cells[0].text = "甲"
    for suffix, target in ((".docx", "rtf"), (".docx", "doc")):
        made = converted(opened(docx_bytes(document), "a.docx"), suffix, target)
        path = tmp_path / f"旧.{target}"
        path.write_bytes(made.data)
        assert "第一条 为了加强管理。" in read_source(path).text


@pytest.mark.component
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_what_an_old_file_points_to_is_not_fetched(tmp_path):
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def listen():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                asked.append(connection.recv(200))
                connection.close()

        threading.Thread(target=listen, daemon=True).start()
        place = f"http://127.0.0.1:{port}"
        path = tmp_path / "a.rtf"
        path.write_text(
            rf'{{\rtf1\ansi A {{\field{{\*\fldinst INCLUDEPICTURE \\d "{place}/x.png"}}{{\fldrslt }}}}'
            rf'{{\field{{\*\fldinst INCLUDETEXT "{place}/y.rtf"}}{{\fldrslt }}}} B {{\*\template {place}/t.dot}}}}'
        )
        assert read_source(path).text.split() == ["A", "B"]
        server.shutdown(socket.SHUT_RDWR)
    assert asked == []
