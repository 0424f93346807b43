"""What an evaluation task is: a definition with a version, and a run that scores item by item.

Adding one: `eval/tasks/<id>.yaml` (the definition) and `eval/tasks/<id>.py` with a `Task` named
`task`. Results of different versions are not comparable; raise the version with every change of
items, scores or prompts.
"""

import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import yaml

from cspon.errors import InputError, SetupError
from cspon.schemas.base import Frozen
from llm.chat import ChatModel
from llm.embeddings import Embedder

FOLDER = Path(__file__).parent / "tasks"
Need = Literal["embedder", "model", "guard"]
Guard = Callable[[str, str, str], Mapping[str, str]]
"""Text, side and what it rests on in; rules found and what was done about each out."""


class Definition(Frozen):
    """The YAML of a task; a task with more fields has a subclass."""

    id: str
    version: str
    description: str
    """One Chinese sentence: what is asked and what a score means."""
    metric: str
    """The score that is quoted first."""
    interval: Literal["bootstrap", "wilson"] = "bootstrap"
    """How intervals are made; wilson where every score is right or wrong."""
    needs: tuple[Need, ...] = ()


@dataclass(frozen=True)
class Resources:
    """What a run may use; a task says in its `needs` what it cannot do without."""

    folder: Path
    """Working folder, kept between runs."""
    say: Callable[[str], None]
    embedder: Embedder | None = None
    model: ChatModel | None = None
    guard: Guard | None = None
    shared: Path | None = None
    """Folder of the shared corpus, for the sets that a task knows."""
    set: str | None = None
    """A set that the task knows by name, or the path of a file; None for all that it knows."""
    corpus: Path | None = None
    """What a set from a file speaks of."""


@dataclass(frozen=True)
class Item:
    """One scored item."""

    id: str
    scores: Mapping[str, float]
    """Metric to score, 0–1."""
    baselines: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """The same metrics of other systems on this item."""
    slices: Mapping[str, str] = field(default_factory=dict)
    """Slice name to the item's value, e.g. length: short."""
    detail: Mapping[str, Any] = field(default_factory=dict)
    """What a person wants to see of it in the log: question, answer, gold."""


class Task(Protocol):
    """A task that can be run."""

    @property
    def definition(self) -> Definition:
        """Who it is."""
        ...

    def run(self, resources: Resources) -> Iterator[Item]:
        """Score the items one by one.

        Raises:
            InputError: a set is wrong.
            SetupError: something that it needs is not there.
        """
        ...


D = TypeVar("D", bound=Definition)


def read_definition(task_id: str, model: type[D]) -> D:
    """Read the YAML of a task.

    Raises:
        SetupError: it is not valid.
    """
    path = FOLDER / f"{task_id}.yaml"
    try:
        return model.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise SetupError(f"评测任务 {path} 有误：{error}", mend="改正或恢复该文件") from error


def task_ids() -> list[str]:
    """List the tasks."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def get_task(task_id: str) -> Task:
    """Return a task by id.

    Raises:
        InputError: there is none of that id; names those there are.
        SetupError: its definition is not valid.
    """
    if task_id not in task_ids():
        known = "、".join(task_ids())
        raise InputError(f"没有评测任务 {task_id}；已有：{known}", mend="运行 cspon eval ls")
    task: Task = importlib.import_module(f"eval.tasks.{task_id}").task
    return task
