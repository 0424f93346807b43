"""Compile the fused kernel of a program, once for each shape; the compiled form is kept on disk.

LLVM comes with numba (`llvmlite`). The machine code lies in the cache folder under the digest of the
kernel's assembly, the compiler and the processor. A folder that others can write is not used: what lies
there would be run.
"""

import ctypes
import hashlib
import importlib.util
import os
import stat
import threading
from collections.abc import Callable, Sequence
from functools import cache as once
from pathlib import Path
from typing import Any

import numpy as np

from tools.raster.kernel_source import bands_read, halo_of, write_kernel
from tools.raster.program import Array, Program
from tools.raster.vectors import LANES

Kernel = Callable[..., None]
"""`kernel(rows, width, bands…, outputs…, counts…, flags)`."""

OPTIMISE = 2
"""Of the code generator; the passes before it stay at 1: at 2 overlapping loads are taken apart."""
_loading = threading.Lock()
_loaded: dict[str, tuple[Any, Any]] = {}
"""Functions by digest, each with the engine that holds its memory."""


def numba_missing() -> str | None:
    """Say in Chinese why nothing can be compiled, or None where it can."""
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
    compiled = _function(text.source, cache or default_cache())
    read = bands_read(program)
    halos = [halo_of(program, i) for i in range(len(program.bands))]
    framed = any(halos[i] for i in read)
    parameters = [(array, array.ctypes.data) for array in text.parameters]

    def kernel(rows: int, width: int, *arrays: Any) -> None:
        bands, rest = list(arrays[: len(halos)]), list(arrays[len(halos) :])
        outs, counters = rest[: len(program.outputs)], rest[len(program.outputs) :]
        assert all(
            array.flags.c_contiguous for array in rest
        )  # a copy would be filled in their place
        if not framed and rows * width >= LANES:
            rows, width = 1, rows * width
        if width >= LANES:
            _call(compiled, rows, width, width, [*bands, *outs, *counters], parameters)
            return
        wide = [_widened(band, rows, halo) for band, halo in zip(bands, halos, strict=True)]
        held = [np.empty((rows, LANES), out.dtype) for out in outs]
        _call(compiled, rows, LANES, width, [*wide, *held, *counters], parameters)
        for out, values in zip(outs, held, strict=True):
            out[...] = values[:, :width]

    return kernel


def _call(
    compiled: Any,
    rows: int,
    stride: int,
    width: int,
    arrays: Sequence[Array],
    parameters: list[tuple[Array, int]],
) -> None:
    """Call machine code; ctypes lets other threads run meanwhile. Parameters come with their addresses."""
    held = [np.ascontiguousarray(array) for array in arrays]
    addresses = [*(array.ctypes.data for array in held), *(place for _, place in parameters)]
    compiled(rows, stride, width, (ctypes.c_void_p * len(addresses))(*addresses))


def _widened(band: Array, rows: int, halo: int) -> Array:
    """Return a narrow band with columns added on the right, up to 64 and the halo."""
    more = LANES + 2 * halo - band.shape[1]
    return np.pad(band, ((0, 0), (0, more)), mode="edge")


@once
def _machine() -> tuple[Any, str]:
    """Return what makes code for this processor, and a text that tells compilers and processors apart."""
    import llvmlite
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    processor = binding.get_host_cpu_name()
    features = binding.get_host_cpu_features().flatten()
    target = binding.Target.from_default_triple()
    machine = target.create_target_machine(
        cpu=processor,
        features=features,
        opt=OPTIMISE,
        jit=True,
        reloc="pic",
        codemodel="jitdefault",
    )
    version = (llvmlite.__version__, binding.llvm_version_info, OPTIMISE)
    return machine, f"{version} {processor} {features} {target.triple}"


def _function(source: str, folder: Path) -> Any:
    """Return the compiled form of a kernel: from this process, from the cache, or made now."""
    with _loading:
        _, identity = _machine()
        digest = hashlib.sha256(f"{identity}\n{source}".encode()).hexdigest()[:32]
        if digest not in _loaded:
            file = folder / f"{digest}.o"
            private = _private(folder)
            code = _kept(file) if private else None
            if code is None:
                code = _compile(source)
                if private:
                    _keep(file, code)
            _loaded[digest] = _link(code)
        return _loaded[digest][1]


def _compile(source: str) -> bytes:
    from llvmlite import binding

    machine, _ = _machine()
    module = binding.parse_assembly(source)
    module.verify()
    options = binding.create_pipeline_tuning_options(speed_level=1)
    builder = binding.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    code: bytes = machine.emit_object(module)
    return code


def _link(code: bytes) -> tuple[Any, Any]:
    """Bring machine code into memory; returns what holds it, and the function."""
    from llvmlite import binding

    machine = binding.Target.from_default_triple().create_target_machine(jit=True)
    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), machine)
    engine.add_object_file(binding.ObjectFileRef.from_data(code))
    engine.finalize_object()
    kind = ctypes.CFUNCTYPE(
        None, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.POINTER(ctypes.c_void_p)
    )
    return engine, kind(engine.get_function_address("kernel"))


def _kept(file: Path) -> bytes | None:
    """Return compiled code that an earlier process kept, if it is whole: a digest stands before it."""
    try:
        held = file.read_bytes()
    except OSError:
        return None
    whole = hashlib.sha256(held[32:]).digest() == held[:32]
    return held[32:] if whole else None


def _keep(file: Path, code: bytes) -> None:
    """Write compiled code for later processes; a full disk keeps none."""
    part = file.with_suffix(f".{os.getpid()}.part")
    try:
        part.write_bytes(hashlib.sha256(code).digest() + code)
        part.replace(file)
    except OSError:
        part.unlink(missing_ok=True)


def _private(folder: Path) -> bool:
    """Make a cache folder; say whether it is there and nobody else may write to it."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        status = folder.stat()
    except OSError:
        return False
    return status.st_uid == os.getuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
