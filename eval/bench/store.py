"""The store's part of a hybrid, filtered query over a synthetic base, part of `cspon bench retrieval`.

One query is the 60 nearest by vector, the 60 best by tokens, and the text of the ten that their
fusion puts first, all under one condition of permission and validity. A store is built, then opened
by a fresh process that does nothing else: opening time, times and memory are that process's.
qdrant-client's local mode answers the same questions over the same points in the same run.

`python -m eval.bench.store FOLDER POINTS QUESTIONS` is that fresh process.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eval.bench.figures import private_mb, quantile, rss_mb
from eval.bench.store_workload import DIM, Question, Workload
from knowledge_base.retrieve.search import fuse
from knowledge_base.store.protocol import Found, Store, point_id

SMALL, LOCAL, LARGE = 10_000, 20_000, 200_000
DEPTH, SHOWN = 60, 10
QUESTIONS = 300
LOCAL_QUESTIONS = 30
WARM = 20
"""Questions asked before the clock starts."""
GOALS = {
    "store_ms_p95_10k": 10.0,
    "store_ms_p95_200k": 60.0,
    "rss_mb_200k": 1024.0,
    "open_s_200k": 3.0,
    "recall@10": 0.95,
}


def measure_stores(folder: Path, points: int = LARGE) -> dict[str, Any]:
    """Measure the embedded engine at three sizes and qdrant-client's local mode at the middle one.

    Args:
        folder: Working folder; the synthetic stores in it are deleted afterwards.
        points: Points of the largest store; the smaller ones are left out when they are not smaller.

    Returns:
        The figures of the largest store, and by name those of the others and the ratio.
    """
    sizes = [size for size in (SMALL, LOCAL) if size < points]
    result = measure_edge(folder, points)
    by_size = {size: measure_edge(folder, size) for size in sizes}
    result["sizes"] = {str(size): figures for size, figures in by_size.items()}
    peer_points = min(LOCAL, points)
    peer = measure_local(peer_points)
    ours = by_size.get(peer_points, result)
    result["qdrant_local"] = peer
    result["qdrant_local_ratio"] = round(peer["store_ms_p50"] / ours["store_ms_p50"], 1)
    return result | {"goals": GOALS}


def measure_edge(folder: Path, points: int) -> dict[str, Any]:
    """Build a store of qdrant-edge, then open and ask it in a fresh process."""
    from knowledge_base.store.edge import EdgeStore

    root = folder / "retrieval" / f"synthetic_{points}"
    shutil.rmtree(root, ignore_errors=True)
    workload = Workload(points)
    try:
        begun = time.perf_counter()
        store = EdgeStore.create(root, DIM)
        made = _fill(store, workload)
        begun += made
        store.flush()
        built = time.perf_counter() - begun
        store.close()
        size = sum(f.stat().st_blocks * 512 for f in root.rglob("*") if f.is_file())
        fresh = _in_fresh_process(root, points)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    found = fresh.pop("found")
    return {
        "points": points,
        "build_s": round(built, 1),
        "disk_mb": round(size / 2**20, 1),
        **fresh,
        **recall(workload, workload.questions(QUESTIONS + WARM)[WARM:], found),
    }


def _fill(store: Store, workload: Workload) -> float:
    """Insert all points; return the seconds that making them took, which are not the store's."""
    making, last = 0.0, time.perf_counter()
    for number, batch in enumerate(workload.batches()):
        making += time.perf_counter() - last
        store.upsert(batch)
        if number % 20 == 0:
            _say(f"合成数据 {store.count()}/{workload.points}")
        last = time.perf_counter()
    return making


def _in_fresh_process(root: Path, points: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "eval.bench.store", str(root), str(points), str(QUESTIONS)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).resolve().parents[2],
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
    )
    if done.returncode:
        raise RuntimeError(f"the reading process failed:\n{done.stderr}")
    return dict(json.loads(done.stdout))


