import contextlib
import itertools
import json
import time
from datetime import date

import pytest

from cspon.errors import InputError
from cspon.schemas.base import Secrecy
from cspon.schemas.knowledge import Box
from knowledge_base.cut.chunk import OVERLAP, WINDOW, read_document, split
from knowledge_base.describe.metadata import Metadata
from knowledge_base.parse.source import Line, SourceText


def write(tmp_path, name, text, encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


REGULATION = "# 某市田野条例\n\n2020年3月1日公布\n\n为了保护田野，根据上位法，结合本市实际，制定本条例，由市自然资源局解释。\n\n第一条 甲。\n\n第二条 乙。\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
def test_encodings(tmp_path, encoding):
    law = read_document(write(tmp_path, "某市田野条例.txt", REGULATION, encoding))
    assert law.document.title == "某市田野条例"
    assert [p.article_key for p in law.passages] == [None, "1", "2"]
    assert law.passages[0].text.startswith("为了保护田野")


def test_a_document_carries_level_and_department(tmp_path):
    path = write(tmp_path, "a.md", REGULATION)
    law = read_document(path, secrecy=Secrecy.INTERNAL, department="耕保处")
    assert (law.document.secrecy, law.document.department) == (Secrecy.INTERNAL, "耕保处")
    assert law.document.content_hash != read_document(path).document.content_hash
    assert law.document.source == "a.md"


def test_running_text_is_cut_at_headings_and_sentences(tmp_path):
    long = "".join(f"第{i}期工程占用耕地情况说明如下。" for i in range(200))
    text = f"# 工作方案\n\n一、总体要求\n\n总体要求的内容。\n\n二、主要任务\n\n{long}\n"
    law = read_document(write(tmp_path, "工作方案.md", text))
    source = text
    paths = {p.heading_path for p in law.passages}
    assert ("工作方案", "一、总体要求") in paths
    windows = [p for p in law.passages if "二、主要任务" in p.heading_path[-1]]
    assert len(windows) > 4
    for passage in windows:
        start, end = passage.span
        assert source[start:end].strip() == passage.text
        assert len(passage.text) <= WINDOW
        assert passage.text.endswith("。")
    for one, two in itertools.pairwise(windows):
        assert 0 <= one.span[1] - two.span[0] <= OVERLAP
    assert len({p.id for p in law.passages}) == len(law.passages)


def test_nothing_of_a_text_is_lost(tmp_path):
    text = "前言段落。\n" + "没有句号的很长的一段文字" * 300 + "\n\n1.1 目标\n\n实现目标。\n"
    law = read_document(write(tmp_path, "方案.txt", text))
    covered = set()
    for passage in law.passages:
        covered.update(range(*passage.span))
    heading = text.index("1.1 目标")
    lost = [i for i, c in enumerate(text) if not c.isspace() and i not in covered]
    assert all(heading <= i < heading + len("1.1 目标") for i in lost)


def test_contents_pages_are_left_out(tmp_path):
    contents = "\n".join(f"{i}.1 第{i}部分 .......... {i}" for i in range(1, 9))
    law = read_document(
        write(tmp_path, "指南.md", f"# 指南\n\n目录\n{contents}\n\n# 正文\n\n正文内容。\n")
    )
    assert [p.text for p in law.passages] == ["正文内容。"]


@pytest.mark.parametrize(
    "mark", ["机密★10年", "秘密★", "绝密", "  机 密  ", "密级：秘密", "# 秘密★1年", "机密 ★ 长期"]
)
def test_classified_files_are_refused(tmp_path, mark):
    path = write(tmp_path, "a.md", f"某某文件\n{mark}\n\n第一条 甲。\n第二条 乙。\n")
    with pytest.raises(InputError, match="密级标志") as caught:
        read_document(path)
    assert "甲" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["保守国家秘密是公民的义务。", "涉及国家秘密、机密的，依照规定。", "公开"]
)
def test_words_about_secrets_are_no_marking(tmp_path, text):
    assert read_document(write(tmp_path, "a.md", f"第一条 {text}\n第二条 {text}\n")).passages


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.md", b"", "没有文字"),
        ("a.md", b"\x00\x01\x02\xff" * 20, "文本"),
        ("a.txt", b"\xff\xff\xff\x80", "编码"),
        ("a.xyz", b"text", "不支持的格式"),
        ("a.docx", b"not a zip", "Word"),
        ("a.pdf", b"%PDF-1.4 broken", "PDF"),
    ],
)
def test_bad_files_are_explained(tmp_path, name, data, words):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(InputError, match=words) as caught:
        read_document(path)
    assert name in str(caught.value)


