"""Files into the base and out again: kept once, changed in part, edited, removed without a trace."""

import sqlite3
import zipfile
import zlib
from datetime import date

import pytest

from cspon.errors import InputError, ModelUnavailable
from cspon.schemas.agent import Principal
from cspon.schemas.base import Secrecy
from cspon.schemas.knowledge import Basis, Validity
from knowledge_base.base import KnowledgeBase
from knowledge_base.catalogue import current_generation, read_catalogue
from knowledge_base.describe.metadata import Metadata
from knowledge_base.ingest import erasure
from knowledge_base.ingest.build import add_paths, edit_document, remove_documents
from knowledge_base.ingest.journal import Journal
from knowledge_base.ingest.originals import original_file

TODAY = date(2026, 11, 22)
ARTICLES = [
    f"第{n}条 本市{word}的保护由主管部门负责。"
    for n, word in zip("一二三四五六", "湿林草水田山", strict=True)
]


def regulation(title, articles, day="2022年3月1日"):
    body = "\n\n".join(articles)
    return f"# {title}\n\n{day} 市政府令第1号公布\n\n{body}\n\n第七条 本办法自{day}起施行。\n"


def plan(title, *sections):
    return (
        f"# {title}\n\n"
        + "\n\n".join(
            f"## {n}、第{n}部分\n\n{s}" for n, s in zip("一二三四五", sections, strict=False)
        )
        + "\n"
    )


@pytest.fixture
def put(tmp_path):
    def write(name, text):
        path = tmp_path / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def add(folder, embedder):
    def run(*paths, **given):
        return add_paths(folder, list(paths), embedder=embedder, **given)

    return run


def entries(folder):
    return {e.document.source: e for e in read_catalogue(current_generation(folder)).entries}


def texts(folder, embedder):
    with KnowledgeBase.open(folder, embedder) as base:
        from knowledge_base.store.protocol import Where

        return sorted(p.text for p in base.opened().store.scroll(Where()))


# --- kept once ------------------------------------------------------------------------------------


def test_the_same_bytes_under_another_name_are_kept_once(folder, put, add, embedder):
    text = plan("湿地方案", "保护湿地。")
    first, second = put("a.md", text), put("b.md", text)
    report = add(first, second)
    assert len(report.added) == 1
    assert any("b.md 与 a.md 内容相同" in n for n in report.notices)
    assert [o.name for o in entries(folder)["a.md"].others] == ["b.md"]
    again = add(first, second)
    assert (again.added, again.changed, again.notices) == ((), (), ())
    third = add(put("c.md", text))
    assert any("c.md 与库内 a.md 内容相同" in n for n in third.notices)
    assert len(list((folder / "files").iterdir())) == 1
    removed = remove_documents(folder, ["c.md"], embedder=embedder)
    assert len(removed.removed) == 1
    assert any("b.md、c.md" in n for n in removed.notices)


def test_the_same_version_from_two_files_is_kept_once_and_stays_so(folder, put, add):
    first = put("办法.md", regulation("湿地办法", ARTICLES))
    second = put("办法.txt", regulation("湿地办法", ARTICLES) + "\n附注。\n")
    report = add(first, second)
    assert len(report.added) == 1
    assert any("只收后者" in n for n in report.notices)
    again = add(first, second)
    assert (again.added, again.changed, again.removed, again.notices) == ((), (), (), ())


def test_files_of_one_name_in_two_folders_both_stay(folder, put, add):
    first, second = (
        put("甲/说明.md", plan("说明", "甲的内容。")),
        put("乙/说明.md", plan("说明", "乙的内容。")),
    )
    assert len(add(first).added) == 1
    report = add(second)
    assert (len(report.added), report.removed, report.documents) == (1, (), 2)


def test_a_file_that_comes_again_with_another_level_changes_level(folder, put, add):
    path = put("a.md", plan("湿地方案", "保护湿地。"))
    add(path)
    report = add(path, secrecy=Secrecy.INTERNAL, department="湿地处", roles=("审查员",))
    assert len(report.changed) == 1
    document = entries(folder)["a.md"].document
    assert (document.secrecy, document.department, document.roles) == (
        "内部",
        "湿地处",
        ("审查员",),
    )
    assert report.embedded == 0


