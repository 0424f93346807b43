"""What our own models are called, and the names they had before, which are still taken."""

from typing import Annotated

from pydantic import AfterValidator

ASSISTANT = "cspon/assistant"
MODEL = "cspon/model"
"""Name of the bare model, whichever provider stands behind it; its own name works, too."""

FORMER = {"cspon-assistant": ASSISTANT, "cspon-model": MODEL}


def today(name: str) -> str:
    """Return the name that a model has today."""
    return FORMER.get(name, name)


ModelName = Annotated[str, AfterValidator(today)]
"""A model's name as a caller or an administrator wrote it, told as it is today."""
