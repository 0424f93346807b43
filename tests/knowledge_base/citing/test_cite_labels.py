"""Clauses of standards and attachments: cited by their own label, else by the nearest prefix, which is said."""

from datetime import date

import pytest

from cspon.schemas.agent import Principal
from cspon.schemas.knowledge import Basis
from knowledge_base.base import KnowledgeBase
from knowledge_base.ingest.build import add_paths

TODAY = date(2026, 11, 22)
GUIDE = """# 田野建设指南

## 5 内容

### 5.6 应用

#### 5.6.2 功能模块

##### 5.6.2.1 管理功能

建设管理功能，包括以下内容：

（1）建设台账：

①登记地块。

②核对面积。

（2）运行维护。

##### 5.6.2.2 公开功能

公开田野信息。
"""
NOTICE = """# 关于印发田野管理若干文件的通知

各省：

现将文件印发你们，请遵照执行。

附件1 田野巡查规定

第一条 巡查应当每月一次。

第二条 巡查应当留痕。

附件2 田野整改规定

第一条 整改应当在三十日内完成。

第二条 整改应当销号。
"""


@pytest.fixture(scope="module")
def cite(make_base, make_bare_embedder, tmp_path_factory):
    """Cite from one base with the guide and the notice; tests only read it."""
    root, embedder = tmp_path_factory.mktemp("labels"), make_bare_embedder()
    folder = make_base(root)
    for name, text in (("指南.md", GUIDE), ("通知.md", NOTICE)):
        (root / name).write_text(text, encoding="utf-8")
    add_paths(folder, [root / "指南.md", root / "通知.md"], embedder=embedder)
    with KnowledgeBase.open(folder, embedder) as base:

        def run(title, article, quote=None):
            basis = Basis(title=title, article=article, quote=quote)
            return base.cite(basis, on_date=TODAY, principal=Principal())

        yield run


@pytest.mark.parametrize("article", ["5.6.2.2", "第5.6.2.2条", "５.６.２.２"])
def test_a_clause_of_a_standard(cite, article):
    citation = cite("田野建设指南", article, "公开田野信息")
    assert (citation.verification, citation.article) == ("verified", "5.6.2.2")
    assert citation.note == "" or "效力" in citation.note or "待核" in citation.note


def test_a_part_is_looked_for_in_its_clause(cite):
    citation = cite("田野建设指南", "5.6.2.1(1)②", "核对面积")
    assert (citation.verification, citation.article) == ("verified", "5.6.2.1(1)②")
    assert "库内收至5.6.2.1，所引(1)②在其文字中" in citation.note
    wrong = cite("田野建设指南", "5.6.2.1(1)②", "登记地块")
    assert wrong.verification == "contradicted"
    assert "不在所引款项" in wrong.note
    none = cite("田野建设指南", "5.6.2.1(3)")
    assert none.verification == "contradicted"
    assert "5.6.2.1没有(3)" in none.note


def test_a_heading_stands_for_what_is_under_it(cite):
    citation = cite("田野建设指南", "5.6.2", "公开田野信息")
    assert citation.verification == "verified"
    assert "5.6.2是标题，文字在其下的5.6.2.2" in citation.note


@pytest.mark.parametrize("article", ["5.6.9", "5.6.22", "5.7", "附录B.2", "附件1第一条"])
def test_another_label_is_not_found(cite, article):
    citation = cite("田野建设指南", article)
    assert (citation.verification, citation.passage_id) == ("contradicted", None)


@pytest.mark.parametrize(
    ("article", "quote", "verification"),
    [
        ("附件1第一条", "每月一次", "verified"),
        ("附件2第一条", "三十日内", "verified"),
        ("附件一第1条", "每月一次", "verified"),
        ("附件1第一条", "三十日内", "contradicted"),
        ("附件1第三条", None, "contradicted"),
        ("附件3第一条", None, "contradicted"),
        (
            "第一条",
            "每月一次",
            "verified",
        ),  # of the first attachment: what a notice carries is its own
        ("第一条", "三十日内", "contradicted"),
    ],
)
def test_articles_of_attachments_are_told_apart(cite, article, quote, verification):
    citation = cite("关于印发田野管理若干文件的通知", article, quote)
    assert citation.verification == verification
    if citation.verification == "verified":
        assert citation.article.endswith("第一条")


def test_an_attachment_is_not_the_law_itself(cite):
    assert cite("田野法", "附件1第一条").verification == "contradicted"
    assert cite("田野法", "第一条").verification == "verified"