# --- changed in part ------------------------------------------------------------------------------


def test_an_update_writes_only_what_changed(folder, put, add, embedder):
    path = put("办法.md", regulation("湿地办法", ARTICLES))
    add(path)
    before = embedder.embedded
    changed = [*ARTICLES[:2], "第三条 本市草原的保护由两个部门共同负责。", *ARTICLES[3:]]
    put("办法.md", regulation("湿地办法", changed))
    report = add(path)
    assert (report.added, report.removed, len(report.changed)) == ((), (), 1)
    assert report.embedded == embedder.embedded - before == 1
    chunks = report.chunks
    assert (chunks.added, chunks.removed) == (1, 1)
    assert chunks.kept >= 2  # those before it: spans behind it move
    assert chunks.kept + chunks.moved + chunks.added == 7
    assert not any("草的保护" in t for t in texts(folder, embedder))


def test_a_section_put_in_front_embeds_nothing_else(folder, put, add, embedder):
    path = put("方案.md", plan("湿地方案", *(f"第{n}项任务的内容。" for n in range(4))))
    add(path)
    put(
        "方案.md",
        plan("湿地方案", "新增的第一项。", *(f"第{n}项任务的内容。" for n in range(1, 4))),
    )
    report = add(path)
    assert len(report.changed) == 1
    assert report.embedded == 1
    with KnowledgeBase.open(folder, embedder) as base:
        catalogue, store = base.opened().catalogue, base.opened().store
        assert store.count() == sum(e.passages for e in catalogue.entries)


def test_another_version_stands_beside_the_first(folder, put, add, embedder):
    path = put("办法.md", regulation("湿地办法", ARTICLES))
    add(path)
    put("办法.md", regulation("湿地办法", ARTICLES[:4], "2024年5月1日"))
    report = add(path)
    assert (len(report.added), report.removed, len(report.changed)) == (1, (), 1)
    with KnowledgeBase.open(folder, embedder) as base:
        basis = Basis(title="湿地办法", article="第一条")
        old = base.cite(basis, on_date=date(2023, 1, 1), principal=Principal())
        new = base.cite(basis, on_date=TODAY, principal=Principal())
    assert (old.effective_to, old.status) == (date(2024, 5, 1), Validity.IN_FORCE)
    assert (new.effective_from, new.status) == (date(2024, 5, 1), Validity.IN_FORCE)


# --- archives, originals, notices -----------------------------------------------------------------


def test_members_of_an_archive_come_in_by_their_names(folder, put, add, tmp_path):
    path = tmp_path / "材料.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("一/方案.md", plan("甲方案", "甲的内容。"))
        archive.writestr("坏.docx", b"broken")
    report = add(path)
    assert len(report.added) == 1
    entry = entries(folder)["材料.zip!/一/方案.md"]
    assert original_file(folder, entry.document).read_text(encoding="utf-8").startswith("# 甲方案")
    (failure,) = report.failures
    assert failure.path.endswith("材料.zip!/坏.docx")
    assert failure.reason
    assert not (folder / ".expanded").exists()
    assert add(path).added == ()


def test_originals_are_those_of_the_documents(folder, put, add, embedder):
    path = put("a.md", plan("湿地方案", "保护湿地。"))
    add(path, put("坏.docx", "x"))
    assert [p.suffix for p in (folder / "files").iterdir()] == [".md"]
    put("a.md", plan("湿地方案", "恢复湿地。"))
    add(path)
    (kept,) = (folder / "files").iterdir()
    assert kept == original_file(folder, entries(folder)["a.md"].document)


# --- edited by a person ---------------------------------------------------------------------------


