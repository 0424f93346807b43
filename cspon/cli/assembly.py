"""From settings to a working assistant: what `ask`, `demo` and `doctor` put together alike."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cspon.settings import Settings, load_settings
from serving.assembly import library_place_of, model_options, open_embedder, open_knowledge_base

if TYPE_CHECKING:
    from agents.assistant import Assistant
    from knowledge_base.base import KnowledgeBase
    from llm.chat import ChatModel
    from tools.library.place import Place

Progress = Callable[[str], None]


def say(text: str) -> None:
    """Talk to the user; stdout is for data."""
    print(text, file=sys.stderr, flush=True)


def library_place() -> "Place":
    """Say where the state of the four libraries lies; settings are read when it is first asked."""
    return library_place_of(load_settings())


@contextmanager
def open_assistant(settings: Settings, *, progress: Progress = say) -> "Iterator[Assistant]":
    """Put an assistant together; the embedded engine is started when the model needs it.

    A model that cannot be had degrades to `none` with a notice; a missing knowledge base leaves
    the clauses unverified, and the answer says so.
    """
    from agents.assistant import Assistant
    from cspon.errors import SetupError

    embedder = open_embedder(settings)
    try:
        knowledge_base = open_knowledge_base(settings, embedder)
    except SetupError as error:
        progress(f"注意：{error}")
        knowledge_base = None
    model = open_model_or_none(settings, progress=progress)
    try:
        yield Assistant(model, knowledge_base, settings.layers, settings.runs_db, embedder=embedder)
    finally:
        if knowledge_base is not None:
            knowledge_base.close()


@contextmanager
def open_base_or_none(
    settings: Settings, *, progress: Progress = say
) -> "Iterator[KnowledgeBase | None]":
    """Open the knowledge base; None with a notice where there is none."""
    from cspon.errors import SetupError

    try:
        base = open_knowledge_base(settings, open_embedder(settings))
    except SetupError as error:
        progress(f"注意：{error}")
        yield None
        return
    with base:
        yield base


def open_model_or_none(settings: Settings, *, progress: Progress = say) -> "ChatModel | None":
    """Return the model of the settings, its engine started; None with a notice where it cannot be had."""
    from cspon.errors import SetupError
    from llm.providers import get_model

    try:
        if settings.model.startswith("embedded:"):
            start_engine(settings, progress=progress)
        return get_model(settings.model, model_options(settings))
    except SetupError as error:
        progress(f"注意：大模型不可用，改为不用大模型（none）。{error}")
        return None


def start_engine(settings: Settings, *, progress: Progress = say) -> None:
    """Fetch the embedded model when needed and start its engine; a healthy one is reused."""
    from llm import engines

    engines.start(
        "embedded",
        settings.model.partition(":")[2],
        model_options(settings),
        progress=progress,
    )
