import pytest

from cspon.errors import InputError, SetupError
from eval import task as tasks
from eval.task import FOLDER, Definition, get_task, read_definition, task_ids


def test_every_definition_has_its_module_and_every_module_its_definition():
    modules = {p.stem for p in FOLDER.glob("*.py")} - {"__init__"}
    assert modules == set(task_ids())
    assert "retrieval" in modules


@pytest.mark.parametrize("task_id", task_ids())
def test_each_task_can_be_had(task_id):
    definition = get_task(task_id).definition
    assert definition.id == task_id
    assert definition.version and definition.description and definition.metric


def test_an_unknown_task_names_the_known():
    with pytest.raises(InputError, match="retrieval") as caught:
        get_task("nonsense")
    assert "eval ls" in caught.value.mend


def test_a_typo_in_a_definition_fails(tmp_path, monkeypatch):
    monkeypatch.setattr(tasks, "FOLDER", tmp_path)
    (tmp_path / "t.yaml").write_text("id: t\nversoin: '1'\n", encoding="utf-8")
    with pytest.raises(SetupError, match="versoin"):
        read_definition("t", Definition)