@pytest.mark.corpus
def test_the_corpus_comes_in_without_a_gap(shared):
    """101 current files with 7,369 articles, 8 superseded with theirs: each number once, in order."""
    index = json.loads((shared / "corpus" / "laws_index.json").read_text(encoding="utf-8"))
    files = sorted((shared / "corpus" / "laws").glob("*.md"))
    assert len(files) == 101
    wrong, total = [], 0
    for entry in index:
        law = read_document(shared / "corpus" / entry["file"])
        keys = [p.article_key for p in law.passages if p.article_key]
        if len(keys) != entry["articles"] or law.gaps or len(set(keys)) != len(keys):
            wrong.append(entry["file"])
        if entry["version"]:
            assert law.document.version == entry["version"], entry["file"]
            assert entry["name"] in law.document.title
        total += len(keys) if entry["file"].startswith("laws/") else 0
    assert wrong == []
    assert total == 7369


@pytest.mark.corpus
def test_a_guideline_is_cut_by_its_numbered_headings(shared):
    [path] = (shared / "corpus").glob("guides_*.md")
    law = read_document(path)
    assert "国土空间规划实施监测网络建设技术指南" in law.document.title
    assert "征求意见稿" in law.document.note
    assert len(law.passages) > 50
    assert not [p for p in law.passages if "......" in p.text]
    assert any("7.3" in " ".join(p.heading_path) for p in law.passages)


def test_nothing_grows_faster_than_the_text():
    """A hostile text four times as long takes about four times as long, not sixteen."""
    units = (
        " ",
        "　",
        ".",
        "1",
        "第",
        "附",
        "密",
        "《",
        "自",
        "某县",
        "（",
        "# ",
        "\t",
        "4.1 ",
        "有效期",
    )
    units += ("目录\n", "附件1\n", "第一条 甲\n", "4.1\n", "(1)\n①\n", "机密、", "第一章\n", "指")

    def seconds(unit, size):
        text = "关于印发办法的通知\n" + unit * (size // len(unit)) + "\n末尾文字。"
        begun = time.process_time()
        with contextlib.suppress(InputError):
            split(SourceText(text=text), "a.txt")
        return time.process_time() - begun

    def quadratic(unit):
        return seconds(unit, 48_000) > 12 * max(seconds(unit, 12_000), 0.03)

    # a slow moment of the machine does not come three times; a quadratic loop does
    slow = [unit for unit in units if all(quadratic(unit) for _ in range(3))]
    assert slow == []


@pytest.mark.corpus
def test_a_large_text_without_articles_is_cut(shared, tmp_path):
    files = sorted((shared / "corpus" / "laws").glob("*.md"))
    path = tmp_path / "大文本.txt"
    path.write_text("".join(f.read_text("utf-8") for f in files).replace("第", "某"), "utf-8")
    assert len(read_document(path).passages) > 2000


def test_confidence_pages_and_boxes_come_from_the_reader():
    text = "第一页第一行。\n第一页第二行。\n第二页的内容。"
    second = text.index("第二页")
    lines = (
        Line((0, 7), Box(page=1, x0=0.1, y0=0.1, x1=0.5, y1=0.2)),
        Line((8, 15), Box(page=1, x0=0.1, y0=0.3, x1=0.9, y1=0.4)),
        Line((second, len(text)), Box(page=2, x0=0.2, y0=0.1, x1=0.6, y1=0.2)),
    )
    source = SourceText(text=text, page_starts=(0, second), lines=lines, page_confidence=(0.9, 0.7))
    [passage] = split(source, "扫描.pdf").passages
    assert passage.page == 1
    assert passage.confidence == pytest.approx(0.8)
    assert passage.boxes == (
        Box(page=1, x0=0.1, y0=0.1, x1=0.9, y1=0.4),
        Box(page=2, x0=0.2, y0=0.1, x1=0.6, y1=0.2),
    )


def test_roles_and_a_persons_metadata_are_kept():
    source = SourceText(text=REGULATION)
    plain = split(source, "a.md")
    given = split(
        source,
        "a.zip!/b.md",
        roles=("规划科",),
        metadata=Metadata(title="另一名称", kind="政策文件", effective_to=date(2030, 1, 1)),
    )
    assert given.document.roles == ("规划科",)
    assert (given.document.title, given.document.kind) == ("另一名称", "政策文件")
    assert given.document.expires_on == date(2030, 1, 1)
    assert {p.title for p in given.passages} == {"另一名称"}
    assert given.document.source == "a.zip!/b.md"
    assert given.document.id == plain.document.id
    assert given.document.content_hash != plain.document.content_hash
    with pytest.raises(InputError, match="kind"):
        split(source, "a.md", metadata=Metadata(kind="小说"))
