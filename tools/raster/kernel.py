"""Compile the fused kernel of a program, once for each shape; the compiled form is kept on disk.

The generated source lies in the cache folder under its digest, beside what numba compiled from it. A
folder that others can write is not used: what lies there would be run.
"""

import hashlib
import importlib.util
import os
import stat
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tools.raster.kernel_source import write_kernel
from tools.raster.program import Band, Program

Kernel = Callable[..., None]
"""`kernel(rows, width, bands…, outputs…, counts…, flags)`."""

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
    with _loading:
        for digest, source in text.steps.items():
            _load(digest, source, cache)
        compiled = _load(_digest(text.source), text.source, cache).kernel
    parameters = tuple(text.parameters)

    def kernel(rows: int, width: int, *arrays: Any) -> None:
        bands, rest = arrays[: len(program.bands)], arrays[len(program.bands) :]
        flat = [
            array if isinstance(band, Band) and band.halo else array.reshape(-1)
            for band, array in zip(program.bands, bands, strict=True)
        ]
        compiled(rows, width, *flat, *(array.reshape(-1) for array in rest), *parameters)

    return kernel


def _digest(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()[:24]


def _load(digest: str, source: str, cache: Path | None) -> Any:
    """Return the module of a source; numba and the kernel find it by name in `sys.modules`."""
    name = f"cspon_kernel_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    folder = cache or default_cache()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = _private(folder) / f"{name}.py"
    if not file.exists() or file.read_text(encoding="utf-8") != source:
        part = file.with_suffix(f".{os.getpid()}.part")
        part.write_text(source, encoding="utf-8")
        part.replace(file)
    specification = importlib.util.spec_from_file_location(name, file)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    try:
        specification.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _private(folder: Path) -> Path:
    """Return the folder, or a fresh private one where others own it or may write to it."""
    import tempfile

    status = folder.stat()
    if status.st_uid == os.getuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return folder
    return Path(tempfile.mkdtemp(prefix="cspon-kernels-"))
