import pytest

from eval.review_corpus.case import load, names, write_case


@pytest.fixture(scope="session")
def clean(tmp_path_factory):
    """Every clean text, written once: name to (case, folder)."""
    root = tmp_path_factory.mktemp("clean")
    found = {}
    for name in names():
        case = load(name)
        write_case(case, root / name, seed=0)
        found[name] = (case, root / name)
    return found
