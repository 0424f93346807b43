"""Compile the fused kernel of a program, once for each shape; the compiled form is kept on disk.

The generated source lies in the cache folder under its digest, beside what numba compiled from it. A
folder that others can write is not used: what lies there would be run.
"""

import hashlib
import importlib.util
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tools.raster.kernel_source import write_kernel
from tools.raster.program import Program

Kernel = Callable[..., None]
"""`kernel(rows, width, bands…, outputs…, counts…, flags)`."""

_loaded: dict[str, Any] = {}
_loading = threading.Lock()


def numba_missing() -> str | None:
    """Say in Chinese why the kernel cannot be compiled, or None where it can."""
    if importlib.util.find_spec("numba") is None:
        return "未安装 numba（可选安装项 raster），改用 numpy 分块计算：结果相同，速度约为十分之一"
    return None


def default_cache() -> Path:
    """Return the user's cache folder for kernels."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "cspon" / "raster-kernels"


def compile_kernel(program: Program, cache: Path | None = None) -> Kernel:
    """Return the kernel of a program with its parameters bound; numba must be installed."""
    text = write_kernel(program)
    digest = hashlib.sha256(text.source.encode()).hexdigest()[:24]
    with _loading:
        if digest not in _loaded:
            _loaded[digest] = _load(text.source, digest, cache or default_cache())
        compiled = _loaded[digest]
    parameters = tuple(text.parameters)

    def kernel(rows: int, width: int, *arrays: Any) -> None:
        compiled(rows, width, *arrays, *parameters)

    return kernel


def _load(source: str, digest: str, folder: Path) -> Any:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = _private(folder) / f"kernel_{digest}.py"
    if not file.exists() or file.read_text(encoding="utf-8") != source:
        part = file.with_suffix(f".{os.getpid()}.part")
        part.write_text(source, encoding="utf-8")
        part.replace(file)
    specification = importlib.util.spec_from_file_location(f"cspon_kernel_{digest}", file)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.kernel


def _private(folder: Path) -> Path:
    """Return the folder, or a fresh private one where others own it or may write to it."""
    import tempfile

    status = folder.stat()
    if status.st_uid == os.getuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return folder
    return Path(tempfile.mkdtemp(prefix="cspon-kernels-"))
