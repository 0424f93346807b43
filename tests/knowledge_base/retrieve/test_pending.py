import threading

import numpy as np
import pytest

from cspon.errors import ModelUnavailable
from knowledge_base.lexical import query_vector
from knowledge_base.retrieve.pending import PendingVector
from knowledge_base.retrieve.routes import NOTHING, ask


class Slow:
    name, dim = "slow:1", 2

    def __init__(self):
        self.free = threading.Event()

    def embed_query(self, text):
        assert self.free.wait(30)
        if not text:
            raise ModelUnavailable("向量服务未能完成请求")
        return np.array([1.0, 0.0], dtype=np.float32)

    def embed_passages(self, texts):
        raise AssertionError(texts)


def test_the_words_of_a_question_do_not_wait_for_its_vector():
    embedder = Slow()
    pending = PendingVector(embedder, "耕地")
    asked = ask("耕地", pending, adaptation=None, memory=None, table={})
    assert asked.sparse == query_vector("耕地")
    assert pending.embed_ms == 0
    embedder.free.set()
    assert asked.vector is not None
    assert asked.vector.tolist() == [1, 0]
    assert asked.recall is NOTHING
    assert pending.embed_ms > 0
    assert pending.waited_ms > 0


def test_a_failure_comes_where_the_vector_is_asked_for():
    embedder = Slow()
    embedder.free.set()
    asked = ask("", PendingVector(embedder, ""), adaptation=None, memory=None, table={})
    with pytest.raises(ModelUnavailable):
        _ = asked.vector
