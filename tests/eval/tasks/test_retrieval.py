import json
from pathlib import Path

import pytest

from cspon.errors import InputError, SetupError
from eval.run import run_task
from eval.task import Resources, get_task
from eval.tasks.retrieval import law_of


@pytest.fixture
def resources(tmp_path, two_laws, letter_embedder):
    questions = [
        {"query": "根据《田野法》，占用永久基本农田", "gold": ["田野法#1"]},
        {"query": "采砂许可", "gold": ["河道条例#2"]},
        {"query": "没有答案的问题", "gold": ["别的法#9", "田野法#2"]},
    ]
    (tmp_path / "mine.json").write_text(json.dumps(questions), encoding="utf-8")
    return Resources(
        folder=tmp_path / "bench",
        say=lambda text: None,
        embedder=letter_embedder,
        set=str(tmp_path / "mine.json"),
        corpus=two_laws,
    )


def test_a_set_of_ones_own(resources, tmp_path):
    result = run_task(get_task("retrieval"), resources, tmp_path / "out")
    assert result["n"] == 3
    assert set(result["metrics"]) == {"recall@1", "recall@5", "recall@10", "mrr@10", "ndcg@10"}
    assert set(result["baselines"]) == {"bm25_jieba", "bm25_bigrams", "dense", "rrf"}
    assert result["baselines"]["bm25_bigrams"]["recall@1"]["value"] == pytest.approx(
        2 / 3, abs=0.01
    )
    with Path(result["log"]).open(encoding="utf-8") as log:
        rows = [json.loads(line) for line in log]
    assert [row["id"] for row in rows] == ["mine-1", "mine-2", "mine-3"]
    assert rows[0]["slices"] == {
        "set": "mine",
        "names_a_law": "yes",
        "length": "short",
        "gold": "one",
        "law": "田野法",
    }
    assert rows[0]["detail"]["found"][0] == "田野法#1"
    assert rows[0]["detail"]["gold_rank"] == 1
    assert rows[1]["slices"]["names_a_law"] == "no"
    assert rows[2]["slices"]["gold"] == "several"


def test_known_sets_come_from_the_shared_corpus(resources, tmp_path):
    from dataclasses import replace

    run = get_task("retrieval").run
    with pytest.raises(SetupError, match="CSPON_SHARED"):
        list(run(replace(resources, set="stem", corpus=None)))
    with pytest.raises(InputError, match="没有语料"):
        list(run(replace(resources, corpus=None)))


def test_the_known_sets_are_there(shared):
    definition = get_task("retrieval").definition
    assert set(definition.sets) == {"stem", "options", "lay"}
    for known in definition.sets.values():
        assert (shared / known.set).is_file()
        assert (shared / known.corpus).exists()


@pytest.mark.parametrize(
    ("name", "law"),
    [
        ("土地管理法#57", "土地管理法"),
        ("中华人民共和国民法典第五十四条", "中华人民共和国民法典"),
        ("无条号", "无条号"),
    ],
)
def test_the_law_of_an_id(name, law):
    assert law_of(name) == law
