import json
from pathlib import Path

import numpy as np
import pytest

from cspon.errors import InputError
from eval.bench import retrieval
from eval.bench.retrieval import interval, read_set, run, score


@pytest.fixture
def inputs(tmp_path, two_laws, letter_embedder):
    questions = [
        {"query": "占用永久基本农田", "gold": ["田野法#1"]},
        {"query": "采砂许可", "gold": ["河道条例#2"]},
        {"query": "没有答案的问题", "gold": ["别的法#9"]},
    ]
    (tmp_path / "set.json").write_text(json.dumps(questions), encoding="utf-8")
    listed = tmp_path / "laws.yaml"
    listed.write_text("laws:\n- title: 耕地占用税法\n", encoding="utf-8")
    return {
        "set_file": tmp_path / "set.json",
        "corpus": two_laws,
        "folder": tmp_path / "bench",
        "kb_dir": tmp_path / "kb",
        "laws_list": listed,
        "laws_db": None,
        "embedder": letter_embedder,
        "synthetic": 0,
    }


def test_scores_by_hand():
    assert score(["a", "b"], ["b"]) == {
        "recall@1": 0.0,
        "recall@5": 1.0,
        "recall@10": 1.0,
        "mrr@10": 0.5,
        "ndcg@10": pytest.approx(1 / np.log2(3)),
    }
    assert score(["a"], ["a", "z"])["recall@10"] == 0.5
    assert score([], ["a"])["ndcg@10"] == 0.0
    assert score(["a", "b"], ["b", "a"])["ndcg@10"] == pytest.approx(1.0)


def test_the_interval_holds_the_mean_and_repeats():
    one = interval([0, 1] * 50)
    assert one["low"] < one["value"] == 0.5 < one["high"]
    assert one == interval([0, 1] * 50)
    assert interval([1, 1, 1]) == {"value": 1.0, "low": 1.0, "high": 1.0}


def test_a_run_has_the_promised_keys(inputs):
    result = run(**inputs)
    for key in ("recall@1", "recall@5", "recall@10", "mrr@10", "ndcg@10"):
        assert set(result[key]) == {"value", "low", "high"}
        assert set(result["baselines"]["bm25_jieba"][key]) == {"value", "low", "high"}
    assert result["recall@1"]["value"] == pytest.approx(2 / 3, abs=1e-4)
    assert (result["n"], result["gold_not_in_corpus"], result["corpus_passages"]) == (3, 1, 4)
    assert set(result["baselines"]) == {"dense", "bm25_jieba", "bm25_bigrams", "rrf"}
    for key in ("query_ms_p50", "query_ms_p95", "store_ms_p95", "open_s", "rss_mb"):
        assert result[key] > 0
    assert {"machine", "versions", "n", "why"} <= set(result)
    json.dumps(result)


def test_without_a_set_latency_only(inputs):
    result = run(**(inputs | {"set_file": None, "corpus": None}))
    assert result["recall@1"] is None
    assert "检索集" in result["why"]["recall"]
    assert result["queries"] == len(retrieval._queries()) >= 50


def test_json_corpora(inputs, tmp_path):
    path = tmp_path / "articles.json"
    rows = [
        {"id": "中华人民共和国民法典第五十四条", "text": "个体工商户可以起字号。"},
        {"id": "中华人民共和国民法典第五十五条", "text": "农村承包经营户。"},
    ]
    path.write_text(json.dumps(rows), encoding="utf-8")
    set_file = tmp_path / "lay.json"
    set_file.write_text(
        json.dumps([{"query": "起字号", "gold": [rows[0]["id"]]}]), encoding="utf-8"
    )
    result = run(**(inputs | {"set_file": set_file, "corpus": path}))
    assert result["recall@1"]["value"] == 1.0


@pytest.mark.parametrize("text", ["{", '{"a": 1}', '[{"query": "x"}]'])
def test_a_wrong_set_is_explained(tmp_path, text):
    path = tmp_path / "set.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"set\.json"):
        read_set(path)


def test_a_set_needs_a_corpus(inputs):
    with pytest.raises(InputError, match="--corpus"):
        run(**(inputs | {"corpus": None}))
    with pytest.raises(InputError, match="语料目录"):
        empty = Path(inputs["folder"])
        empty.mkdir()
        run(**(inputs | {"corpus": empty}))
