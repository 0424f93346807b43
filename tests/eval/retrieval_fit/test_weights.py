import numpy as np

from eval.retrieval_fit.weights import Ranking, fit_weights
from knowledge_base.retrieve.rank import FEATURES


def rankings(number: int, seed: int = 0) -> list[Ranking]:
    """Only the first feature says which candidate is right."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(number):
        features = rng.normal(size=(12, len(FEATURES)))
        gold = np.zeros(12, dtype=bool)
        gold[features[:, 0].argmax()] = True
        made.append(Ranking(features, gold))
    return made


def test_the_telling_feature_gets_the_weight():
    fusion = fit_weights(rankings(80))
    weights = np.abs(fusion.weight)
    assert weights.argmax() == 0
    assert weights[0] > 5 * np.sort(weights)[-2]


def test_it_orders_questions_that_it_has_not_seen():
    fusion = fit_weights(rankings(400))
    unseen = rankings(40, seed=9)
    right = [r.gold[fusion.scores(r.features).argmax()] for r in unseen]
    assert np.mean(right) > 0.7


def test_a_question_whose_gold_no_route_found_teaches_nothing():
    some = rankings(20)
    lost = Ranking(some[0].features, np.zeros(12, dtype=bool))
    assert fit_weights([*some, lost]) == fit_weights(some)


def test_a_feature_that_never_varies_spoils_nothing():
    constant = [
        Ranking(np.where(np.arange(len(FEATURES)) == 3, 0.0, r.features), r.gold)
        for r in rankings(20)
    ]
    fusion = fit_weights(constant)
    assert np.isfinite(fusion.scores(constant[0].features)).all()
