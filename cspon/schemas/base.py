"""The base of every contract and the secrecy levels that all of them may carry."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """An immutable contract; an unknown field fails loudly."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Secrecy(StrEnum):
    """Secrecy level of a document, layer or result. 涉密 material never enters the system."""

    PUBLIC = "公开"
    INTERNAL = "内部"
    SENSITIVE = "敏感"

    @property
    def rank(self) -> int:
        """0 for 公开 up to 2 for 敏感: a reader sees what does not rank above their clearance."""
        return _RANKS[self]


_RANKS = {level: rank for rank, level in enumerate(Secrecy)}
