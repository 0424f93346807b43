"""Peak memory of a build, in a process of its own, as the number of files grows."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from eval.bench.ingest_files import make_files

_BUILD = """
import hashlib, re, sys
from pathlib import Path
import numpy as np
from knowledge_base.ingest.build import add_paths
from knowledge_base.store.edge import EdgeStore
class Cheap:
    name, dim = "cheap:bench", 64
    def embed_query(self, text): return self.embed_passages([text])[0]
    def embed_passages(self, texts):
        rows = [np.frombuffer(hashlib.shake_128(t.encode()).digest(64), "i1") for t in texts]
        rows = np.stack(rows).astype("f4")
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)
if sys.argv[3] == "without":
    EdgeStore.upsert = lambda self, points: None
report = add_paths(Path(sys.argv[1]), [Path(sys.argv[2])], embedder=Cheap())
peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]
print(report.documents, report.passages, peak)
"""


def peak_memory(folder: Path, files: int) -> dict[str, Any]:
    """Return the peak memory of builds of `files` and four times as many web pages of 60 articles."""
    rows: dict[str, Any] = {}
    for count in (files, 4 * files):
        root = folder / f"memory-{count}"
        make = make_files(root / "all", 1)["html"][0].read_text(encoding="utf-8")
        inbox = root / "inbox"
        inbox.mkdir(parents=True)
        for n in range(count):
            text = make.replace("示范市", f"第{n}号示范市").replace("不少于", f"不少于{n}又")
            (inbox / f"办法{n}.html").write_text(text, encoding="utf-8")
        documents, passages, peak = _built(root / "kb", inbox, "with")
        rows[str(count)] = {
            "documents": documents,
            "passages": passages,
            "peak_rss_mb": peak,
            "without_index_mb": _built(root / "without", inbox, "without")[2],
            "index_files_mb": _index_mb(root / "kb"),
        }
    first, last = rows.values()
    more = last["passages"] - first["passages"]
    grown = last["peak_rss_mb"] - first["peak_rss_mb"]
    own = last["without_index_mb"] - first["without_index_mb"]
    return {
        "by_files": rows,
        "ratio_4n": round(last["peak_rss_mb"] / first["peak_rss_mb"], 3),
        "ratio_4n_without_index": round(last["without_index_mb"] / first["without_index_mb"], 3),
        "index_kb_per_passage": round((grown - own) * 1024 / more, 2),
        "own_kb_per_passage": round(own * 1024 / more, 2),
    }


def _built(base: Path, inbox: Path, index: str) -> tuple[int, int, float]:
    """Build a base in a process of its own; return documents, passages and its peak memory in MB."""
    done = subprocess.run(
        [sys.executable, "-c", _BUILD, str(base), str(inbox), index],
        capture_output=True,
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    documents, passages, peak_kb = done.stdout.split()[-3:]
    return int(documents), int(passages), round(int(peak_kb) / 1024, 1)


def _index_mb(base: Path) -> float:
    files = (f for f in base.glob("generations/*/index/**/*") if f.is_file())
    return round(sum(f.stat().st_size for f in files) / 2**20, 1)