def test_what_a_person_says_stays(folder, put, add, embedder, build):
    path = put("a.md", plan("湿地方案", "保护湿地。"))
    (document_id,) = add(path).added
    edited = edit_document(
        folder,
        document_id,
        Metadata(
            title="湿地保护总体方案",
            region="示范县",
            effective_from=date(2025, 1, 1),
            effective_to=date(2026, 1, 1),
        ),
        embedder=embedder,
    )
    assert edited.changed == (document_id,)

    def check():
        document = entries(folder)["a.md"].document
        assert (document.title, document.region) == ("湿地保护总体方案", "示范县")
        assert document.effective_to == date(2026, 1, 1)
        assert document.found_by["region"] == "person"
        with KnowledgeBase.open(folder, embedder) as base:
            hits = base.search(
                "湿地保护总体方案",
                on_date=date(2025, 6, 1),
                principal=Principal(departments=("湿地处",)),
                regions=["示范县"],
            )
            assert {h.passage.title for h in hits} == {"湿地保护总体方案"}

    check()
    build()
    check()
    put("a.md", plan("湿地方案", "保护和恢复湿地。"))
    add(path)
    check()
    add(path, department="湿地处")
    check()
    edit_document(folder, document_id, Metadata(region=""), embedder=embedder)
    assert entries(folder)["a.md"].document.region is None


def test_an_edit_that_cannot_be_changes_nothing(folder, put, add, embedder):
    (document_id,) = add(put("a.md", plan("湿地方案", "保护湿地。"))).added
    with pytest.raises(InputError, match="kind"):
        edit_document(folder, document_id, Metadata(kind="没有这一类"), embedder=embedder)
    with pytest.raises(InputError, match="库中没有"):
        edit_document(folder, "没有", Metadata(region="x"), embedder=embedder)
    assert entries(folder)["a.md"].edits == {}


# --- removed without a trace ----------------------------------------------------------------------

MARKER, TITLE = "独一无二的标记文字甲乙丙", "秘而不宣的专项方案"


def traces(folder, *needles):
    """Files below a folder that hold one of the words, packed rows of the journal included."""
    found = []
    wanted = [needle.encode() for needle in needles]
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        data = path.read_bytes()
        if path.name == "ingest.sqlite":
            with sqlite3.connect(path) as db:
                data += b"".join(
                    zlib.decompress(row[0]) for row in db.execute("SELECT passages FROM reading")
                )
            db.close()
        if any(needle in data for needle in wanted) or any(n in path.name for n in needles):
            found.append(str(path.relative_to(folder)))
    return found


@pytest.fixture
def doomed(folder, put, add, build):
    build()
    keep = put("留.md", plan("留下的方案", "保护湿地，留下的内容。"))
    body = plan(TITLE, f"{MARKER}，保护湿地。", "《中华人民共和国田野法》同时废止。")
    path = put("去.md", body)
    add(keep, path, put("去（副本）.md", body))
    put("去.md", body + f"\n{MARKER}的补充。\n")
    add(path)
    return path


def cached(folder):
    with sqlite3.connect(folder / "vectors.sqlite") as db:
        counts = [
            db.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in ("vectors", "sparse")
        ]
    db.close()
    return counts


def test_a_removal_leaves_nothing_on_disk(folder, doomed, embedder):
    assert traces(folder, MARKER, TITLE)
    before = cached(folder)
    with KnowledgeBase.open(folder, embedder) as reader:  # a reader holds the old generation
        assert reader.search(MARKER, on_date=TODAY, principal=Principal())
        names = sorted({e.document.source for e in entries(folder).values()} & {"去.md"})
        report = remove_documents(folder, [*names, TITLE], embedder=embedder)
        assert report.removed
        assert report.embedded == 0
        hits = reader.search(MARKER, on_date=TODAY, principal=Principal(), k=50)
        assert not [h for h in hits if MARKER in h.passage.text]
    assert traces(folder, MARKER, TITLE) == []
    assert len(list((folder / "generations").iterdir())) == 1
    assert len(list((folder / "files").iterdir())) == 1
    after = cached(folder)
    assert after[0] < before[0]
    assert after == [15, 15]
    with KnowledgeBase.open(folder, embedder) as base:
        assert base.status().passages == 15
        assert base.search("留下的方案", on_date=TODAY, principal=Principal())
        law = base.cite(
            Basis(title="田野法", article="第一条"), on_date=TODAY, principal=Principal()
        )
        assert law.status is Validity.IN_FORCE


