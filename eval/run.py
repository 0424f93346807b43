"""Run a task: intervals, slices, baselines, and a log with one line an item.

A run writes a folder `<task>-<time>`: `items.jsonl` (the log), `result.json` and `report.md`.
"""

import itertools
import json
import os
import platform
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cspon.errors import InputError, SetupError
from eval import bootstrap, wilson
from eval.task import Item, Resources, Task

LEAST = 5
"""Items that a slice value needs for a figure of its own; those with fewer are put together."""
REST = "其他"
ITEMS, RESULT, REPORT = "items.jsonl", "result.json", "report.md"
Interval = Callable[[Sequence[float]], dict[str, float]]
INTERVALS: dict[str, Interval] = {"bootstrap": bootstrap.interval, "wilson": wilson.interval}
INTERVAL_NAMES = {
    "bootstrap": f"95 %, percentile bootstrap over items, {bootstrap.RESAMPLES} resamples, "
    f"seed {bootstrap.SEED}",
    "wilson": "95 %, Wilson score",
}
NEED_MENDS = {
    "embedder": "安装核心依赖（pip install -e .）",
    "model": "用 --model provider:model 给出大模型",
    "guard": "安装 serve 可选项（pip install -e '.[serve]'）",
}


def run_task(task: Task, resources: Resources, out: Path) -> dict[str, Any]:
    """Run a task and write its log.

    Args:
        task: The task.
        resources: What it may use.
        out: Folder under which the run's own folder is made.

    Returns:
        `task version n metric score low high metrics baselines by_slice log` and how it was run.

    Raises:
        SetupError: something that the task needs is not there, or the log cannot be written.
        InputError: the task has no items.
    """
    definition = task.definition
    for need in definition.needs:
        if getattr(resources, need) is None:
            raise SetupError(f"评测任务 {definition.id} 缺少 {need}", mend=NEED_MENDS[need])
    started = datetime.now().astimezone()
    begun = time.perf_counter()
    try:
        folder = _new_folder(out, f"{definition.id}-{started:%Y%m%d-%H%M%S}")
        items = _logged(task.run(resources), folder / ITEMS)
    except OSError as error:
        raise SetupError(f"无法写入评测记录 {out}：{error}", mend="检查 --out 目录") from error
    if not items:
        raise InputError("评测任务没有题目", file=resources.set, mend="检查 --set 文件")
    main = definition.metric
    interval = INTERVALS[definition.interval]
    result = {
        "task": definition.id,
        "version": definition.version,
        "n": len(items),
        "metric": main,
        **_renamed(interval([item.scores[main] for item in items])),
        "metrics": _metrics([item.scores for item in items], interval),
        "baselines": {
            name: _metrics([item.baselines[name] for item in items], interval)
            for name in items[0].baselines
        },
        "by_slice": by_slice(items, main, interval),
        "interval": INTERVAL_NAMES[definition.interval],
        "model": resources.model.name if resources.model else "none",
        "embedder": resources.embedder.name if resources.embedder else None,
        "set": resources.set,
        "corpus": str(resources.corpus) if resources.corpus else None,
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - begun, 1),
        "machine": f"{platform.platform()}, {len(os.sched_getaffinity(0))} cores",
        "versions": {
            "cspon-planner": version("cspon-planner"),
            "python": platform.python_version(),
        },
        "log": str(folder / ITEMS),
    }
    _write(folder / RESULT, json.dumps(result, ensure_ascii=False, indent=2) + "\n")
    return result


def _new_folder(out: Path, name: str) -> Path:
    """Make a folder of that name, numbered when another run began in the same second."""
    for number in itertools.count(1):
        folder = out / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            if not folder.is_dir():
                raise
            continue
        return folder
    raise AssertionError("count does not end")


def _logged(items: Iterable[Item], path: Path) -> list[Item]:
    """Write each item as it comes, so that a run that is cut off leaves what it did."""
    partial = path.with_suffix(".partial")
    done = []
    with partial.open("w", encoding="utf-8") as log:
        for item in items:
            log.write(json.dumps(asdict(item), ensure_ascii=False) + "\n")
            log.flush()
            done.append(item)
    partial.rename(path)
    return done


def _write(path: Path, text: str) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.rename(path)


def _metrics(
    rows: Sequence[Mapping[str, float]], interval: Interval
) -> dict[str, dict[str, float]]:
    return {metric: interval([row[metric] for row in rows]) for metric in rows[0]}


def _renamed(figure: Mapping[str, float]) -> dict[str, float]:
    return {"score": figure["value"], "low": figure["low"], "high": figure["high"]}


def by_slice(
    items: Sequence[Item], metric: str, interval: Interval = bootstrap.interval
) -> dict[str, dict[str, dict[str, float]]]:
    """Return n, score, low and high of each value of each slice; rare values are put together."""
    groups: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for item in items:
        for name, value in item.slices.items():
            groups[name][value].append(item.scores[metric])
    result = {}
    for name, values in groups.items():
        rare = {value for value, scores in values.items() if len(scores) < LEAST}
        if len(rare) > 1:
            values[REST] = [score for value in sorted(rare) for score in values.pop(value)]
        largest = sorted(values.items(), key=lambda pair: -len(pair[1]))
        result[name] = {
            value: {"n": len(scores), **_renamed(interval(scores))} for value, scores in largest
        }
    return result


def read_log(path: Path) -> list[Item]:
    """Read a log: the file itself, or the folder of its run.

    Raises:
        InputError: missing or not a log.
    """
    path = path / ITEMS if path.is_dir() else path
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(f"无法读取评测记录：{error}", file=path, mend="检查路径") from error
    items = []
    for number, line in enumerate(lines, 1):
        try:
            items.append(Item(**json.loads(line)))
        except (TypeError, ValueError) as error:
            raise InputError(
                "不是评测记录", file=path, row=number, mend="给出 cspon eval run 的 log"
            ) from error
    return items
