"""The marked Word file: comments at the words, changes that can be rejected, everything else as it was."""

import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import docx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from agents.review.case import Case
from agents.review.read.docx import read_docx
from agents.review.run import review
from agents.review.write.marked_docx import COMMENTS, marked
from cspon.schemas.review import Finding, Place, Severity
from knowledge_base.parse.docx_words import W, words_of

AT = datetime(2026, 11, 1, 9, tzinfo=UTC)


def made(*paragraphs):
    document = docx.Document()
    for runs in paragraphs:
        paragraph = document.add_paragraph()
        for number, text in enumerate(runs):
            paragraph.add_run(text).bold = bool(number % 2)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def finding(paragraph, start, end, quote, replacement=None, **more):
    place = Place(
        file="a.docx", part="document", paragraph=paragraph, start=start, end=end, quote=quote
    )
    return Finding(
        id=f"{paragraph}-{start}-{end}", check="x", kind="terms.x", severity=Severity.GENERAL,
        message="有误", place=place, replacement=replacement, **more,
    )  # fmt: skip


def body(data):
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return etree.fromstring(file.read("word/document.xml"))


def rejected(data):
    """Return the paragraphs with all changes rejected."""
    root = body(data)
    for inserted in list(root.iter(f"{W}ins")):
        inserted.getparent().remove(inserted)
    for deleted in list(root.iter(f"{W}del")):
        for text in deleted.iter(f"{W}delText"):
            text.tag = f"{W}t"
        for run in list(deleted):
            deleted.addprevious(run)
        deleted.getparent().remove(deleted)
    return [words_of(p) for p in root.iter(f"{W}p")]


def accepted(data):
    return [words_of(p) for p in body(data).iter(f"{W}p")]


def test_comments_and_changes_at_the_words():
    data = made(("落实生态", "红线", "管控要求。"), ("面积12公倾。",))
    out = marked(
        data,
        [
            finding(0, 2, 6, "生态红线", "生态保护红线"),
            finding(1, 4, 6, "公倾", "公顷"),
            finding(1, 0, 2, "面积"),
        ],
        at=AT,
    )
    assert accepted(out) == ["落实生态保护红线管控要求。", "面积12公顷。"]
    assert rejected(out) == ["落实生态红线管控要求。", "面积12公倾。"]
    document = docx.Document(io.BytesIO(out))
    assert [c.author for c in document.comments] == ["CSPON 审查智能体"] * 3
    assert document.comments.get(0).text.startswith("【一般】有误")
    root = body(out)
    starts = [e.get(f"{W}id") for e in root.iter(f"{W}commentRangeStart")]
    ends = [e.get(f"{W}id") for e in root.iter(f"{W}commentRangeEnd")]
    assert sorted(starts) == sorted(ends) == ["0", "1", "2"]


def test_what_is_not_touched_is_copied_byte_for_byte():
    data = made(("甲乙丙",))
    out = marked(data, [finding(0, 1, 2, "乙")], at=AT)
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(io.BytesIO(out)) as after:
        changed = {"word/document.xml", "[Content_Types].xml", "word/_rels/document.xml.rels"}
        assert set(after.namelist()) - set(before.namelist()) == {COMMENTS}
        for name in set(before.namelist()) - changed:
            assert before.read(name) == after.read(name)
    assert marked(data, [finding(0, 1, 2, "乙")], at=AT) == out


def test_comments_that_are_there_stay():
    document = docx.Document()
    run = document.add_paragraph().add_run("甲乙丙")
    document.add_comment(run, text="原有的意见", author="张工")
    out = io.BytesIO()
    document.save(out)
    again = docx.Document(io.BytesIO(marked(out.getvalue(), [finding(0, 0, 1, "甲")], at=AT)))
    assert [c.author for c in again.comments] == ["张工", "CSPON 审查智能体"]


def test_findings_of_the_whole_stand_at_the_beginning_and_rejected_ones_nowhere():
    data = made(("甲",), ("乙",))
    whole = Finding(
        id="w", check="x", kind="completeness.x", severity=Severity.SERIOUS, message="缺少章节"
    )
    gone = finding(1, 0, 1, "乙", "丙", status="rejected")
    out = marked(data, [whole, gone], at=AT)
    document = docx.Document(io.BytesIO(out))
    assert [c.text.splitlines()[0] for c in document.comments] == ["【严重】缺少章节"]
    assert accepted(out) == ["甲", "乙"]


@given(
    st.lists(st.text("甲乙丙丁12", min_size=1, max_size=6), min_size=1, max_size=4),
    st.lists(
        st.tuples(st.integers(0, 12), st.integers(1, 6), st.sampled_from([None, "改", ""])),
        max_size=4,
    ),
)
def test_any_spans_leave_the_text_as_it_was(runs, spans):
    text = "".join(runs)
    findings = []
    for start, length, replacement in spans:
        end = min(len(text), start + length)
        if start < end:
            findings.append(finding(0, start, end, text[start:end], replacement))
    out = marked(made(runs), findings, at=AT)
    assert rejected(out) == [text]
    assert len(docx.Document(io.BytesIO(out)).comments) == len(findings)


def test_a_review_marks_its_own_document():
    data = made(
        ("严格落实生态红线管控要求，由县国土资源局负责。",), ("优化空间步局，，提升品质。",)
    )
    read = read_docx(Path("文本.docx"), data)
    found = review(Case(read)).findings
    assert {f.kind for f in found} >= {
        "terms.nonstandard",
        "terms.old_organ",
        "terms.typo",
        "terms.punctuation",
    }
    out = marked(data, found, at=AT)
    assert accepted(out) == [
        "严格落实生态保护红线管控要求，由县自然资源局负责。", "优化空间布局，提升品质。",
    ]  # fmt: skip
    assert rejected(out) == [
        "严格落实生态红线管控要求，由县国土资源局负责。",
        "优化空间步局，，提升品质。",
    ]


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"x" * 100])
def test_what_is_no_word_file_is_refused(data):
    from cspon.errors import InputError

    with pytest.raises(InputError):
        marked(data, [], at=AT)
