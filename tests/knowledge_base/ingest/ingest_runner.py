"""A build in a process of its own, to be killed: `python ingest_runner.py BASE FILES… `."""

import importlib.util
import sys
from pathlib import Path

from knowledge_base.ingest.build import add_paths

if __name__ == "__main__":
    spec = importlib.util.spec_from_file_location("made", Path(__file__).parents[1] / "conftest.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    base, *files = map(Path, sys.argv[1:])
    add_paths(
        base,
        files,
        embedder=made.HashingEmbedder(),
        workers=2,
        progress=lambda t: print(t, flush=True),
    )
