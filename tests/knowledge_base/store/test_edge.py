import multiprocessing
import subprocess
import sys

import numpy as np
import pytest

from cspon.errors import SetupError
from cspon.schemas.knowledge import Passage
from knowledge_base.lexical import SparseTokens
from knowledge_base.store import edge
from knowledge_base.store.edge import EdgeStore
from knowledge_base.store.protocol import Point, Where

READ = (
    "import sys; from pathlib import Path; from knowledge_base.store.edge import EdgeStore;"
    "s = EdgeStore.load(Path(sys.argv[1])); print(s.count()); s.close()"
)


def many(number: int) -> list[Point]:
    rng = np.random.default_rng(1)
    dense = rng.normal(size=(number, 384)).astype(np.float32)
    return [
        Point(
            Passage(
                id=f"d@1#{i}", document_id="d@1", title="d", article_key=str(i), text="条文" * 60
            ),
            dense[i],
            SparseTokens(tuple(range(i % 50, i % 50 + 80)), (1.0,) * 80),
        )
        for i in range(number)
    ]


def test_a_store_is_read_again_from_disk(tmp_path):
    store = EdgeStore.create(tmp_path / "index", 384)
    store.upsert(many(50))
    store.flush()
    store.close()
    store.close()
    again = EdgeStore.load(tmp_path / "index")
    assert again.count() == 50
    again.close()


def test_points_are_written_out_while_a_base_is_built(tmp_path, monkeypatch):
    monkeypatch.setattr(edge, "BATCH", 4)
    monkeypatch.setattr(edge, "WRITE_OUT_AFTER", 8)
    store = EdgeStore.create(tmp_path / "index", 384)
    shard, written = store._shard, []

    class Watched:
        def update(self, operation):
            shard.update(operation)

        def flush(self):
            written.append(store.count())
            shard.flush()

        def __getattr__(self, name):
            return getattr(shard, name)

    store._shard = Watched()
    store.upsert(many(20))
    assert written == [8, 16]
    assert store.count() == 20
    store.close()


def test_other_processes_read_at_the_same_time(tmp_path):
    store = EdgeStore.create(tmp_path / "index", 384)
    store.upsert(many(20))
    store.flush()
    command = [sys.executable, "-c", READ, str(tmp_path / "index")]
    readers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [reader.communicate()[0].strip() for reader in readers] == ["20", "20"]
    assert store.count(Where(document_ids=("d@1",))) == 20
    store.close()
    assert multiprocessing.active_children() == []


def test_a_missing_or_damaged_store_is_explained(tmp_path):
    with pytest.raises(SetupError, match="索引不存在") as caught:
        EdgeStore.load(tmp_path / "none")
    assert "build-laws" in caught.value.mend
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "edge_config.json").write_text("{nonsense")
    with pytest.raises(SetupError, match="出错"):
        EdgeStore.load(tmp_path / "bad")


def test_five_thousand_articles_reopen(tmp_path):
    store = EdgeStore.create(tmp_path / "index", 384)
    store.upsert(many(5000))
    store.flush()
    store.close()
    again = EdgeStore.load(tmp_path / "index")
    assert again.count() == 5000
    again.close()
