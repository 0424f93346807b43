import errno
import fcntl
import json
import shutil
from datetime import date

import pytest

from cspon.errors import InputError, SetupError
from cspon.schemas.agent import Principal
from cspon.schemas.knowledge import Basis, Validity
from knowledge_base import catalogue as catalogue_module
from knowledge_base.base import KnowledgeBase
from knowledge_base.catalogue import current_generation, read_catalogue
from knowledge_base.ingest.build import Engine, add_paths, build_laws, remove_documents
from knowledge_base.store.server import ServerStore

TODAY = date(2026, 11, 22)


@pytest.fixture
def files(tmp_path):
    """A folder with a regulation, a running text, a classified and a broken file."""
    root = tmp_path / "files"
    root.mkdir()
    (root / "湿地条例(2022-03-01).md").write_text(
        "# 湿地条例\n\n2022年3月1日 国务院令第1号公布\n\n第一条 保护湿地。\n\n第二条 本条例自2022年6月1日起施行。\n",
        encoding="utf-8",
    )
    (root / "方案.txt").write_text("工作方案\n\n一、目标\n\n实现湿地保护目标。\n", encoding="gbk")
    (root / "密件.md").write_text("机密★10年\n\n第一条 甲。\n第二条 乙。\n", encoding="utf-8")
    (root / "坏.docx").write_bytes(b"broken")
    return root


def opened(folder, embedder):
    return KnowledgeBase.open(folder, embedder)


def names(folder):
    return sorted(p.name for p in (folder / "generations").iterdir())


def test_a_build_reports_what_it_did(build, folder):
    report = build()
    assert (report.documents, report.passages) == (7, 14)
    assert report.embedded == 14
    assert report.gaps == {"生态大法典@2026-03-12": ("第二条",)}
    assert names(folder) == ["000001"]


def test_building_again_changes_nothing(build, folder, embedder):
    build()
    before = embedder.embedded
    report = build()
    assert (report.added, report.changed, report.removed, report.embedded) == ((), (), (), 0)
    assert embedder.embedded == before
    assert names(folder) == ["000001"]


def test_an_edited_list_adds_and_removes_laws(build, folder, embedder, make_list):
    build()
    report = build(laws_list=make_list(["田野法", "耕保法"]))
    assert set(report.removed) == {
        "农事法@2012-12-28",
        "农事法@2026-08-28",
        "承包地法@2018-12-29",
        "生态大法典@2026-03-12",
        "旧环境法@2014-04-24",
    }
    assert report.changed == ("田野法@2019-08-26",)  # its corrected first day left the list
    assert report.embedded == 0
    with opened(folder, embedder) as base:
        assert base.status().passages == 5


def test_a_failed_build_leaves_the_old_base(build, folder, embedder, make_list, monkeypatch):
    build()
    monkeypatch.setattr(
        "knowledge_base.ingest.index.publish",
        lambda *a, **k: (_ for _ in ()).throw(OSError(errno.ENOSPC, "x")),
    )
    with pytest.raises(SetupError, match="磁盘空间不足"):
        build(laws_list=make_list(["田野法"]))
    assert names(folder) == ["000001"]
    with opened(folder, embedder) as base:
        assert base.status().documents == 7


