"""Searches that name a code of land use, a layer or a clause of a standard: what is named comes first."""

from datetime import date
from functools import cache

import pytest

from cspon.schemas.agent import Principal
from cspon.schemas.base import Secrecy
from knowledge_base.base import KnowledgeBase
from knowledge_base.ingest.build import add_paths

TODAY = date(2026, 11, 22)
STANDARD = """# 田野分类与数据库标准

## 1 范围

本标准规定了田野分类的代码和图层，2007年07月起草，用地分类一般规定见第5章。

## 5 分类

### 5.1 一般规定

用地分类采用两位、四位数字代码，各级用地分类的代码应当唯一，什么用地用什么代码由本标准规定。

表1 用地用海分类代码

| 代码 | 名称 | 含义 |
| --- | --- | --- |
| 01 | 耕地 | 种植农作物的土地 |
| 07 | 居住用地 | 城乡住宅及其附属设施的土地 |
| 0701 | 城镇住宅用地 | 用于城镇生活居住的土地 |

## 6 数据库

### 6.1 图层

图层有哪些字段由下列各表规定，图层名称采用汉语拼音首字母。

表2 规划分区（YDYHGHFQ）属性结构

| 字段名称 | 字段代码 | 类型 |
| --- | --- | --- |
| 标识码 | BSM | 字符 |

表3 生态保护红线（STBHHX）属性结构

| 字段名称 | 字段代码 | 类型 |
| --- | --- | --- |
| 标识码 | BSM | 字符 |
"""


@pytest.fixture(scope="module")
def standard(make_base, make_bare_embedder, tmp_path_factory):
    """Give a function that opens a base with the standard, built once for each level of secrecy."""
    embedder = make_bare_embedder()

    @cache
    def built(secrecy):
        root = tmp_path_factory.mktemp("standard")
        folder, path = make_base(root), root / "标准.md"
        path.write_text(STANDARD, encoding="utf-8")
        add_paths(folder, [path], embedder=embedder, secrecy=secrecy)
        return folder

    return lambda secrecy=Secrecy.PUBLIC: KnowledgeBase.open(built(secrecy), embedder)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("07 代码是什么用地", "居住用地"),
        ("0701是什么地类", "城镇住宅用地"),
        ("YDYHGHFQ 图层有哪些字段", "YDYHGHFQ"),
        ("stbhhx图层", "STBHHX"),
    ],
)
def test_what_uses_the_code_comes_first(standard, reader, query, words):
    with standard() as base:
        first, *_ = base.search(query, on_date=TODAY, principal=reader)
    assert first.routes["code"] == 1
    assert words in "".join((*first.passage.heading_path, first.passage.text))
    assert first.passage.kind == "table"


def test_a_named_article_stands_before_a_code(standard, reader):
    with standard() as base:
        hits = base.search("田野法第二条 07 代码是什么用地", on_date=TODAY, principal=reader)
    assert (hits[0].passage.title, hits[0].passage.article_key) == ("中华人民共和国田野法", "2")
    assert hits[1].routes["code"] == 1


def test_no_code_no_route(standard, reader):
    with standard() as base:
        hits = base.search("用地分类的一般规定", on_date=TODAY, principal=reader)
        nothing = base.search("2401代码是什么", on_date=TODAY, principal=reader)
    assert hits
    assert all("code" not in hit.routes for hit in (*hits, *nothing))


def test_a_code_opens_nothing_that_may_not_be_read(standard):
    with standard(secrecy=Secrecy.INTERNAL) as base:

        def titles(clearance):
            hits = base.search(
                "YDYHGHFQ 图层有哪些字段", on_date=TODAY, principal=Principal(clearance=clearance)
            )
            return {hit.passage.title for hit in hits}

        assert "田野分类与数据库标准" in titles(Secrecy.INTERNAL)
        assert "田野分类与数据库标准" not in titles(Secrecy.PUBLIC)


@pytest.mark.parametrize(
    ("query", "article"),
    [
        ("田野分类与数据库标准 5.1", "5.1"),
        ("《田野分类与数据库标准》第6.1条讲什么", "6.1"),
        ("田野分类与数据库标准5.1第（2）项", "5.1"),
    ],
)
def test_a_named_clause_comes_first(standard, reader, query, article):
    with standard() as base:
        first, *_ = base.search(query, on_date=TODAY, principal=reader)
    assert (first.passage.article, first.routes["exact"]) == (article, 1)


def test_a_label_that_is_not_there_is_not_named(standard, reader):
    with standard() as base:
        for query in ("田野分类与数据库标准 5.11", "田野分类与数据库标准附件1第一条"):
            hits = base.search(query, on_date=TODAY, principal=reader)
            assert all("exact" not in hit.routes for hit in hits)