def open_and_ask(root: Path, points: int, number: int) -> dict[str, Any]:
    """Open a store and ask it; called in a process of its own."""
    from knowledge_base.store.edge import EdgeStore

    questions = Workload(points).questions(number + WARM)
    before = rss_mb()
    begun = time.perf_counter()
    store = EdgeStore.load(root)
    opened = time.perf_counter() - begun
    at_open = rss_mb()
    begun = time.perf_counter()
    ask(store, questions[0])
    first = time.perf_counter() - begun
    figures, found = ask_all(store, questions)
    memory = {
        "rss_mb": rss_mb(),
        "private_mb": private_mb(),
        "rss_before_open_mb": before,
        "rss_at_open_mb": at_open,
    }
    store.close()
    return {
        "open_s": round(opened, 3),
        "first_query_ms": round(first * 1000, 1),
        **figures,
        **memory,
        "found": found,
    }


def ask(store: Store, question: Question) -> tuple[list[Found], dict[str, float]]:
    """Ask one question; return what the dense route found and the milliseconds of each part."""
    cpu, begun = time.process_time(), time.perf_counter()
    dense = store.query_dense(question.dense, DEPTH, question.where)
    after_dense = time.perf_counter()
    sparse = store.query_sparse(question.sparse, DEPTH, question.where)
    after_sparse = time.perf_counter()
    rankings = {"dense": [f.id for f in dense], "lexical": [f.id for f in sparse]}
    first = [identity for identity, _ in fuse(rankings)[:SHOWN]]
    fused = time.perf_counter()
    store.get(first)
    fetched = time.perf_counter()
    parts = {
        "dense_ms": after_dense - begun,
        "sparse_ms": after_sparse - after_dense,
        "fetch_ms": fetched - fused,
        "store_ms": (after_sparse - begun) + (fetched - fused),
        "cpu_ms": time.process_time() - cpu,
    }
    return dense, {name: seconds * 1000 for name, seconds in parts.items()}


def ask_all(
    store: Store, questions: Sequence[Question], warm: int = WARM
) -> tuple[dict[str, float], list[list[str]]]:
    """Ask all questions; return quantiles of the times and the dense findings of each, best first."""
    for question in questions[:warm]:
        ask(store, question)
    found, times = [], []
    for question in questions[warm:]:
        dense, parts = ask(store, question)
        found.append([f.id for f in dense[:SHOWN]])
        times.append(parts)
    figures: dict[str, float] = {"questions": len(times)}
    for part in times[0]:
        for percent in (50, 95):
            figures[f"{part}_p{percent}"] = quantile([t[part] for t in times], percent)
    return figures, found


def recall(
    workload: Workload, questions: Sequence[Question], found: Sequence[Sequence[str]]
) -> dict[str, float]:
    """Compare the dense findings with an exhaustive search in numpy under the same condition."""
    vectors = workload.dense()
    ids = [point_id(workload.passage_id(n)) for n in range(workload.points)]
    recalls, shares = [], []
    for question, names in zip(questions, found, strict=True):
        allowed = np.flatnonzero(workload.permitted(question.where))
        shares.append(len(allowed) / workload.points)
        best = allowed[np.argsort(-(vectors[allowed] @ question.dense))[:SHOWN]]
        if len(best):
            recalls.append(len({ids[n] for n in best} & set(names)) / len(best))
    return {
        "recall@10": round(float(np.mean(recalls)), 4),
        "recall@10_p5": quantile(recalls, 5),
        "permitted_share_p50": quantile(shares, 50),
        "permitted_share_p5": quantile(shares, 5),
    }


def measure_local(points: int) -> dict[str, Any]:
    """Measure qdrant-client's local mode, in memory, in this process."""
    from knowledge_base.store.server import ServerStore

    workload = Workload(points)
    store = ServerStore.connect(":memory:", "synthetic")
    begun = time.perf_counter()
    store.create(DIM)
    begun += _fill(store, workload)
    built = time.perf_counter() - begun
    figures, _ = ask_all(store, workload.questions(LOCAL_QUESTIONS + 2), warm=2)
    store.close()
    return {"points": points, "build_s": round(built, 1), **figures}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    print(json.dumps(open_and_ask(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
