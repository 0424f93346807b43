"""The unit ring stays quick: what it may not do fails there, and only there."""

import multiprocessing
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import rings


def refusal(words):
    return pytest.raises(pytest.fail.Exception, match=words)


def test_this_is_a_unit_test(request):
    assert rings.is_unit(request.node)


def test_a_unit_test_starts_no_process():
    with refusal("starts the process"):
        subprocess.run([sys.executable, "-c", ""], check=True)
    with refusal("starts the process"):
        multiprocessing.get_context("spawn").Process(target=print).start()


@pytest.mark.component
def test_a_component_test_may():
    assert subprocess.run([sys.executable, "-c", ""], check=True).returncode == 0


def test_a_unit_test_builds_no_county(request):
    definition = request._fixturemanager.getfixturedefs("demo_county", request.node)[-1]
    with refusal("builds the demo county"):  # not through the fixture: it would keep the refusal
        definition.func(None, "master")


@pytest.mark.skipif("numba" in sys.modules, reason="a component test of this run loaded it")
def test_a_unit_test_compiles_no_kernel():
    with refusal("numba"):
        __import__("numba")


def test_whoever_asks_for_the_county_is_a_component_test(request):
    class Item:
        path, fixturenames, marks = Path(__file__), ("tmp_path", "demo_county"), ()

        def add_marker(self, name):
            self.marks += (name,)

    asking, plain = Item(), Item()
    plain.fixturenames = ("tmp_path",)
    listed = Item()
    listed.path, listed.fixturenames = rings.TESTS / "eval" / "bench" / "test_raster.py", ()
    for item in (asking, plain, listed):
        rings.mark_component(item)
    assert (asking.marks, plain.marks, listed.marks) == (("component",), (), ("component",))


def test_every_listed_place_is_there_and_holds_tests():
    for name in rings.COMPONENTS:
        place = rings.TESTS / name
        assert place.is_file() or next(place.rglob("test_*.py"), None), name


def test_the_county_is_made_in_one_place():
    naming = {
        file.relative_to(rings.TESTS).as_posix()
        for file in rings.TESTS.rglob("*.py")
        if re.search(r"import .*\bgenerate_county\b", file.read_text(encoding="utf-8"))
    }
    assert naming == {
        "agents/assistant/test_full.py",  # the full ring asks of the county of its real size
        "made_once.py",
        "tools/demo_county/test_generate.py",  # making it is what is tested
    }


@pytest.mark.parametrize(
    ("expression", "refused"),
    [
        ("not full", {"full"}),
        ("not full and not integration and not component", {"full", "integration", "component"}),
        ("not component or corpus", set()),
        ("component", set()),
        ("", set()),
    ],
)
def test_what_an_expression_leaves_out(expression, refused):
    assert rings.refused_marks(expression) == refused


def test_a_file_is_skipped_only_if_all_its_tests_are_left_out(tmp_path):
    unit = "not full and not integration and not component"
    marked, plain = tmp_path / "test_marked.py", tmp_path / "test_plain.py"
    marked.write_text("import pytest\n\npytestmark = pytest.mark.integration\n", encoding="utf-8")
    plain.write_text("import pytest\n\n@pytest.mark.full\ndef test_x(): pass\n", encoding="utf-8")
    assert rings.left_out(marked, unit)
    assert not rings.left_out(marked, "not full")
    assert not rings.left_out(plain, unit)
    assert rings.left_out(rings.TESTS / "eval" / "bench" / "test_raster.py", unit)
    assert not rings.left_out(rings.TESTS / "eval" / "conftest.py", unit)


def test_outside_of_a_test_nothing_is_refused(monkeypatch):
    monkeypatch.setattr(rings, "_running", [])
    rings.refuse_in_unit("starts a process")
