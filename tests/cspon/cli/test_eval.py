import json

import pytest

from cspon.cli.main import run


def test_ls_names_the_tasks(capsys):
    assert run(["eval", "ls"]) == 0
    assert "retrieval\t第1版\trecall@10" in capsys.readouterr().out
    assert run(["eval", "ls", "--json"]) == 0
    tasks = json.loads(capsys.readouterr().out)
    retrieval = next(task for task in tasks if task["id"] == "retrieval")
    assert retrieval["sets"]["stem"]["corpus"] == "corpus/laws"


def test_an_unknown_task_exits_two(capsys):
    assert run(["eval", "run", "nonsense"]) == 2
    assert "retrieval" in capsys.readouterr().err


@pytest.fixture
def logs(tmp_path):
    paths = []
    for name, scores in (("a", [0, 1, 0, 0]), ("b", [1, 1, 1, 0])):
        path = tmp_path / f"{name}.jsonl"
        rows = [
            {"id": f"q{n}", "scores": {"recall@10": s}, "detail": {"query": f"问题{n}"}}
            for n, s in enumerate(scores)
        ]
        path.write_text(
            "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8"
        )
        paths.append(str(path))
    return paths


def test_compare_prints_the_difference_and_the_items(logs, capsys):
    assert run(["eval", "compare", *logs]) == 0
    text = capsys.readouterr().out
    assert "recall@10\t+0.5000" in text
    assert "变好 2 题" in text and "问题2" in text and "变坏 0 题" in text
    assert run(["eval", "compare", *logs, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n"] == 4
