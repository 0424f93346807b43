"""The review as a LangGraph workflow: check, judge, wait for a person, write.

The state is what a file of text can hold: the review as JSON and the paths below the folder of the review.
A checkpoint stands after each node, so that a review goes on after any stop, days later, from the node that
had not ended. Decisions are kept beside it (`decisions.py`), and are read when the person says that it is done.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

from agents.review.case import Case
from agents.review.run import Say, review
from cspon.schemas.review import Review

Judge = Callable[[Case, Review], Review]
"""Adds what a model judges."""


class State(TypedDict, total=False):
    """What is known of a review."""

    review: str
    """As JSON, before any decision."""
    done: bool


class Workflow:
    """The graph over one store of checkpoints.

    Args:
        checkpoints: The SQLite file.
        open_case: Reads the submission of a review by its number.
        judge: Adds what a model judges; None: no model.
        write: Writes the results of a review by its number.
        say: Progress.
    """

    def __init__(
        self, checkpoints: Path, open_case: Callable[[str], AbstractContextManager[Case]], judge: Judge | None,
        write: Callable[[str, Review], None], say: Say = lambda text: None,
    ) -> None:  # fmt: skip
        self._checkpoints, self._open_case = checkpoints, open_case
        self._judge, self._write, self._say = judge, write, say

    def go_on(self, number: str, *, start: bool = False, done: bool = False) -> str:
        """Run a review as far as it goes; returns where it is: `decide` or `written`.

        Args:
            number: Of the review.
            start: It is new.
            done: The person says that all is decided.
        """
        config: Any = {"configurable": {"thread_id": number}}
        with self._compiled() as graph:
            given: Any = {} if start else Command(resume=True) if done else None
            graph.invoke(given, config, durability="sync")
            waits = graph.get_state(config).next
        return "decide" if waits else "written"

    def review_of(self, number: str) -> Review | None:
        """Return what was found; None before the checks ended."""
        config: Any = {"configurable": {"thread_id": number}}
        with self._compiled() as graph:
            found = graph.get_state(config).values.get("review")
        return Review.model_validate_json(found) if found else None

    def waits_for(self, number: str) -> str:
        """Return the node that is next; empty when all is written."""
        config: Any = {"configurable": {"thread_id": number}}
        with self._compiled() as graph:
            following = graph.get_state(config).next
        return str(following[0]) if following else ""

    @contextmanager
    def _compiled(self) -> Iterator[Any]:
        self._checkpoints.parent.mkdir(parents=True, exist_ok=True)
        graph = StateGraph(State)
        for name, node in (
            ("check", self._node_check), ("judge", self._node_judge), ("decide", self._node_decide),
            ("write", self._node_write),
        ):  # fmt: skip
            graph.add_node(name, node)
        for one, other in (
            (START, "check"),
            ("check", "judge"),
            ("judge", "decide"),
            ("decide", "write"),
            ("write", END),
        ):
            graph.add_edge(one, other)
        with SqliteSaver.from_conn_string(str(self._checkpoints)) as saver:
            yield graph.compile(checkpointer=saver)

    def _node_check(self, state: State, config: RunnableConfig) -> State:
        with self._open_case(_number(config)) as case:
            return {"review": review(case, say=self._say).model_dump_json()}

    def _node_judge(self, state: State, config: RunnableConfig) -> State:
        if self._judge is None:
            return {}
        with self._open_case(_number(config)) as case:
            found = Review.model_validate_json(state["review"])
            return {"review": self._judge(case, found).model_dump_json()}

    def _node_decide(self, state: State, config: RunnableConfig) -> State:
        interrupt("等待人工复核")
        return {"done": True}

    def _node_write(self, state: State, config: RunnableConfig) -> State:
        self._write(_number(config), Review.model_validate_json(state["review"]))
        return {}


def _number(config: RunnableConfig) -> str:
    return str(config["configurable"]["thread_id"])
