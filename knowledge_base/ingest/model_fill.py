"""Metadata that a model completes while a batch is read."""

from cspon.errors import ModelUnavailable
from cspon.schemas.knowledge import Document
from knowledge_base.describe.metadata import fill_by_model
from knowledge_base.ingest.gather import Fill
from llm.chat import ChatModel


def filler(chat: ChatModel, notices: list[str]) -> Fill:
    """Return what completes metadata by a model; after its first failure it is not asked again."""
    dead = False

    def fill(document: Document, opening: str) -> Document:
        nonlocal dead
        if dead:
            return document
        try:
            return fill_by_model(document, opening, chat)
        except ModelUnavailable as error:
            dead = True
            notices.append(f"大模型不可用，其余文件的元数据只按规则识别（{error}）")
            return document

    return fill
