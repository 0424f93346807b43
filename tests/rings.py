"""The rings of the tests: which are in `component`, and what the unit ring refuses to do.

It knows marks, files and fixtures; it knows nothing of what a test asserts. A test is a component
test by its file (`COMPONENTS`), by a fixture (`COMPONENT_FIXTURES`) or by its own mark. A unit test
that starts a process, builds the demo county or loads the compiler fails and says where it belongs.
"""

import multiprocessing.process
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parent

COMPONENTS = (
    "knowledge_base/ingest",
    "knowledge_base/retrieve/test_search.py",
    "knowledge_base/citing/test_cite.py",
    "knowledge_base/citing/test_graph.py",
    "knowledge_base/citing/test_reference_index.py",
    "knowledge_base/parse/test_legacy.py",
    "knowledge_base/parse/test_scanned.py",
    "knowledge_base/test_base.py",
    "knowledge_base/test_leaks.py",
    "knowledge_base/store",
    "cspon/cli/test_kb.py",
    "cspon/cli/test_kb_files.py",
    "cspon/cli/test_kb_graph.py",
    "cspon/cli/test_library.py",
    "cspon/cli/test_check.py",
    "cspon/cli/test_qc.py",
    "llm/test_fetch.py",
    "llm/test_server_process.py",
    "tools/test_bad_input.py",
    "tools/test_maps.py",
    "tools/test_report_pdf.py",
    "tools/compliance/test_batch.py",
    "tools/compliance/test_invariants.py",
    "tools/demo_county",
    "tools/dual_evaluation/test_carrying.py",
    "tools/dual_evaluation/test_evaluate.py",
    "tools/dual_evaluation/test_save.py",
    "tools/plan_versions/test_compare.py",
    "tools/planning_conditions/test_conditions.py",
    "tools/quality_check/seeding",
    "tools/quality_check/test_bad_input.py",
    "tools/quality_check/test_check.py",
    "tools/quality_check/test_indicators.py",
    "tools/quality_check/test_metadata.py",
    "tools/quality_check/test_survey.py",
    "tools/raster/test_patches.py",
    "tools/raster/test_run.py",
    "tools/raster/test_travel.py",
    "eval",
    "serving/jobs",
    "serving/relay/test_relay.py",
    "serving/relay/test_transcription.py",
    "serving/relay/test_guarding.py",
    "serving/budget/test_ledger.py",
    "serving/audit/test_chain.py",
    "serving/test_fuzz.py",
    "serving/mcp",
    "serving/test_ogc_api.py",
    "serving/test_ogc_jobs.py",
    "serving/test_openai_api.py",
    "serving/test_tools_api.py",
    "serving/test_kb_api.py",
    "serving/test_kb_leaks.py",
    "serving/test_kb_upload.py",
    "serving/test_library_api.py",
    "serving/test_tool_calls.py",
    "serving/test_tool_process.py",
    "serving/test_tool_results.py",
)
"""Tests that build a real index, county, map or gateway in process: seconds, not milliseconds."""

COMPONENT_FIXTURES = frozenset({"demo_county", "kernels"})
"""Whoever asks for one of these, also through another fixture, is a component test."""

UPPER = frozenset({"component", "integration", "full"})
"""The rings above the unit ring."""

QUICK_PROGRAMS = frozenset({"git", "uname"})
"""Programs that a unit test may start: they end in milliseconds (clients ask `uname` for their header)."""

WHOLE_FILE = re.compile(r"^pytestmark = pytest\.mark\.(\w+)$", re.M)
ONLY_WITHOUT = re.compile(r"not \w+( and not \w+)*")
_running: list[pytest.Item] = []


@cache
def in_components(path: Path) -> bool:
    """Whether a file of tests is listed, itself or by a folder."""
    places = {TESTS / name for name in COMPONENTS}
    return not places.isdisjoint((path, *path.parents))


def refused_marks(expression: str) -> frozenset[str]:
    """The marks that an expression leaves out; none unless it is only `not A and not B …`."""
    if not ONLY_WITHOUT.fullmatch(expression.strip()):
        return frozenset()
    return frozenset(re.findall(r"not (\w+)", expression))


def left_out(path: Path, expression: str) -> bool:
    """Whether no test of a file can be wanted: such a file need not even be imported."""
    refused = refused_marks(expression)
    if not refused or path.suffix != ".py" or not path.name.startswith("test_"):
        return False
    if "component" in refused and in_components(path):
        return True
    whole = WHOLE_FILE.search(path.read_text(encoding="utf-8"))
    return whole is not None and whole[1] in refused


def mark_component(item: pytest.Item) -> None:
    """Mark a test by its file and by its fixtures."""
    fixtures = getattr(item, "fixturenames", ())
    if in_components(item.path) or not COMPONENT_FIXTURES.isdisjoint(fixtures):
        item.add_marker("component")


def is_unit(item: pytest.Item) -> bool:
    """Whether no ring above the unit ring holds the test."""
    return not any(item.get_closest_marker(name) for name in UPPER)


@contextmanager
def running(item: pytest.Item) -> Iterator[None]:
    """Hold a test to the rules of its ring while it and its fixtures run."""
    _running.append(item)
    try:
        yield
    finally:
        _running.pop()


def refuse_in_unit(what: str) -> None:
    """Fail the running test if it is a unit test."""
    if _running and is_unit(_running[-1]):
        pytest.fail(
            f"a unit test {what}: mark it `@pytest.mark.component`, "
            "or list its file in COMPONENTS of tests/rings.py",
            pytrace=True,
        )


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if event == "subprocess.Popen":
        program = args[1][0] if args[1] and not isinstance(args[1], str) else args[0]
        if Path(str(program)).name not in QUICK_PROGRAMS:
            refuse_in_unit(f"starts the process {program}")
    elif event in ("os.fork", "os.posix_spawn"):
        refuse_in_unit("starts a process")
    elif event == "import" and args[0] == "numba":
        refuse_in_unit("loads numba to compile kernels")


def install() -> None:
    """Watch this interpreter for what a unit test may not do; once, an audit hook cannot be removed."""
    sys.addaudithook(_audit)
    process: Any = multiprocessing.process.BaseProcess
    started = process.start

    def start(self: Any) -> None:
        refuse_in_unit(f"starts the process {self.name}")
        started(self)

    process.start = start
