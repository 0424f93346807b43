import pytest

from cspon.schemas.agent import Principal
from knowledge_base.base import KnowledgeBase
from knowledge_base.citing.reference_index import REFERENCES
from knowledge_base.ingest.build import add_paths, remove_documents

LAW = (
    "# 水源法\n\n第一条 为了保护水源，制定本法。\n\n第二条 依照本法第一条和《田野法》第二条处理。\n"
)
ADMIN = Principal()


def add(folder, tmp_path, embedder, name, words):
    path = tmp_path / f"{name}.md"
    path.write_text(words, encoding="utf-8")
    return add_paths(folder, [path], embedder=embedder, workers=0)


@pytest.fixture
def held(folder, tmp_path, embedder):
    """A base that was changed twice: its references went on from generation to generation."""
    add(folder, tmp_path, embedder, "水源法(2020-01-01)", LAW)
    add(folder, tmp_path, embedder, "其他办法(2020-01-01)", LAW.replace("水源法", "其他办法"))
    add(folder, tmp_path, embedder, "水源法(2020-01-01)", LAW.replace("第一条和", ""))
    return folder


def references(base):
    index = base.opened().references
    return sorted(
        (r.source, r.target, r.article)
        for document in base.documents(principal=ADMIN)
        for number in (1, 2)
        for r in index.of_passage(f"{document.id}#{number}")
    )


EXPECTED = [
    ("其他办法@2020-01-01~f#2", "其他办法", "1"),
    ("其他办法@2020-01-01~f#2", "田野法", "2"),
    ("水源法@2020-01-01~f#2", "田野法", "2"),
]


def test_references_follow_the_changes_of_a_base(held, embedder, tmp_path):
    with KnowledgeBase.open(held, embedder) as base:
        assert references(base) == EXPECTED
        index = base.opened().references
        assert index.count() == 3
        assert [r.source for r in index.to(["田野法"], "2")] == [e[0] for e in EXPECTED[1:]]
        assert index.passage_at("水源法@2020-01-01~f", "2") == "水源法@2020-01-01~f#2"
        assert index.passage_at("水源法@2020-01-01~f", "9") is None
        remove_documents(held, ["其他办法"], embedder=embedder)
        assert references(base) == EXPECTED[2:]
        assert base.opened().references.to(["其他办法"], "1") == []


def test_a_base_without_the_file_is_read_from_its_store(held, embedder, tmp_path):
    with KnowledgeBase.open(held, embedder) as base:
        generation = base.opened().generation
    (generation / REFERENCES).unlink()
    with KnowledgeBase.open(held, embedder) as base:
        assert references(base) == EXPECTED
    add(held, tmp_path, embedder, "第三办法(2020-01-01)", LAW.replace("水源法", "第三办法"))
    with KnowledgeBase.open(held, embedder) as base:
        assert (base.opened().generation / REFERENCES).is_file()
        assert base.opened().references.count() == 5
