"""Run the engines of the spatial benchmark in processes of their own, and alternate with PostGIS."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import shapely

from eval.bench.postgis import (
    QUERIES,
    PostgisUnavailable,
    ask,
    load_parcels,
    private_server,
    version,
)
from eval.bench.spatial_engines import timed_ms
from eval.bench.spatial_workload import Workload

SAME_RUNS = 20
"""Counted warm queries of the project itself, and as many of shifted copies."""
ENGINE_TIMEOUT_S = 400


class EngineFailed(Exception):
    """An engine ended without a result."""


class Engines:
    """Runs engines in processes of their own."""

    def __init__(self, work: Workload, scratch: Path, say: Callable[[str], None]) -> None:
        self.work, self.scratch, self._say = work, scratch, say

    def run(self, engine: str, projects: list[shapely.Polygon], **options: Any) -> dict[str, Any]:
        """Run one engine and return what it prints."""
        self._say(f"运行 {engine}")
        try:
            done = subprocess.run(
                self.command(engine, projects, **options),
                capture_output=True,
                text=True,
                timeout=ENGINE_TIMEOUT_S,
            )
        except subprocess.TimeoutExpired:
            raise EngineFailed(f"{engine} 超过 {ENGINE_TIMEOUT_S} 秒未完成") from None
        if done.returncode != 0:
            last = "".join(done.stderr.strip().splitlines()[-1:])
            raise EngineFailed(f"{engine} 失败（退出码 {done.returncode}）：{last}")
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    def command(self, engine: str, projects: list[shapely.Polygon], **options: Any) -> list[str]:
        """Write the projects down and return the command line of an engine."""
        file = self.scratch / f"{engine}.json"
        file.write_text(json.dumps([shape.wkb_hex for shape in projects]), encoding="ascii")
        task = {
            "spec": self.work.spec.model_dump(mode="json"),
            "folder": str(self.work.folder),
            "projects": str(file),
            **options,
        }
        return [sys.executable, "-m", "eval.bench.spatial_engines", engine, json.dumps(task)]


class _Session:
    """Our engine in a process that answers one query after another."""

    def __init__(self, engines: Engines, projects: list[shapely.Polygon]) -> None:
        self.process = subprocess.Popen(
            engines.command("warm", projects),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.watchdog = threading.Timer(ENGINE_TIMEOUT_S, self.process.kill)
        self.watchdog.daemon = True
        self.watchdog.start()

    def ask(self, index: int) -> float:
        """Return the milliseconds of one query."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{index}\n")
        self.process.stdin.flush()
        reply = self.process.stdout.readline()
        if not reply:
            raise EngineFailed(f"warm 失败（退出码 {self.process.wait()}）")
        return float(reply)

    def finish(self) -> dict[str, Any]:
        """End the process and return its result."""
        output, _ = self.process.communicate()
        if self.process.returncode != 0:
            raise EngineFailed(f"warm 失败（退出码 {self.process.returncode}）")
        result: dict[str, Any] = json.loads(output)
        return result

    def close(self) -> None:
        """Let no process stay behind."""
        self.watchdog.cancel()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream and not stream.closed:
                stream.close()


def run_warm(
    engines: Engines, why: dict[str, str], say: Callable[[str], None], *, postgis: bool
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Time warm queries of our engine and of PostGIS, alternating, so that both see the same load.

    Args:
        engines: The workload's engines.
        why: Gets the reason where PostGIS cannot run.
        say: Gets Chinese sentences.
        postgis: Whether PostGIS is asked at all.

    Returns:
        Times and result of our engine; times, rows and version of PostGIS, or None where it cannot
        run (the reason is put into `why`).
    """
    work = engines.work
    projects = [work.project, *work.shifted]
    session = _Session(engines, projects)
    try:
        with ExitStack() as stack:
            theirs: dict[str, Any] | None = None
            asked: dict[str, Callable[[int], float]] = {"ours": session.ask}
            connection = _server(stack, why, say) if postgis else None
            if connection is not None:
                theirs = {
                    "load_s": load_parcels(connection, work.spec, work.folder),
                    "version": version(connection),
                }
                asked |= {
                    form: partial(_ask_postgis, connection, form, work, projects)
                    for form in QUERIES
                }
            say("运行 " + "、".join(asked) + "（交替）")
            times = _alternate(asked, len(projects))
            if theirs is not None:
                for form in QUERIES:
                    rows = ask(connection, form, work.spec, work.project)
                    theirs[form] = times[form] | {"rows": rows}
        return times["ours"] | session.finish(), theirs
    finally:
        session.close()


def _server(stack: ExitStack, why: dict[str, str], say: Callable[[str], None]) -> Any:
    """Return a connection to a private server, or None and the reason."""
    try:
        say("启动私有 PostgreSQL/PostGIS 并装载图斑")
        return stack.enter_context(private_server())
    except PostgisUnavailable as problem:
        why["vs_postgis"] = str(problem)
        say(f"未测：{problem}")
        return None


def _ask_postgis(
    connection: Any, form: str, work: Workload, projects: list[shapely.Polygon], index: int
) -> float:
    return timed_ms(partial(ask, connection, form, work.spec, projects[index]))[0]


def _alternate(
    engines: dict[str, Callable[[int], float]], projects: int
) -> dict[str, dict[str, Any]]:
    """Ask each engine for the same project in turn; the first visit of a place is not counted."""
    for query in engines.values():
        for index in range(projects):
            query(index)
    times: dict[str, dict[str, Any]] = {name: {"same_ms": [], "shifted_ms": []} for name in engines}
    for turn in range(SAME_RUNS):
        for kind, index in (("same_ms", 0), ("shifted_ms", 1 + turn % (projects - 1))):
            for name, query in engines.items():
                times[name][kind].append(query(index))
    return times
