"""Paragraphs are counted as the format says, and the writer and the walker agree."""

import json
from zipfile import ZipFile

import docx
import pytest
from docx.oxml.ns import qn

from eval.review_corpus.case import names
from eval.review_corpus.corpus import make_corpus
from eval.review_corpus.docx_places import paragraphs
from eval.review_corpus.docx_writer import write_docx
from eval.review_corpus.model import Box, Document, Paragraph, Piece

HAND = {"numbers": {}}


def test_a_text_box_counts_after_the_line_that_holds_it(tmp_path):
    blocks = [
        Paragraph([Piece("前")]),
        Box(Paragraph([Piece("框内")], "box")),
        Paragraph([Piece("后")]),
    ]
    write_docx(Document("a.docx", blocks, None, HAND), tmp_path / "a.docx")
    assert paragraphs(tmp_path / "a.docx") == ["前", "", "框内", "后"]


def test_deleted_words_are_left_out_and_inserted_words_count(tmp_path):
    pieces = [Piece("设站"), Piece("", "del", {"words": "2"}), Piece("1", "ins"), Piece("处")]
    write_docx(Document("a.docx", [Paragraph(pieces)], None, HAND), tmp_path / "a.docx")
    assert paragraphs(tmp_path / "a.docx") == ["设站1处"]
    assert b"<w:delText" in ZipFile(tmp_path / "a.docx").read("word/document.xml")


def test_footnotes_are_a_part_of_their_own(tmp_path):
    note = Paragraph([Piece("注文")], "note")
    pieces = [Piece("正文"), Piece("", "footnote", {"paragraph": note})]
    write_docx(Document("a.docx", [Paragraph(pieces)], None, HAND), tmp_path / "a.docx")
    assert paragraphs(tmp_path / "a.docx") == ["正文"]
    assert paragraphs(tmp_path / "a.docx", "footnotes") == ["", "", "注文"]


def test_runs_split_by_script_leave_the_text(tmp_path):
    hand = {"numbers": {}, "runs": "script"}
    write_docx(
        Document("a.docx", [Paragraph([Piece("耕地3098.00公顷")])], None, hand), tmp_path / "a.docx"
    )
    assert paragraphs(tmp_path / "a.docx") == ["耕地3098.00公顷"]
    assert ZipFile(tmp_path / "a.docx").read("word/document.xml").count(b"<w:r>") == 3


@pytest.mark.parametrize("name", names())
def test_every_paragraph_of_a_text_is_where_the_model_says(clean, name):
    case, folder = clean[name]
    for document in case.documents():
        seen = 0
        for part, index, paragraph in document.places():
            assert paragraphs(folder / document.file, part)[index] == paragraph.text
            seen += 1
        assert seen > 10


def _read(path):
    """Return the paragraphs of a body as python-docx has them, by other means than the writer's."""
    found = []
    for paragraph in docx.Document(str(path)).element.body.iter(qn("w:p")):
        words = []
        for node in paragraph.iter(qn("w:t"), qn("w:tab"), qn("w:br")):
            if next(node.iterancestors(qn("w:p"))) is paragraph:
                words.append(node.text or "" if node.tag == qn("w:t") else " ")
        found.append("".join(words))
    return found


@pytest.mark.parametrize("seed", [1, 5])
def test_quotes_of_labels_are_where_python_docx_finds_them(seed, tmp_path):
    looked_up = 0
    for folder in make_corpus(tmp_path, seed, cases=8):
        read = {path.name: _read(path) for path in folder.glob("*.docx")}
        for line in (folder / "labels.jsonl").read_text(encoding="utf-8").splitlines():
            label = json.loads(line)
            for place in [label["place"], *label["also"]]:
                if place and place.get("part") == "document":
                    text = read[place["file"]][place["paragraph"]]
                    assert text[place["start"] : place["end"]] == place["quote"], label["id"]
                    looked_up += 1
    assert looked_up > 150
