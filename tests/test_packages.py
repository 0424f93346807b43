import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("cspon", "llm", "knowledge_base", "tools", "agents", "finetune", "eval", "serving")


@pytest.mark.parametrize("name", PACKAGES)
def test_package_is_imported_from_this_repository(name):
    module = importlib.import_module(name)
    assert Path(module.__file__).resolve().is_relative_to(ROOT)


def test_no_foreign_distribution_owns_our_names():
    from importlib.metadata import packages_distributions

    owners = packages_distributions()
    foreign = {n: owners.get(n, []) for n in PACKAGES if set(owners.get(n, [])) - {"cspon-planner"}}
    assert foreign == {}
