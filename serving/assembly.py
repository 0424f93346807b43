"""From settings to the parts that the gateway and the command line share.

Light: imports a part's module only when that part is opened, and nothing of the web.
"""

from typing import TYPE_CHECKING

from cspon.settings import Settings

if TYPE_CHECKING:
    from knowledge_base.base import KnowledgeBase
    from knowledge_base.ingest.engine import Engine
    from llm.embeddings import Embedder
    from llm.providers import ModelOptions
    from llm.rerank import Reranker
    from tools.library.place import Place


def library_place_of(settings: Settings) -> "Place":
    """Return where the state of the four libraries and the bureau's own entries lie."""
    from tools.library.place import Place

    return Place(settings.library_dir, settings.library or settings.library_dir / "own")


def model_options(settings: Settings) -> "ModelOptions":
    """Build what the model providers need."""
    from llm.providers import ModelOptions

    return ModelOptions(
        models_dir=settings.models_dir,
        engine_dir=settings.engine_dir,
        model_path=settings.model_path,
        threads=settings.model_threads,
        context=settings.model_context,
        timeout_s=settings.model_timeout_s,
        openai_base_url=settings.openai_base_url,
        openai_api_key=settings.openai_api_key,
        engine_port=settings.engine_port,
    )


def open_embedder(settings: Settings) -> "Embedder":
    """Return the embedder that the settings name.

    Raises:
        SetupError: unknown provider, or its package is not installed.
    """
    from llm.embeddings import get_embedder

    key = settings.openai_api_key
    return get_embedder(
        settings.embedding,
        base_url=settings.embedding_base_url,
        api_key=key.get_secret_value() if key else None,
    )


def open_reranker(settings: Settings) -> "Reranker | None":
    """Return the reranker that the settings name; None for none.

    Raises:
        SetupError: unknown provider, or a server without an address.
    """
    from llm.rerank import get_reranker

    key = settings.openai_api_key
    return get_reranker(
        settings.rerank,
        base_url=settings.rerank_base_url,
        api_key=key.get_secret_value() if key else None,
    )


def open_knowledge_base(settings: Settings, embedder: "Embedder") -> "KnowledgeBase":
    """Open the knowledge base.

    Raises:
        SetupError: it was never built, or with another embedder or store; the message says how.
    """
    from knowledge_base.base import KnowledgeBase

    key = settings.qdrant_api_key
    return KnowledgeBase.open(
        settings.kb_dir,
        embedder,
        reranker=open_reranker(settings),
        store=settings.store,
        qdrant_url=settings.qdrant_url,
        qdrant_api_key=key.get_secret_value() if key else None,
    )


def store_engine(settings: Settings) -> "Engine":
    """Return which store the base's changes are written to."""
    from knowledge_base.ingest.engine import Engine

    key = settings.qdrant_api_key
    return Engine(settings.store, settings.qdrant_url, key.get_secret_value() if key else None)