def test_a_killed_build_leaves_nothing_and_the_next_one_goes_on(
    build, folder, embedder, monkeypatch
):
    def killed(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("knowledge_base.ingest.index.publish", killed)
    with pytest.raises(KeyboardInterrupt):
        build()
    assert names(folder) == []
    (folder / "generations" / ".building-1").mkdir()  # what a hard kill would leave
    monkeypatch.undo()
    report = build()
    assert (report.embedded, names(folder)) == (0, ["000001"])


def test_too_little_disk_is_told_before_copying(build, folder, files, embedder, monkeypatch):
    build()
    usage = shutil.disk_usage(folder)._replace(free=1)
    monkeypatch.setattr(catalogue_module.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(SetupError, match="磁盘空间不足"):
        add_paths(folder, [files], embedder=embedder)


def test_two_writers_do_not_meet(build, folder):
    build()
    with (folder / "write.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(SetupError, match="正被另一进程写入"):
            build()


def test_a_folder_that_is_a_file_is_explained(build, tmp_path):
    (tmp_path / "kb").write_text("")
    with pytest.raises(SetupError, match="无法写入知识库目录"):
        build()


def test_files_come_in_and_bad_ones_do_not_stop_them(build, folder, files, embedder, reader):
    build()
    report = add_paths(folder, [files], embedder=embedder)
    assert len(report.added) == 2
    assert {f.path.rsplit("/", 1)[1]: f.message for f in report.failures}.keys() == {
        "密件.md",
        "坏.docx",
    }
    assert any("密级" in f.message for f in report.failures)
    with opened(folder, embedder) as base:
        citation = base.cite(
            Basis(title="湿地条例", article="第一条", quote="保护湿地"),
            on_date=TODAY,
            principal=reader,
        )
        assert (citation.verification, citation.status) == ("verified", Validity.IN_FORCE)
        assert citation.source == "湿地条例(2022-03-01).md"
        assert citation.effective_from == date(2022, 6, 1)
        assert base.status().by_source["文件"] == 2


def test_adding_again_changes_nothing_and_an_edit_replaces(build, folder, files, embedder, reader):
    build()
    add_paths(folder, [files], embedder=embedder)
    again = add_paths(folder, [files], embedder=embedder)
    assert (again.added, again.changed, again.removed, again.embedded) == ((), (), (), 0)
    (files / "方案.txt").write_text(
        "工作方案\n\n一、目标\n\n改为恢复湿地面积。\n", encoding="utf-8"
    )
    edited = add_paths(folder, [files], embedder=embedder)
    assert (edited.added, edited.removed, len(edited.changed)) == ((), (), 1)
    assert (edited.chunks.added, edited.chunks.removed) == (1, 1)
    with opened(folder, embedder) as base:
        texts = [
            h.passage.text
            for h in base.search("湿地面积目标", on_date=TODAY, principal=reader, k=50)
        ]
    assert not any("实现湿地保护目标" in t for t in texts)
    assert any("恢复湿地面积" in t for t in texts)


def test_files_alone_make_a_base(folder, files, embedder):
    report = add_paths(folder, [files / "湿地条例(2022-03-01).md"], embedder=embedder)
    assert (report.documents, report.passages) == (1, 2)


def test_files_survive_a_build_and_a_build_survives_files(build, folder, files, embedder):
    add_paths(folder, [files], embedder=embedder)
    build()
    report = build()
    assert (report.added, report.removed, report.documents) == ((), (), 9)


def test_an_older_version_from_a_file_ends_where_the_newer_begins(
    build, folder, tmp_path, embedder, reader
):
    build()
    path = tmp_path / "田野法(2004-08-28).md"
    path.write_text(
        "# 中华人民共和国田野法\n\n2004年8月28日 修正\n\n第一条 旧文。\n\n第二条 旧的规定。\n",
        encoding="utf-8",
    )
    add_paths(folder, [path], embedder=embedder)
    with opened(folder, embedder) as base:

        def state(day):
            citation = base.cite(
                Basis(title="田野法", article="第二条"), on_date=day, principal=reader
            )
            return citation.quote[:2], citation.effective_to

        assert state(date(2019, 12, 31)) == ("旧的", date(2020, 1, 1))
        assert state(TODAY) == ("永久", None)


def test_a_newer_version_from_a_file_changes_the_window_of_the_held_one(
    build, folder, tmp_path, embedder, reader
):
    build()
    path = tmp_path / "田野法(2026-10-01).md"
    path.write_text(
        "# 中华人民共和国田野法\n\n2026年10月1日 修订\n\n第一条 新。\n\n第二条 本法自2026年11月1日起施行。\n",
        encoding="utf-8",
    )
    report = add_paths(folder, [path], embedder=embedder)
    assert report.changed == ("田野法@2019-08-26",)
    with opened(folder, embedder) as base:
        hits = base.search("永久基本农田不得擅自占用", on_date=TODAY, principal=reader, k=50)
        assert not [h for h in hits if h.passage.document_id == "田野法@2019-08-26"]


def test_the_same_version_from_a_file_fills_gaps_only(build, folder, tmp_path, embedder, reader):
    build()
    path = tmp_path / "生态大法典(2026-03-12).md"
    path.write_text(
        "# 中华人民共和国生态大法典\n\n2026年3月12日 通过\n\n第一条 为了保护生态环境，制定本法。\n\n"
        "第二条 补入的条文。\n\n第三条 本法自2026年8月15日起施行。\n",
        encoding="utf-8",
    )
    report = add_paths(folder, [path], embedder=embedder)
    assert any("补入缺条 1 条" in n and "1 条文字与库内不同" in n for n in report.notices)
    with opened(folder, embedder) as base:
        citation = base.cite(
            Basis(title="生态大法典", article="第二条"), on_date=TODAY, principal=reader
        )
        assert (citation.verification, citation.source) == ("verified", path.name)
        assert (
            base.cite(
                Basis(title="生态大法典", article="第一条"), on_date=TODAY, principal=reader
            ).source
            == "laws.db"
        )
    rebuilt = build()
    assert (rebuilt.added, rebuilt.removed, rebuilt.changed) == ((), (), ())


def test_documents_are_removed_by_name_title_or_id(build, folder, files, embedder):
    build()
    add_paths(folder, [files], embedder=embedder)
    assert (
        len(
            remove_documents(
                folder, ["方案.txt", "中华人民共和国农事法"], embedder=embedder
            ).removed
        )
        == 3
    )
    with pytest.raises(InputError, match="没有的文件"):
        remove_documents(folder, ["没有的文件"], embedder=embedder)
    with opened(folder, embedder) as base:
        assert base.status().documents == 6


def test_nothing_to_add_is_told(folder, tmp_path, embedder):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="没有找到可入库的文件"):
        add_paths(folder, [tmp_path / "empty"], embedder=embedder)


def test_another_embedder_is_refused_until_rebuilt(build, folder, files, embedder, make_embedder):
    build()
    add_paths(folder, [files / "方案.txt"], embedder=embedder)
    other = make_embedder("hashing:other", 64)
    with pytest.raises(SetupError, match="hashing:test") as caught:
        opened(folder, other)
    assert "build-laws" in caught.value.mend
    report = build(embedder=other)
    assert (report.documents, report.embedded) == (8, 15)
    with opened(folder, other) as base:
        assert base.status().embedder == "hashing:other"


@pytest.mark.parametrize("damage", ["index", "catalogue", "pointer", "part"])
def test_a_damaged_base_is_told_and_rebuilt(build, folder, embedder, damage):
    build()
    generation = current_generation(folder)
    match damage:
        case "index":
            shutil.rmtree(generation / "index")
        case "part":
            shutil.rmtree(generation / "index" / "segments")
            (generation / "index" / "segments").mkdir()
        case "catalogue":
            (generation / "catalogue.json").write_text("{")
        case "pointer":
            (folder / "CURRENT").write_text("000777")
    with pytest.raises(SetupError) as caught:
        opened(folder, embedder)
    assert "build-laws" in caught.value.mend
    report = build()
    assert any("已重建" in n for n in report.notices)
    with opened(folder, embedder) as base:
        assert base.status().documents == 7


def test_a_base_that_was_never_built_is_told(folder, embedder):
    with pytest.raises(SetupError, match="尚未建立"):
        opened(folder, embedder)


def test_an_open_base_goes_on_and_takes_up_the_new_generation(
    build, folder, files, embedder, reader
):
    build()
    with opened(folder, embedder) as base:
        assert base.status().documents == 7
        add_paths(folder, [files], embedder=embedder)
        assert base.status().documents == 9
        assert (
            base.search("湿地条例第一条", on_date=TODAY, principal=reader)[0].passage.title
            == "湿地条例"
        )
        for _ in range(3):
            remove_documents(folder, ["湿地条例"], embedder=embedder)
            add_paths(folder, [files], embedder=embedder)
        assert base.article("湿地条例", "1", on_date=TODAY, principal=reader).text == "保护湿地。"
    assert len(names(folder)) == 2


def test_the_server_store_builds_the_same_base(build, folder, files, embedder, reader, monkeypatch):
    """Both engines, one base: same answers. The server is qdrant-client's local mode."""
    from qdrant_client import QdrantClient

    client = QdrantClient(location=":memory:")
    monkeypatch.setattr(
        ServerStore,
        "connect",
        classmethod(lambda cls, url, name, key=None: cls(client, name, ":memory:")),
    )
    monkeypatch.setattr(ServerStore, "close", lambda self: None)
    engine = Engine("server", "http://127.0.0.1:6333")
    served = folder.parent / "served"
    build(), build(folder=served, engine=engine)
    for target, given in ((folder, None), (served, engine)):
        add_paths(target, [files], embedder=embedder, engine=given)
        remove_documents(target, ["方案.txt"], embedder=embedder, engine=given)
    with (
        opened(folder, embedder) as edge,
        KnowledgeBase.open(served, embedder, store="server", qdrant_url="x") as server,
    ):
        for query in ("永久基本农田不得占用", "湿地条例第一条", "承包期", "粮食生产"):
            found = [
                [h.passage.id for h in b.search(query, k=5, on_date=TODAY, principal=reader)][:1]
                for b in (edge, server)
            ]
            assert found[0] == found[1]
        basis = Basis(title="农事法", article="第二条")
        assert edge.cite(basis, on_date=TODAY, principal=reader) == server.cite(
            basis, on_date=TODAY, principal=reader
        )
        assert edge.status().passages == server.status().passages == 16
    with pytest.raises(SetupError, match="建在 server 上"):
        opened(served, embedder)
    client.close()


def test_progress_is_told(build):
    told: list[str] = []
    build(progress=told.append)
    assert told[0] == "读取法规库"
    assert any("写入索引 14/14" in line for line in told)


def test_the_catalogue_is_readable_json(build, folder):
    build()
    generation = current_generation(folder)
    data = json.loads((generation / "catalogue.json").read_text(encoding="utf-8"))
    assert {e["document"]["title"] for e in data["entries"]} >= {"中华人民共和国田野法"}
    assert len(read_catalogue(generation).entries) == 7


def test_principals_do_not_see_titles_they_may_not_read(build, folder, files, embedder):
    build()
    add_paths(folder, [files], embedder=embedder, department="湿地处")
    with opened(folder, embedder) as base:
        assert "湿地条例" not in base.titles(principal=Principal())
        assert "湿地条例" in base.titles(principal=Principal(departments=("湿地处",)))
        assert base.passage("湿地条例@2022-03-01~f#1", principal=Principal()) is None
        seen = base.passage("湿地条例@2022-03-01~f#1", principal=Principal(departments=("湿地处",)))
        assert seen.text == "保护湿地。"


@pytest.mark.corpus
@pytest.mark.integration
def test_the_corpus_makes_a_base(shared, folder, embedder, reader):
    """All 101 files through the whole pipe with the tests' own embedder."""
    report = add_paths(folder, [shared / "corpus" / "laws"], embedder=embedder)
    assert (report.documents, report.failures) == (101, ())
    assert report.gaps == {}
    with opened(folder, embedder) as base:
        for title, article, words in (
            ("土地管理法", "第三十五条", "永久基本农田经依法划定后"),
            ("基本农田保护条例", "第十五条", "国务院批准"),
            ("生态环境法典", "第一千二百零一条", ""),
            ("民法典", "第二百四十三条", "征收"),
        ):
            citation = base.cite(
                Basis(title=title, article=article, quote=words or None),
                on_date=TODAY,
                principal=reader,
            )
            assert citation.verification == "verified", citation
        assert (
            base.search("基本农田保护条例第十五条", on_date=TODAY, principal=reader)[
                0
            ].passage.article_key
            == "15"
        )


@pytest.mark.integration
def test_the_whole_default_base_answers(folder, embedder, reader):
    """The package's real texts, without the real embedder: what decides about law is not a vector."""
    from pathlib import Path

    build_laws(
        folder,
        laws_list=Path(catalogue_module.__file__).parent / "planning_laws.yaml",
        embedder=embedder,
    )
    with opened(folder, embedder) as base:
        status = base.status()
        assert (status.documents, status.passages) == (52, 6113)

        def cite(title, article, day=TODAY):
            return base.cite(Basis(title=title, article=article), on_date=day, principal=reader)

        assert cite("土管法", "第三十五条").status is Validity.IN_FORCE
        assert cite("耕地保护和质量提升法", "第一条").status is Validity.NOT_YET
        assert cite("农业法", "第一条").effective_to == date(2027, 1, 1)
        assert "2026-08-28" in cite("农业法", "第一条", date(2027, 1, 1)).passage_id
        assert cite("农村土地承包法", "第一条").status is Validity.UNKNOWN
        assert "入库文本缺" in cite("生态环境法典", "第一千一百二十条").note
        repealed = cite("环境影响评价法", "第十六条")
        assert (repealed.verification, repealed.status) == ("not_in_base", Validity.REPEALED)
        assert "第一千二百四十二条" in repealed.note


def test_another_dictionary_is_refused_until_the_index_is_renewed(
    build, folder, embedder, monkeypatch
):
    build()
    for module in ("view", "ingest.plan"):
        monkeypatch.setattr(f"knowledge_base.{module}.index_recipe", lambda embedder: "other")
    monkeypatch.setattr("knowledge_base.ingest.index.lexical_recipe", lambda: "other")
    with pytest.raises(SetupError, match="字词索引"):
        opened(folder, embedder)
    report = build()
    assert (report.embedded, len(report.changed)) == (0, 7)
    opened(folder, embedder).close()
