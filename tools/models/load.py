"""Load the models that ship with the software and the bureau's own; every graph is checked."""

import threading
from functools import cache
from pathlib import Path

from tools.library.definitions import Definition, own, own_files, shipped
from tools.library.entry import Ports, Problem
from tools.models.graph import check_graph
from tools.models.model import Model

FOLDER = Path(__file__).parent / "definitions"
_loading = threading.Lock()


def models() -> dict[str, Definition[Model]]:
    """Return all models by id.

    Raises:
        InputError: a shipped file has a mistake.
    """
    return {**_shipped_models(), **own_models()[0]}


def own_models() -> tuple[dict[str, Definition[Model]], tuple[Problem, ...]]:
    """Return the bureau's own models whose examples pass, and what is wrong with the others."""
    if not own_files("model"):
        return {}, ()
    return own("model", Model, set(_shipped_models()), _check_own)


def outputs_of(said: Model, file: Path) -> Ports:
    """Check a model's graph and return its outputs' ports.

    Raises:
        InputError: names file, node and mend.
    """
    wanted = {name: output.source for name, output in said.outputs.items()}
    ports = check_graph(said.nodes, said.ports, wanted, file)
    return {
        name: port.model_copy(update={"title": said.outputs[name].title})
        for name, port in ports.items()
    }


def _shipped_models() -> dict[str, Definition[Model]]:
    with _loading:
        return _load()


@cache
def _load() -> dict[str, Definition[Model]]:
    found = shipped(FOLDER, Model)
    for definition in found.values():
        outputs_of(definition.said, definition.file)
    return found


def _check_own(said: Model, file: Path) -> None:
    from tools.models.run import check_examples

    outputs_of(said, file)
    check_examples(said, file)
