import os
import threading
import time

import pytest

from cspon.errors import InputError
from cspon.schemas.base import Secrecy
from knowledge_base.catalogue import current_generation, read_catalogue
from knowledge_base.ingest import watch as watching
from knowledge_base.ingest import watched_folder
from knowledge_base.ingest.watch import watch
from knowledge_base.ingest.watched_folder import NOT_TAKEN, Defaults


@pytest.fixture
def inbox(tmp_path):
    root = tmp_path / "收件"
    put(root / "湿地方案.md", "# 湿地保护方案\n\n一、目标\n\n保护湿地。\n")
    put(root / "二处" / "耕地办法.txt", "耕地办法\n\n第一条 保护耕地。\n\n第二条 禁止占用。\n")
    return root


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    old = time.time() - 60
    os.utime(path, (old, old + len(text)))  # settled long ago, and changed when its text is
    return path


@pytest.fixture
def look(folder, inbox, embedder):
    def run(**given):
        told = []
        done = watch(
            folder, inbox, **({"embedder": embedder, "once": True, "told": told.append} | given)
        )
        return done, told

    return run


def titles(folder):
    return sorted(e.document.title for e in read_catalogue(current_generation(folder)).entries)


def test_what_is_there_comes_in_once(folder, inbox, look):
    done, (report,) = look()
    assert (done.added, len(report.added)) == (2, 2)
    assert titles(folder) == ["湿地保护方案", "耕地办法"]
    done, told = look()
    assert (done.reports, told) == (0, [])


def test_a_restart_does_not_read_what_it_took_in(look, monkeypatch):
    look()
    monkeypatch.setattr(watching, "add_paths", lambda *a, **k: pytest.fail("read again"))
    look()


def test_changed_and_new_files_follow(folder, inbox, look):
    look()
    put(inbox / "湿地方案.md", "# 湿地保护方案\n\n一、目标\n\n恢复湿地的面积。\n")
    put(inbox / "新.md", "# 新的方案\n\n一、总体\n\n统筹。\n")
    done, (report,) = look()
    assert (done.added, done.changed, done.removed) == (1, 1, 0)
    assert report.chunks.removed == 1
    assert len(titles(folder)) == 3


def test_subfolders_say_who_may_read(folder, inbox, look):
    put(inbox / "二处" / "入库设置.yaml", "secrecy: 内部\ndepartment: 耕保处\nroles: [审查员]\n")
    look(defaults=Defaults(department="办公室"))
    held = {
        e.document.title: e.document for e in read_catalogue(current_generation(folder)).entries
    }
    law, plan = held["耕地办法"], held["湿地保护方案"]
    assert (law.secrecy, law.department, law.roles) == (Secrecy.INTERNAL, "耕保处", ("审查员",))
    assert (plan.secrecy, plan.department) == (Secrecy.PUBLIC, "办公室")
    put(inbox / "二处" / "入库设置.yaml", "secrecy: 敏感\n")
    look(defaults=Defaults(department="办公室"))
    held = {
        e.document.title: e.document for e in read_catalogue(current_generation(folder)).entries
    }
    assert (held["耕地办法"].secrecy, held["耕地办法"].department) == (Secrecy.SENSITIVE, None)


def test_wrong_settings_never_widen_access(folder, inbox, look):
    put(inbox / "二处" / "入库设置.yaml", "secrecy: 绝密\n")
    done, _ = look()
    assert titles(folder) == ["湿地保护方案"]
    assert [f.path.rsplit("/", 1)[1] for f in done.failures.values()] == ["耕地办法.txt"]
    assert "二处/耕地办法.txt" in (inbox / NOT_TAKEN).read_text(encoding="utf-8")
    put(inbox / "二处" / "入库设置.yaml", "secrecy: 敏感\n")
    done, _ = look()
    assert len(titles(folder)) == 2
    assert not (inbox / NOT_TAKEN).exists()


def test_what_fails_is_listed_and_tried_again_when_mended(folder, inbox, look):
    put(inbox / "坏.docx", "not a document")
    done, _ = look()
    assert len(done.failures) == 1
    listed = (inbox / NOT_TAKEN).read_text(encoding="utf-8")
    assert "坏.docx" in listed
    assert "原因：" in listed
    assert titles(folder) == ["湿地保护方案", "耕地办法"]
    (inbox / "坏.docx").unlink()
    look()
    assert not (inbox / NOT_TAKEN).exists()


def test_a_mirror_removes_what_is_gone(folder, inbox, look):
    look()
    (inbox / "湿地方案.md").unlink()
    done, _ = look()
    assert done.removed == 0
    done, _ = look(mirror=True)
    assert done.removed == 1
    assert titles(folder) == ["耕地办法"]


def test_a_mirror_keeps_a_file_that_was_renamed(folder, inbox, look):
    look(mirror=True)
    (inbox / "湿地方案.md").rename(inbox / "湿地方案（定稿）.md")
    done, _ = look(mirror=True)
    assert done.removed == 0
    assert len(titles(folder)) == 2
    put(inbox / "湿地方案（定稿）.md", "# 湿地保护方案\n\n一、目标\n\n恢复湿地的面积。\n")
    done, _ = look(mirror=True)
    assert (done.added, done.changed, len(titles(folder))) == (0, 1, 2)


def test_a_copy_keeps_the_text_when_the_first_file_goes(folder, inbox, look):
    look(mirror=True)
    put(inbox / "副本" / "抄件.md", (inbox / "湿地方案.md").read_text(encoding="utf-8"))
    look(mirror=True)
    (inbox / "湿地方案.md").unlink()
    done, _ = look(mirror=True)
    assert (done.removed, len(titles(folder))) == (0, 2)
    (inbox / "副本" / "抄件.md").unlink()
    done, _ = look(mirror=True)
    assert (done.removed, len(titles(folder))) == (1, 1)


def test_an_empty_folder_removes_nothing(folder, inbox, look):
    look(mirror=True)
    for path in (inbox / "湿地方案.md", inbox / "二处" / "耕地办法.txt"):
        path.unlink()
    told = []
    done, _ = look(mirror=True, progress=told.append)
    assert done.removed == 0
    assert any("是空的" in line for line in told)
    assert len(titles(folder)) == 2


def test_a_file_that_is_still_written_waits(folder, inbox, look, monkeypatch):
    growing = inbox / "传输中.md"
    growing.write_text("# 传输中的方案\n\n前一半", encoding="utf-8")

    def sleep(seconds):
        with growing.open("a", encoding="utf-8") as stream:
            stream.write("，还在写。")

    monkeypatch.setattr(watched_folder.time, "sleep", sleep)
    look()
    assert "传输中的方案" not in titles(folder)
    monkeypatch.setattr(watched_folder.time, "sleep", lambda seconds: None)
    look()
    assert "传输中的方案" in titles(folder)


def test_a_watch_goes_on_until_it_is_stopped(folder, inbox, embedder):
    stop, seen = threading.Event(), []

    def told(report):
        seen.append(report)
        if len(seen) == 1:
            put(inbox / "后来.md", "# 后来的方案\n\n一、总体\n\n后来的内容。\n")
        else:
            stop.set()

    thread = threading.Thread(
        target=watch,
        args=(folder, inbox),
        kwargs={"embedder": embedder, "interval_s": 0.05, "stop": stop, "told": told},
    )
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    assert len(titles(folder)) == 3


def test_no_folder_no_watch(folder, tmp_path, embedder):
    with pytest.raises(InputError, match="不存在"):
        watch(folder, tmp_path / "没有", embedder=embedder, once=True)
