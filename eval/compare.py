"""Compare two runs of a task item by item: paired differences with bootstrap intervals."""

import json
from pathlib import Path
from typing import Any

from cspon.errors import InputError
from eval.bootstrap import paired
from eval.run import RESULT, read_log
from eval.task import Item


def compare(first: Path, second: Path) -> dict[str, Any]:
    """Compare the items that both runs hold.

    Args:
        first: Log or folder of the run that was before.
        second: Log or folder of the run that is new.

    Returns:
        For each metric the mean of second − first with its 95 % interval and p, and the items that
        became better or worse by the first metric.

    Raises:
        InputError: a log is wrong, the versions differ, or no item is in both.
    """
    _same_task(first, second)
    before = {item.id: item for item in read_log(first)}
    after = {item.id: item for item in read_log(second)}
    common = [identity for identity in before if identity in after]
    if not common:
        raise InputError(
            "两次评测没有共同的题目", file=second, mend="比较同一任务、同一检索集的记录"
        )
    metrics = [m for m in before[common[0]].scores if m in after[common[0]].scores]
    main = _main_metric(first) or metrics[0]
    changed = [(i, after[i].scores[main] - before[i].scores[main]) for i in common]
    return {
        "first": str(first),
        "second": str(second),
        "n": len(common),
        "only_first": len(before) - len(common),
        "only_second": len(after) - len(common),
        "metric": main,
        "differences": {
            metric: paired(
                [before[i].scores[metric] for i in common],
                [after[i].scores[metric] for i in common],
            )
            for metric in metrics
        },
        "better": [_shown(after[i], by) for i, by in changed if by > 0],
        "worse": [_shown(after[i], by) for i, by in changed if by < 0],
    }


def _shown(item: Item, by: float) -> dict[str, Any]:
    return {"id": item.id, "by": round(by, 4), "query": item.detail.get("query", "")}


def _header(log: Path) -> dict[str, Any]:
    """Return what stands beside the log; empty when it was moved without it."""
    path = (log if log.is_dir() else log.parent) / RESULT
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def _main_metric(log: Path) -> str | None:
    return _header(log).get("metric")


def _same_task(first: Path, second: Path) -> None:
    one, two = _header(first), _header(second)
    for key, name in (("task", "任务"), ("version", "任务版本")):
        if key in one and key in two and one[key] != two[key]:
            raise InputError(
                f"{name}不同（{one[key]} 与 {two[key]}），结果不可比",
                file=second,
                mend="用同一版本的任务重跑一次再比较",
            )
