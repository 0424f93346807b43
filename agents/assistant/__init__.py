"""The assistant: a question in, an answer with verified clauses and tool figures out."""

from agents.assistant.graph import Assistant

__all__ = ["Assistant"]
