from eval.baselines import once, plain_rrf


def test_fusion_by_hand():
    assert plain_rrf([["a", "b"], ["b", "c"]]) == ["b", "a", "c"]
    assert plain_rrf([["b"], ["a"]]) == ["a", "b"]
    assert plain_rrf([]) == []


def test_an_article_in_several_passages_counts_once():
    assert once(["a", "b", "a", "c"]) == ["a", "b", "c"]