def test_a_removal_that_was_killed_is_finished_by_the_next_writer(
    folder, doomed, put, add, embedder, monkeypatch
):
    def killed(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(erasure, "sweep", killed)
    with pytest.raises(KeyboardInterrupt):
        remove_documents(folder, ["去.md", TITLE], embedder=embedder)
    assert traces(folder, MARKER)
    monkeypatch.undo()
    add(put("新.md", plan("新的方案", "新的内容。")))
    assert traces(folder, MARKER, TITLE) == []
    assert not (folder / erasure.MARK).exists()


def test_a_removed_text_that_another_passage_holds_keeps_its_vector(folder, put, add, embedder):
    shared = "两份文件都有的一段话。"
    add(
        put("a.md", plan("同名方案", shared, "甲独有的一段。")),
        put("b/a.md", plan("同名方案", shared, "乙独有的一段。")),
    )
    first = next(e for e in entries(folder).values())
    remove_documents(folder, [first.document.id], embedder=embedder)
    before = embedder.embedded
    assert len(texts(folder, embedder)) == 2
    assert cached(folder) == [2, 2]
    assert embedder.embedded == before


# --- resumed --------------------------------------------------------------------------------------


def test_what_was_read_is_not_read_again(folder, put, add, monkeypatch):
    paths = [put(f"{n}.md", plan(f"方案{n}", f"第{n}份的内容。")) for n in range(4)]
    monkeypatch.setattr(
        "knowledge_base.ingest.build.apply_locked",
        lambda *a: (_ for _ in ()).throw(KeyboardInterrupt),
    )
    with pytest.raises(KeyboardInterrupt):
        add(*paths)
    assert (folder / "ingest.sqlite").exists()
    monkeypatch.undo()
    monkeypatch.setattr(
        "knowledge_base.ingest.gather.read_all",
        lambda jobs, **k: pytest.fail("read again") if jobs else [],
    )
    report = add(*paths)
    assert (len(report.added), report.resumed) == (4, 4)
    assert not (folder / "ingest.sqlite").exists()


def test_a_damaged_journal_is_told(folder, put, add):
    folder.mkdir()
    (folder / "ingest.sqlite").write_bytes(b"not a database" * 100)
    from cspon.errors import SetupError

    with pytest.raises(SetupError, match="入库记录") as caught:
        add(put("a.md", plan("方案", "内容。")))
    assert "rm " in caught.value.mend


def test_the_journal_lets_old_rows_go(folder, monkeypatch):
    journal = Journal(folder)
    from cspon.schemas.knowledge import Document

    journal.put("k", Document(id="a", title="a"), (), (), 0, b"")
    monkeypatch.setattr("knowledge_base.ingest.journal.KEEP_DAYS", -1)
    journal.forget([])
    assert journal.get("k") is None
    journal.close()


# --- metadata by a model --------------------------------------------------------------------------


class Named:
    name = "scripted:test"


def test_a_model_completes_metadata_once_a_file(folder, put, add, monkeypatch):
    asked = []

    def fill(document, opening, chat):
        asked.append((document.title, opening[:6], chat.name))
        found = {**document.found_by, "issuer": "model"}
        return document.model_copy(update={"issuer": "示范市自然资源局", "found_by": found})

    monkeypatch.setattr("knowledge_base.ingest.model_fill.fill_by_model", fill)
    path = put("a.md", plan("湿地方案", "保护湿地。"))
    add(path, chat=Named())
    add(path, chat=Named())
    assert asked == [("湿地方案", "# 湿地方案", "scripted:test")]
    document = entries(folder)["a.md"].document
    assert (document.issuer, document.found_by["issuer"]) == ("示范市自然资源局", "model")


def test_a_dead_model_costs_a_notice_only(folder, put, add, monkeypatch):
    calls = []

    def fill(document, opening, chat):
        calls.append(document.title)
        raise ModelUnavailable("没有应答")

    monkeypatch.setattr("knowledge_base.ingest.model_fill.fill_by_model", fill)
    report = add(*(put(f"{n}.md", plan(f"方案{n}", "内容。")) for n in range(3)), chat=Named())
    assert (len(report.added), len(calls)) == (3, 1)
    assert sum("大模型不可用" in n for n in report.notices) == 1
