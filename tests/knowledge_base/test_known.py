from datetime import UTC, datetime

import pytest

from cspon.schemas.agent import Principal
from cspon.schemas.base import Secrecy
from cspon.schemas.knowledge import Document
from knowledge_base.catalogue import Catalogue, Entry
from knowledge_base.known import known_key, known_names

READER = Principal()
CLEARED = Principal(clearance=Secrecy.SENSITIVE)


@pytest.fixture
def catalogue():
    """土管法 is the short name of a law, and here also the title of a 敏感 text."""
    documents = [
        Document(id="a", title="土地管理法"),
        Document(id="b", title="土管法", secrecy=Secrecy.SENSITIVE),
        Document(id="c", title="机要土地管理法", secrecy=Secrecy.SENSITIVE),
        Document(id="d", title="水法", secrecy=Secrecy.SENSITIVE),
        Document(id="e", title="田野法", version="2020-01-01"),
        Document(id="f", title="田野法", version="2025-01-01", secrecy=Secrecy.SENSITIVE),
    ]
    return Catalogue(
        embedder="e",
        dim=1,
        recipe="r",
        store="edge",
        built_at=datetime.now(UTC),
        entries=tuple(Entry(document=d, origin="file", passages=1) for d in documents),
        lexicon=("土地管理法", "土管法", "机要土地管理法", "水法", "田野法"),
        known=("水法",),
    )


def test_a_hidden_title_does_not_change_what_a_short_name_means(catalogue):
    assert known_key(catalogue, "《土管法》", READER) == "土地管理法"
    assert known_key(catalogue, "土管法", CLEARED) == "土管法"


def test_hidden_titles_are_no_names_and_public_ones_stay(catalogue):
    assert known_names(catalogue, READER) == ("土地管理法", "水法", "田野法")
    assert known_names(catalogue, CLEARED) == catalogue.lexicon


def test_names_are_worked_out_once_for_the_same_permissions(catalogue, monkeypatch):
    first = known_names(catalogue, READER)
    monkeypatch.setattr("knowledge_base.known.may_read", lambda reader, item: False)
    assert known_names(catalogue, READER) is first
    assert known_names(catalogue, CLEARED) == ("水法",)
