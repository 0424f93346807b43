"""Every check by its own examples: it finds what it says, and nothing where nothing is wrong."""

import pytest

from agents.review.check import FOLDER, checks, function_of


def examples(*, laws):
    return [
        pytest.param(check, example, id=f"{check.id}-{number}")
        for check in checks().values()
        for number, example in enumerate(check.examples)
        if example.laws == laws
    ]


@pytest.mark.parametrize(("check", "example"), examples(laws=False))
def test_examples(check, example):
    assert check.holds(example) == ""


@pytest.mark.component
@pytest.mark.parametrize(("check", "example"), examples(laws=True))
def test_examples_with_laws(check, example, laws):
    assert check.holds(example, laws) == ""


def test_no_function_is_without_its_check():
    used = {check.function for check in checks().values()}
    for file in FOLDER.glob("[a-z]*.py"):
        module = function_of.__globals__["import_module"](f"agents.review.checks.{file.stem}")
        for name, value in vars(module).items():
            own = callable(value) and getattr(value, "__module__", "") == module.__name__
            if own and not name.startswith("_") and not isinstance(value, type):
                assert f"{file.stem}.{name}" in used, f"{file.stem}.{name}: no YAML names it"
