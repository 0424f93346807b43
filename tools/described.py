"""What callers from elsewhere are told of a tool and its arguments, in Chinese, as data."""

from functools import lru_cache
from pathlib import Path

from pydantic import Field, ValidationError

from cspon.schemas.base import Frozen
from tools.library.reading import field_error, read_yaml

FILE = Path(__file__).with_name("described.yaml")


class Described(Frozen):
    """A tool in words.

    Args:
        says: What it decides, from what, and what it gives, with units.
        arguments: What each argument means.
    """

    says: str = Field(min_length=20, max_length=400)
    arguments: dict[str, str] = Field(default_factory=dict)


class _File(Frozen):
    common: dict[str, str]
    tools: dict[str, Described]


@lru_cache(maxsize=1)
def _read() -> _File:
    try:
        return _File.model_validate(read_yaml(FILE))
    except ValidationError as error:
        raise field_error(FILE, error) from None


def described(tool: str) -> Described | None:
    """Return the words for a tool, those that all tools share included; None where there are none.

    Raises:
        InputError: the file of them is faulty.
    """
    found = _read().tools.get(tool)
    if found is None:
        return None
    return found.model_copy(update={"arguments": {**_read().common, **found.arguments}})
