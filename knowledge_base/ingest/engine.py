"""The store that a base uses: which one, and how it is opened."""

from dataclasses import dataclass
from pathlib import Path

from cspon.errors import SetupError
from knowledge_base.catalogue import INDEX, Catalogue
from knowledge_base.store.protocol import Store


@dataclass(frozen=True)
class Engine:
    """Which store a base uses."""

    kind: str = "edge"
    qdrant_url: str | None = None
    qdrant_api_key: str | None = None


def open_store(generation: Path, catalogue: Catalogue, engine: Engine) -> Store:
    """Open the index of a generation for reading.

    Raises:
        SetupError: missing, damaged, or the server does not answer.
    """
    if catalogue.store == "edge":
        from knowledge_base.store.edge import EdgeStore

        index = EdgeStore.load(generation / INDEX)
        expected, found = sum(e.passages for e in catalogue.entries), index.count()
        if found != expected:
            index.close()
            raise SetupError(
                f"知识库索引不完整：{generation / INDEX} 应有 {expected} 条，实有 {found} 条",
                mend="运行 cspon kb build-laws 重建",
            )
        return index
    from knowledge_base.store.server import ServerStore

    if not engine.qdrant_url:
        raise SetupError("该知识库在 Qdrant 服务上，但未给出服务地址", mend="设置 CSPON_QDRANT_URL")
    store = ServerStore.connect(engine.qdrant_url, catalogue.collection, engine.qdrant_api_key)
    if not store.exists:
        raise SetupError(
            f"Qdrant 服务 {engine.qdrant_url} 上没有集合 {catalogue.collection}",
            mend="检查服务地址，或运行 cspon kb build-laws 重建",
        )
    return store


def writable_store(working: Path, catalogue: Catalogue, engine: Engine, *, fresh: bool) -> Store:
    """Open the index of a generation that is being made.

    Args:
        working: Folder of the generation.
        catalogue: Says dimension and collection.
        engine: Which store.
        fresh: Begin with an empty index, not with the copy that is there.

    Raises:
        SetupError: no server is named, or it does not answer.
    """
    dim = catalogue.dim
    if engine.kind == "edge":
        from knowledge_base.store.edge import EdgeStore

        index = working / INDEX
        return EdgeStore.create(index, dim) if fresh else EdgeStore.load(index)
    from knowledge_base.store.server import ServerStore

    if not engine.qdrant_url:
        raise SetupError("未给出 Qdrant 服务地址", mend="设置 CSPON_QDRANT_URL")
    store = ServerStore.connect(engine.qdrant_url, catalogue.collection, engine.qdrant_api_key)
    if not store.exists:
        store.create(dim)
    return store


def drop_collection(collection: str, engine: Engine) -> None:
    """Delete the collection that the new generation no longer uses."""
    from knowledge_base.store.server import ServerStore

    assert engine.qdrant_url
    store = ServerStore.connect(engine.qdrant_url, collection, engine.qdrant_api_key)
    try:
        if store.exists:
            store.drop()
    finally:
        store.close()
