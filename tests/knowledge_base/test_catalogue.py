from datetime import UTC, datetime

from cspon.schemas.knowledge import Document
from knowledge_base.catalogue import Catalogue, Entry
from knowledge_base.titles import title_key


def test_what_a_notice_carries_is_found_under_its_own_title():
    notice = Document(id="a", title="自然资源部关于印发《城镇开发边界管理办法（试行）》的通知")
    catalogue = Catalogue(
        embedder="e",
        dim=1,
        recipe="r",
        store="edge",
        built_at=datetime.now(UTC),
        entries=(Entry(document=notice, origin="file", passages=1),),
    )
    for title in ("《城镇开发边界管理办法（试行）》", notice.title):
        assert [e.document.id for e in catalogue.titled(title_key(title))] == ["a"]
    assert catalogue.titled(title_key("城镇开发边界管理办法")) == []
