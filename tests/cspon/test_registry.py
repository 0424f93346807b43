import pytest

from cspon.registry import NotRegistered, Registry


def test_objects_are_found_by_kind_and_name():
    registry = Registry()
    registry.add("tool", "a", 1)
    registry.add("tool", "a", 1)
    assert registry.get("tool", "a") == 1
    assert registry.names("tool") == ["a"]
    assert list(registry.items("rule")) == []
    with pytest.raises(NotRegistered, match="已有：a"):
        registry.get("tool", "b")
    with pytest.raises(AssertionError):
        registry.add("tool", "a", 2)
