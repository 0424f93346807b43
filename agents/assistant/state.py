"""What travels through the graph: plain JSON values, so that every checkpoint can be replayed.

Contracts go in through `model_dump(mode="json")` and come out through `model_validate`.
"""

from typing import Annotated, Any, TypedDict

JsonDict = dict[str, Any]


def add_lists(left: list[str], right: list[str]) -> list[str]:
    """Join notices of several nodes, keeping order, without repeats."""
    return left + [item for item in right if item not in left]


def merge_usage(left: JsonDict, right: JsonDict) -> JsonDict:
    """Add the usage of one node to the run's."""
    seconds = {**left.get("seconds", {})}
    for node, value in right.get("seconds", {}).items():
        seconds[node] = round(seconds.get(node, 0.0) + value, 3)
    counts = {
        key: left.get(key, 0) + right.get(key, 0)
        for key in ("model_calls", "prompt_tokens", "completion_tokens")
    }
    return {**counts, "seconds": seconds}


class State(TypedDict, total=False):
    """The state of one run."""

    question: str
    files: dict[str, str]
    """The user's files by name: boundary, before, database, table."""
    workspace: str | None
    """Folder into which tools may write files for the user."""
    epsg: int | None
    layers: str
    principal: JsonDict
    asked_on: str
    run_id: str

    plan: JsonDict
    results: list[JsonDict]
    hits: list[JsonDict]
    citations: list[JsonDict]
    draft: str
    """What the model wrote, or the extractive text; empty when a tool answer needs none."""
    drafted_by: str
    """`model` or `extract`."""
    unsupported: int
    """Sentences of the model that were marked or left out."""
    answer: JsonDict
    notices: Annotated[list[str], add_lists]
    usage: Annotated[JsonDict, merge_usage]
