import numpy as np
import pytest
import yaml

from cspon.errors import SetupError
from cspon.schemas.knowledge import Document, Passage
from knowledge_base.learned.memory import Recall
from knowledge_base.retrieve import rank
from knowledge_base.retrieve.rank import FEATURES, Candidate, Fusion, Query, features, fusion


def candidate(name: str, text: str, *, title="田野法", region=None, ordinal=1, article="2"):
    return Candidate(
        name,
        Passage(
            id=name, document_id=title, title=title, article_key=article, text=text, ordinal=ordinal
        ),
        Document(id=title, title=title, kind="法律", region=region),
        10,
    )


def column(matrix, name: str) -> list[float]:
    return matrix[:, FEATURES.index(name)].tolist()


def test_one_row_a_candidate_and_one_column_a_feature():
    matrix = features(Query("湿地"), [candidate("a", "湿地"), candidate("b", "林地")])
    assert matrix.shape == (2, len(FEATURES))
    assert np.isfinite(matrix).all()


def test_a_candidate_that_a_route_missed_has_its_lowest_score():
    query = Query("湿地", scores={"dense": {"a": 0.9, "b": 0.8}})
    rows = [candidate(n, "湿地") for n in "abc"]
    assert column(features(query, rows), "dense") == pytest.approx([0, -1, -1])
    assert column(features(query, rows), "dense_rank") == pytest.approx([1 / 6, 1 / 7, 0])


def test_shares_of_the_question_and_of_its_best_part():
    query = Query("占用湿地 采伐林木")
    rows = [candidate("a", "采伐林木应当申请许可证"), candidate("b", "本法自公布之日起施行")]
    matrix = features(query, rows)
    assert column(matrix, "best_part")[0] == pytest.approx(1)
    assert 0 < column(matrix, "share_of_question")[0] < 1
    assert column(matrix, "share_of_question")[1] == 0


def test_named_titles_split_the_candidates():
    rows = [candidate("a", "湿地"), candidate("b", "湿地", title="林地法")]
    matrix = features(Query("田野法对湿地的规定", titles=frozenset(["田野法"])), rows)
    assert column(matrix, "named") == [1, 0]
    assert column(matrix, "not_named") == [0, 1]


def test_a_region_counts_against_a_text_unless_the_question_names_it():
    rows = [candidate("a", "湿地", region="江海省")]
    assert column(features(Query("湿地保护"), rows), "other_region") == [1]
    assert column(features(Query("江海省湿地保护"), rows), "other_region") == [0]


def test_memory_counts_by_clause():
    recall = Recall({("田野法", "2"): 0.1}, {("田野法", "2"): 0.6})
    matrix = features(Query("湿地", recall=recall), [candidate("a", "湿地")])
    assert column(matrix, "memory_near") == [0.1]
    assert column(matrix, "memory_words") == [0.6]


def test_the_shipped_fusion_fits_the_features():
    found = fusion()
    assert found is not None
    assert found.features == FEATURES
    assert found.scores(np.zeros((3, len(FEATURES)))).shape == (3,)


def test_a_fusion_of_other_features_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "fusion.yaml"
    other = Fusion(features=("x",), mean=(0.0,), scale=(1.0,), weight=(1.0,))
    path.write_text(yaml.safe_dump(other.model_dump(mode="json")), encoding="utf-8")
    monkeypatch.setattr(rank, "FUSION", path)
    fusion.cache_clear()
    try:
        with pytest.raises(SetupError, match="不一致"):
            fusion()
    finally:
        monkeypatch.undo()
        fusion.cache_clear()
