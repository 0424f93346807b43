"""The law base for checks of citations: the listed laws, with vectors that cost nothing."""

import hashlib

import numpy as np
import pytest

from agents.review.laws import HeldLaws
from cspon.schemas.agent import Principal
from cspon.settings import load_settings
from knowledge_base.base import KnowledgeBase
from knowledge_base.ingest.build import build_laws


class NoEmbedder:
    """Vectors of nothing: clauses are looked up by title and number here."""

    name, dim = "none:test", 32

    def embed_query(self, text):
        digest = hashlib.blake2b(text.encode(), digest_size=32).digest()
        vector = np.frombuffer(digest, dtype=np.uint8).astype(np.float32) + 1
        return vector / np.linalg.norm(vector)

    def embed_passages(self, texts):
        return np.stack([self.embed_query(text) for text in texts])


@pytest.fixture(scope="session")
def laws(tmp_path_factory):
    settings = load_settings()
    folder = tmp_path_factory.mktemp("laws") / "kb"
    build_laws(
        folder, laws_list=settings.laws_list, laws_db=settings.laws_db, embedder=NoEmbedder()
    )
    with KnowledgeBase.open(folder, NoEmbedder()) as base:
        yield HeldLaws(base, Principal())
