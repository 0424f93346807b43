import pytest

from tools.library.place import Place, placed


@pytest.fixture
def at(tmp_path):
    """An installation with an empty state folder and a folder of own entries."""
    place = Place(tmp_path / "state", tmp_path / "own")
    for kind in ("indicator", "rule", "model", "operator"):
        (tmp_path / "own" / kind).mkdir(parents=True)
    with placed(place):
        yield place
