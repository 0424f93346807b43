import numpy as np
import pytest

from cspon.errors import SetupError
from knowledge_base.learned import adaptation
from knowledge_base.learned.adaptation import Adaptation, adaptation_for, adapted, write_adaptation


class Named:
    dim = 4

    def __init__(self, name: str) -> None:
        self.name = name


@pytest.fixture
def learned(tmp_path, monkeypatch):
    path = tmp_path / "adaptation.npz"
    matrix = np.zeros((4, 4), dtype=np.float32)
    matrix[0, 1] = 1.0
    write_adaptation(path, matrix, "model:1")
    monkeypatch.setattr(adaptation, "PATH", path)
    return path


def test_a_zero_map_changes_nothing():
    rows = np.eye(4, dtype=np.float32)
    assert np.array_equal(Adaptation(np.zeros((4, 4), np.float32), "").apply(rows), rows)


def test_vectors_stay_unit_vectors():
    rng = np.random.default_rng(1)
    mapped = Adaptation(rng.normal(size=(4, 4)).astype(np.float32), "").apply(
        rng.normal(size=(7, 4)).astype(np.float32)
    )
    assert np.allclose(np.linalg.norm(mapped, axis=1), 1, atol=1e-6)


def test_one_vector_maps_as_a_row_does(learned):
    vector = np.array([1, 0, 0, 0], dtype=np.float32)
    one = adapted(vector, Named("model:1"))
    assert np.allclose(one, [0.5**0.5, 0.5**0.5, 0, 0])
    assert np.allclose(one, adapted(vector[None], Named("model:1"))[0])


def test_another_embedder_is_used_as_it_is(learned):
    vector = np.array([1, 0, 0, 0], dtype=np.float32)
    assert adaptation_for(Named("other:1")) is None
    assert np.array_equal(adapted(vector, Named("other:1")), vector)


def test_another_map_has_another_digest(learned, tmp_path, monkeypatch):
    first = adaptation_for(Named("model:1")).digest
    other = tmp_path / "other.npz"
    write_adaptation(other, np.eye(4, dtype=np.float32), "model:1")
    monkeypatch.setattr(adaptation, "PATH", other)
    assert adaptation_for(Named("model:1")).digest != first


def test_a_damaged_file_is_named(tmp_path, monkeypatch):
    path = tmp_path / "broken.npz"
    path.write_bytes(b"no archive")
    monkeypatch.setattr(adaptation, "PATH", path)
    with pytest.raises(SetupError, match="适配"):
        adaptation_for(Named("model:1"))
