"""The recipe of an index: everything that decides its vectors besides the embedder and the texts."""

from knowledge_base.learned.adaptation import adaptation_for
from knowledge_base.lexical import lexical_recipe
from llm.embeddings import Embedder


def index_recipe(embedder: Embedder) -> str:
    """Return the recipe's digest; an index of another one is written again, from the caches."""
    learned = adaptation_for(embedder)
    return lexical_recipe() + (f"+{learned.digest}" if learned else "")
