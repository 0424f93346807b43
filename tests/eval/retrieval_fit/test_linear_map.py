import numpy as np

from eval.retrieval_fit.linear_map import Corpus, _gradient, fit_map
from knowledge_base.learned.adaptation import Adaptation


def corpus(seed: int = 0) -> Corpus:
    """Questions lie where their gold passages would be under a rotation that nobody told of."""
    rng = np.random.default_rng(seed)
    passages = rng.normal(size=(60, 16)).astype(np.float32)
    passages /= np.linalg.norm(passages, axis=1, keepdims=True)
    turn = np.linalg.qr(rng.normal(size=(16, 16)))[0].astype(np.float32)
    questions = passages @ (np.eye(16, dtype=np.float32) + 1.5 * turn)
    questions /= np.linalg.norm(questions, axis=1, keepdims=True)
    return Corpus(passages, questions.astype(np.float32), [(n,) for n in range(60)])


def first_right(c: Corpus, matrix) -> float:
    space = Adaptation(matrix, "")
    scores = space.apply(c.questions) @ space.apply(c.passages).T
    return float((scores.argmax(axis=1) == np.arange(len(scores))).mean())


def test_a_map_brings_questions_to_their_passages():
    c = corpus()
    assert first_right(c, fit_map([c], steps=400)) > 0.1 + first_right(
        c, np.zeros((16, 16), np.float32)
    )


def test_the_same_seed_gives_the_same_map():
    assert np.array_equal(fit_map([corpus()], steps=5), fit_map([corpus()], steps=5))


def test_the_gradient_is_that_of_the_loss():
    c = corpus()
    rng = np.random.default_rng(3)
    matrix = (0.1 * rng.normal(size=(16, 16))).astype(np.float32)

    def loss(m) -> float:
        space = Adaptation(m.astype(np.float32), "")
        logits = 20.0 * (
            space.apply(c.questions).astype(float) @ space.apply(c.passages).astype(float).T
        )
        logits -= logits.max(axis=1, keepdims=True)
        share = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        return -float(np.log(np.diag(share)).mean())

    gradient = _gradient(c, matrix, rng)
    direction = rng.normal(size=(16, 16))
    direction /= np.linalg.norm(direction)
    step = 3e-3
    slope = (loss(matrix + step * direction) - loss(matrix - step * direction)) / (2 * step)
    assert abs(slope - float((gradient * direction).sum())) < 0.02 * max(1.0, abs(slope))
