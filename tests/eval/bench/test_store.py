import json

import numpy as np
import pytest

from eval.bench import store
from eval.bench.store import measure_edge, measure_local, measure_stores
from eval.bench.store_workload import Workload
from knowledge_base.store.edge import EdgeStore
from knowledge_base.store.protocol import point_id


@pytest.fixture
def few_questions(monkeypatch):
    monkeypatch.setattr(store, "QUESTIONS", 12)
    monkeypatch.setattr(store, "LOCAL_QUESTIONS", 2)


def test_a_workload_repeats():
    one, two = Workload(300), Workload(300)
    points = [p for batch in one.batches() for p in batch]
    assert points[7].passage == next(two.batches())[7].passage
    assert np.array_equal(one.dense(), np.stack([p.dense for p in points]))
    for first, second in zip(one.questions(5), two.questions(5), strict=True):
        assert np.array_equal(first.dense, second.dense)
        assert (first.sparse, first.where) == (second.sparse, second.where)


def test_its_shape_is_that_of_a_real_base():
    workload = Workload(2000)
    points = [p for batch in workload.batches() for p in batch]
    vectors = workload.dense()
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert 0.9 < np.linalg.norm(vectors.mean(axis=0)) < 0.97
    tokens = sorted(len(p.sparse.indices) for p in points)
    assert 55 < tokens[200] < 120 < tokens[1800] < 215
    frequency = np.bincount([i for p in points for i in p.sparse.indices]) / len(points)
    assert 0.4 < frequency.max() < 0.7
    assert all(5 <= len(q.sparse.indices) <= 40 for q in workload.questions(50))
    sizes = [len(p.passage.model_dump_json()) for p in points]
    assert 300 < np.median(sizes) < 700


def test_the_oracle_of_the_filter_agrees_with_the_engine(tmp_path):
    workload = Workload(700)
    engine = EdgeStore.create(tmp_path / "index", 384)
    for batch in workload.batches():
        engine.upsert(batch)
    for question in workload.questions(30):
        allowed = np.flatnonzero(workload.permitted(question.where))
        assert engine.count(question.where) == len(allowed)
        ids = {point_id(workload.passage_id(n)) for n in allowed}
        assert {f.id for f in engine.query_dense(question.dense, 60, question.where)} <= ids
    engine.close()


def test_the_embedded_store_is_measured_in_a_fresh_process(tmp_path, few_questions):
    figures = measure_edge(tmp_path, 600)
    assert figures["points"] == 600
    assert figures["recall@10"] == 1.0  # a small store is scanned
    for key in ("store_ms_p95", "dense_ms_p95", "sparse_ms_p95", "open_s", "rss_mb"):
        assert figures[key] > 0
    assert figures["rss_before_open_mb"] < figures["rss_mb"]
    assert not list((tmp_path / "retrieval").iterdir())


def test_a_run_has_every_size_and_the_peer(tmp_path, few_questions, monkeypatch):
    monkeypatch.setattr(store, "SMALL", 200)
    monkeypatch.setattr(store, "LOCAL", 300)
    result = measure_stores(tmp_path, 400)
    assert (result["points"], set(result["sizes"])) == (400, {"200", "300"})
    assert result["qdrant_local"]["points"] == 300
    assert result["qdrant_local_ratio"] > 0
    json.dumps(result)


def test_the_peer_alone(few_questions):
    figures = measure_local(120)
    assert figures["questions"] == 2
    assert figures["store_ms_p95"] > 0


def test_the_graph_finds_what_an_exhaustive_search_finds(tmp_path, monkeypatch):
    import qdrant_edge as qe

    from knowledge_base.store import edge

    graph = qe.HnswIndexConfig(edge.GRAPH.m, edge.GRAPH.ef_construct, 100, payload_m=0)
    monkeypatch.setattr(edge, "INDEX_FROM_KB", 1000)
    monkeypatch.setattr(edge, "GRAPH", graph)
    workload = Workload(3000)
    engine = EdgeStore.create(tmp_path / "index", 384)
    for batch in workload.batches():
        engine.upsert(batch)
    engine.flush()
    assert list((tmp_path / "index").glob("segments/*/vector_index-dense/graph*"))
    questions = workload.questions(40)
    found = [
        [f.id for f in engine.query_dense(q.dense, 60, q.where)][: store.SHOWN] for q in questions
    ]
    engine.close()
    assert store.recall(workload, questions, found)["recall@10"] >= 0.95
