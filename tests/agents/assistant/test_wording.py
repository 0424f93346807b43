import re

import pytest

from agents.assistant.reading import READERS
from agents.assistant.steps import FILE_TITLES, RUN_VALUES
from agents.assistant.wording import load_wording, showing
from cspon.schemas.agent import Intent
from tools.catalogue import load_tools
from tools.indicators.load import indicators
from tools.models.load import models
from tools.rules.load import project_types
from tools.site_selection.request import Criterion


def test_what_is_worded_exists():
    wording = load_wording()
    assert set(wording.tools) <= set(load_tools())
    assert set(wording.intents) == set(Intent) - {Intent.USE_TOOLS}
    assert {p.type for p in wording.project_types} <= set(project_types())


@pytest.mark.parametrize("name", sorted(load_wording().tools))
def test_hints_fit_the_tool(name):
    said, tool = load_wording().tools[name], load_tools()[name]
    fields = tool.arguments.model_fields
    assert set(said.arguments) <= set(fields)
    assert {n for n, f in fields.items() if f.is_required()} <= set(said.arguments)
    for hint in said.arguments.values():
        assert sum(bool(x) for x in (hint.fill, hint.read, hint.choices, hint.value)) == 1
        assert hint.read is None or hint.read in READERS
        assert hint.fill is None or hint.fill in (*FILE_TITLES, *RUN_VALUES)
    for argument, hint in said.arguments.items():
        if fields[argument].is_required() and hint.fill not in RUN_VALUES:
            assert hint.ask or hint.fill == "$layers"
    assert all(re.compile(pattern) for pattern in (*said.asks, *said.topics))


def test_names_and_kinds_exist():
    wording = load_wording()
    assert {named.id for named in wording.indicators} <= set(indicators())
    assert {named.id for named in wording.models} <= set(models())
    assert wording.site_kinds[-1].pattern == ""
    for kind in wording.site_kinds:
        for criterion in kind.criteria:
            bounds = {"best": 2.0, "worst": 1.0} if criterion["measure"] == "area" else {}
            Criterion.model_validate({**criterion, **bounds})


def test_a_tool_that_nobody_described_is_shown_plainly():
    assert showing("no_such_tool").tables_title == "计算结果"
