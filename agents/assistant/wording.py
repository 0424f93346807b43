"""What `intents.yaml` may say: wording of requests, and for each tool what the assistant needs.

Knows the file's shape only. What its patterns decide is in `route`, what its hints read in `reading`.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field

from cspon.schemas.agent import Intent
from cspon.schemas.base import Frozen

PROMPTS = Path(__file__).parent / "prompts"


class Reasoned(Frozen):
    """A request that is refused, why, and what the user can do instead."""

    pattern: str
    reason: str
    mend: str = ""


class ProjectType(Frozen):
    """Wording that tells the type of a project; the first match counts."""

    type: str
    pattern: str


class Choice(Frozen):
    """One value of an argument, the wording that tells it, and how it is said to the user."""

    value: Any
    pattern: str
    said: str


class Hint(Frozen):
    """Where one argument of a tool comes from."""

    fill: str | None = None
    """A value of the run: $boundary, $layers, $asked_on, $epsg, $before, $database, …"""
    read: str | None = None
    """A reader of `reading`."""
    choices: tuple[Choice, ...] = ()
    """The first whose pattern is found."""
    among: str | None = None
    """Pattern that must stand near a number for the reader to take it."""
    value: Any = None
    """A fixed value."""
    ask: str = ""
    """What the user is asked when the argument is required and not there."""
    by_model: bool = False
    """Whether a model may fill it where rules cannot."""
    whole_question: bool = False
    """Read from the whole question where the step's own words do not say it."""


class OneOf(Frozen):
    """Arguments of which one must be there."""

    any: tuple[str, ...]
    unless: str = ""
    """Wording with which none is needed."""
    ask: str


class Given(Frozen):
    """What a later step may take from a tool's result."""

    layer: str
    """Layer of the result whose n-th feature is the boundary."""
    title: str
    """What that place is called; {n} is its number."""


class Showing(Frozen):
    """How a result is shown; tables that are not named here come last."""

    headline: str = ""
    """Sentence with {fields} of the data; `data.headline` when empty."""
    note: str = ""
    """A second sentence, in the same manner."""
    first: str = ""
    """A sentence with fields of the first row of the first leading table, where there is one."""
    say_rows: str = ""
    """Table whose rows are said in the headline where they are few."""
    next: str = ""
    """What a user does next, one sentence."""
    tables_title: str = "计算结果"
    lead: tuple[str, ...] = ()
    """Tables that come first."""
    told: tuple[str, ...] = ()
    """Tables whose rows are told to the model; the first of `lead` when empty."""
    fold: tuple[str, ...] = ()
    """Tables that start folded on the page and are shortened in the text."""
    fold_rest: bool = False
    """Whether tables that do not lead start folded, too, where one does."""
    hide: tuple[str, ...] = ()
    """Tables that another part of the answer says better."""
    rules: str = ""
    """Field of the data with rule outcomes: verdict, procedure, documents."""


class Named(Frozen):
    """What users call something that has an id: a layer role, an indicator."""

    id: str
    pattern: str
    note: str = ""
    """What a user must be told when it is meant by this wording."""


class SiteKind(Frozen):
    """What a search for a site starts from; what the question says goes first."""

    pattern: str
    title: str
    codes: tuple[str, ...] = ()
    """Planned land use that may be taken; empty for any."""
    within: tuple[str, ...] = ()
    avoid: tuple[str, ...] = ()
    criteria: tuple[dict[str, Any], ...] = ()


class ToolWording(Frozen):
    """How users ask for one tool, and what it needs."""

    asks: tuple[str, ...] = ()
    """Patterns that call for the tool by themselves."""
    topics: tuple[str, ...] = ()
    """Patterns that do so unless the question asks for a rule."""
    mentions: Literal["indicator", "model"] | None = None
    """Naming an entry of that library is a topic."""
    refers: bool = False
    """Whether there must be a place that is spoken of: a file, 该地块, an earlier step's result."""
    examples: tuple[str, ...] = ()
    """Whole questions beside those that the tool itself declares."""
    arguments: dict[str, Hint] = Field(default_factory=dict)
    one_of: tuple[OneOf, ...] = ()
    gives: Given | None = None
    show: Showing = Showing()


class IntentWording(Frozen):
    """Keywords and example questions of an intent that calls no tool."""

    keywords: tuple[str, ...] = ()
    examples: tuple[str, ...] = Field(min_length=1)


class Wording(Frozen):
    """`intents.yaml`."""

    version: int
    unsafe: tuple[Reasoned, ...]
    unsupported: tuple[Reasoned, ...]
    place_reference: str
    """Speaks of one place: 该地块, 上传的边界."""
    own_area: str
    """Speaks of the area that the layers cover: 本县, 全县."""
    asks_for_rule: str
    """Asks what the law says, whatever else stands there."""
    shaped_as_rule: str
    """Asks in the manner of a question of law."""
    asks_value: str
    """Asks how much: with it, what is only like the name of an indicator counts as one."""
    earlier_result: str
    """Speaks of what an earlier step found: 首选地块, 排名第一."""
    connectors: str
    """Words before which a new step may begin."""
    project_types: tuple[ProjectType, ...]
    layers: tuple[Named, ...]
    indicators: tuple[Named, ...]
    models: tuple[Named, ...]
    site_kinds: tuple[SiteKind, ...]
    """The first that fits; the last fits any."""
    intents: dict[Intent, IntentWording]
    tools: dict[str, ToolWording]


@lru_cache(maxsize=1)
def load_wording() -> Wording:
    """Read `intents.yaml`; a typo in it fails loudly."""
    text = (Path(__file__).parent / "intents.yaml").read_text(encoding="utf-8")
    return Wording.model_validate(yaml.safe_load(text))


def showing(tool: str) -> Showing:
    """How the results of a tool are shown; one that nobody described is shown plainly."""
    known = load_wording().tools.get(tool)
    return known.show if known else Showing()
