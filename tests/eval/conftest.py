import os
from pathlib import Path

import numpy as np
import pytest

from eval.bench import spatial, spatial_runs
from eval.bench.postgis import PostgisUnavailable, find_binaries


class LetterEmbedder:
    """One dimension a character: enough to tell three short articles apart."""

    name, dim = "letters:test", 384

    def embed_query(self, text):
        vector = np.zeros(self.dim, dtype=np.float32)
        for c in text:
            vector[ord(c) % self.dim] += 1
        return vector / (np.linalg.norm(vector) or 1)

    def embed_passages(self, texts):
        return np.stack([self.embed_query(t) for t in texts])


@pytest.fixture
def letter_embedder() -> LetterEmbedder:
    return LetterEmbedder()


@pytest.fixture
def two_laws(tmp_path) -> Path:
    """A folder of two laws of two articles each."""
    laws = tmp_path / "laws"
    laws.mkdir()
    (laws / "田野法(2020-01-01).md").write_text(
        "# 田野法\n\n2020年1月1日 通过\n\n第一条 永久基本农田不得占用。\n\n第二条 湿地应当保护。\n",
        encoding="utf-8",
    )
    (laws / "河道条例.md").write_text(
        "# 河道条例\n\n第一条 河道管理范围内禁止堆放垃圾。\n\n第二条 采砂须经许可。\n",
        encoding="utf-8",
    )
    return laws


@pytest.fixture
def postgis_programs():
    """PostgreSQL with PostGIS; skipped where it is not installed, but not in CI."""
    try:
        return find_binaries()
    except PostgisUnavailable as problem:
        if os.environ.get("CI") == "true":
            pytest.fail(str(problem))
        pytest.skip(str(problem))


@pytest.fixture
def short_run(monkeypatch):
    """Fewer repetitions: the figures mean nothing, the path is the same."""
    monkeypatch.setattr(spatial, "COLD_RUNS", 1)
    monkeypatch.setattr(spatial, "CHECK_RUNS", 1)
    monkeypatch.setattr(spatial, "GEOPANDAS_RUNS", 1)
    monkeypatch.setattr(spatial, "AREA_PIECES", 20)
    monkeypatch.setattr(spatial, "AREA_CHECKED", 5)
    monkeypatch.setattr(spatial_runs, "SAME_RUNS", 2)
