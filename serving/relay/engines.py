"""Engines as data: which models they serve, where, and how much a request may ask of them."""

import os
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator

from cspon.errors import InputError, SetupError
from cspon.schemas.base import Frozen
from tools.library.reading import field_error, read_yaml

Kind = Literal["chat", "completions", "embeddings", "rerank", "transcriptions"]
PATHS: dict[str, Kind] = {
    "/v1/chat/completions": "chat",
    "/v1/completions": "completions",
    "/v1/embeddings": "embeddings",
    "/v1/rerank": "rerank",
    "/v1/audio/transcriptions": "transcriptions",
}
MAX_ENGINES = 64


class Served(Frozen):
    """A model of an engine: base weights or a LoRA adapter.

    Args:
        name: As callers and limits know it.
        upstream: As the engine knows it; default: the same.
        adapter: It is a LoRA adapter; for the record.
    """

    name: str = Field(pattern=r"[^\s]{1,120}")
    upstream: str = Field("", max_length=200)
    adapter: bool = False
    also: str | None = Field(None, exclude=True)
    """Another name that callers may use; counted and recorded under `name`."""

    @property
    def known_as(self) -> str:
        """The name in requests to the engine."""
        return self.upstream or self.name


class Engine(Frozen):
    """One engine with its replicas."""

    name: str = Field(pattern=r"[^\s/]{1,80}")
    urls: tuple[str, ...] = Field(min_length=1, max_length=64)
    """Addresses of the replicas, ending in `/v1`."""
    models: tuple[Served, ...] = Field(min_length=1)
    kinds: tuple[Kind, ...] = ("chat", "completions")
    context: int | None = Field(None, ge=1)
    """Tokens of the models' context: bounds what a prompt reserves."""
    max_tokens: int = Field(2048, ge=1)
    """Tokens that a reply may have where the request does not say."""
    most_tokens: int = Field(32_768, ge=1)
    """Tokens that a request may ask for."""
    image_tokens: int = Field(0, ge=0)
    """Most tokens of one image; 0: the models take no images."""
    audio_tokens_per_s: int = Field(50, ge=1)
    """Tokens that a second of a recording is charged, its words included."""
    audio_s: int = Field(1800, ge=1)
    """Seconds of a recording that the engine takes at most."""
    api_key_env: str = Field("", pattern=r"[A-Z0-9_]*")
    """Environment variable with the engine's key."""
    secret: SecretStr | None = Field(None, exclude=True)
    """The key itself, where it comes from the settings."""
    refuses: frozenset[str] = frozenset()
    """Parameters that this engine must not be sent, though others take them."""
    timeout_s: float = Field(300.0, gt=0, le=3600)
    """Seconds without a byte from the engine."""

    @field_validator("urls")
    @classmethod
    def _addresses(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        for url in urls:
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
                raise ValueError(f"地址 {url} 应为 http(s)://主机:端口/v1")
        return tuple(url.rstrip("/") for url in urls)

    @property
    def api_key(self) -> SecretStr | None:
        """The engine's key.

        Raises:
            SetupError: the variable is not set.
        """
        if not self.api_key_env:
            return self.secret
        value = os.environ.get(self.api_key_env)
        if not value:
            raise SetupError(
                f"引擎 {self.name} 的密钥变量 {self.api_key_env} 没有设置", mend="设置该环境变量"
            )
        return SecretStr(value)


class Engines(Frozen):
    """All engines of a server."""

    engines: tuple[Engine, ...] = Field((), max_length=MAX_ENGINES)

    def find(self, model: str, kind: Kind) -> tuple[Engine, Served] | None:
        """Return the engine that serves a model for a kind of request."""
        for engine in self.engines:
            if kind in engine.kinds:
                for served in engine.models:
                    if served.name == model or served.also == model:
                        return engine, served
        return None

    def names(self) -> list[tuple[str, Engine, Served]]:
        """Return every model by name, the first engine that has it."""
        seen: dict[str, tuple[str, Engine, Served]] = {}
        for engine in self.engines:
            for served in engine.models:
                seen.setdefault(served.name, (served.name, engine, served))
        return list(seen.values())


def read_engines(file: Path) -> Engines:
    """Read the engines; a missing file is none.

    Raises:
        InputError: the file is not as it should be; names the field.
    """
    if not file.exists():
        return Engines()
    raw = read_yaml(file)
    try:
        engines = Engines.model_validate(raw or {})
    except ValidationError as error:
        raise field_error(file, error) from None
    names = [engine.name for engine in engines.engines]
    if len(set(names)) != len(names):
        raise InputError("引擎名称重复", file=file, field="engines", mend="每个引擎用不同的 name")
    return engines
