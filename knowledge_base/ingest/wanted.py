"""What a change of a base wants: texts to take in, documents to drop, what ends validity."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import yaml
from pydantic import JsonValue, TypeAdapter, ValidationError

from cspon.errors import SetupError
from cspon.schemas.knowledge import Document, Passage
from knowledge_base.catalogue import Entry, Other
from knowledge_base.ingest.build_report import Failure
from knowledge_base.validity import Repeal

SUCCESSIONS = Path(__file__).parents[1] / "data" / "successions.yaml"


class Text(Protocol):
    """A document to take in. Its passages may come from disk each time they are asked for."""

    @property
    def document(self) -> Document:
        """The document."""
        ...

    @property
    def passages(self) -> tuple[Passage, ...]:
        """Its passages."""
        ...

    @property
    def gaps(self) -> tuple[str, ...]:
        """Labels of articles that it lacks."""
        ...


@dataclass(frozen=True)
class Brought:
    """What an entry keeps of the file that brought its document."""

    place: str = ""
    reading: str = ""
    others: tuple[Other, ...] = ()
    notices: tuple[str, ...] = ()


@dataclass
class Change:
    """What a build wants: documents to take in, those to drop, and what ends validity."""

    incoming: Sequence[Text] = ()
    origin: Literal["laws", "file"] = "laws"
    drop: Callable[[Entry], bool] = lambda entry: False
    repeals: Sequence[Repeal] | None = None
    """All repeals known from outside the base; None keeps those of the base."""
    lexicon: Sequence[str] | None = None
    rebuild: bool = False
    """Begin afresh when the current generation is damaged; what files brought is then lost."""
    erase: bool = False
    """Leave nothing of what is dropped on disk: no old generation, vectors, readings or originals."""
    brought: Mapping[str, Brought] = field(default_factory=dict)
    """By id of an incoming document."""
    edits: Mapping[str, Mapping[str, JsonValue]] = field(default_factory=dict)
    """Metadata that a person gives, by document id; added to what was given before."""
    kept: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Fields of held entries that change (`others`, `place`), by document id."""
    failures: list[Failure] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    unchanged: Sequence[str] = ()
    resumed: int = 0


def read_successions(path: Path = SUCCESSIONS) -> list[Repeal]:
    """Read the ends of validity that no article in the package states.

    Raises:
        SetupError: the file is not valid.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        return TypeAdapter(list[Repeal]).validate_python(data)
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise SetupError(f"{path} 有误：{error}", mend="改正或恢复该文件") from error
