"""From a `provider:model` name to a chat model: a list of thunks, each importing what it needs."""

from collections.abc import Callable
from pathlib import Path

from pydantic import SecretStr

from cspon.errors import SetupError
from cspon.schemas.base import Frozen
from llm.chat import ChatModel


class ModelOptions(Frozen):
    """What providers need besides the name; every value comes from the caller's settings."""

    models_dir: Path
    """Folder of downloaded model files."""
    engine_dir: Path
    """Folder of the engines' records, locks and logs."""
    model_path: Path | None = None
    """A GGUF file of the user's, instead of a packaged model."""
    threads: int = 0
    """Threads of the embedded engine; 0 takes the cores at hand."""
    context: int = 4096
    """Context of one request in tokens."""
    timeout_s: float = 120.0
    """Seconds for a request that does not set its own time-out."""
    openai_base_url: str = "http://127.0.0.1:8000/v1"
    openai_api_key: SecretStr | None = None
    engine_port: int = 18650
    """First port to try for the embedded engine; 0 takes any free one."""


def get_model(name: str, options: ModelOptions) -> ChatModel | None:
    """Return the chat model of a `provider:model` name, or None for `none`.

    Nothing is started or connected here: a server that is down shows itself as `ModelUnavailable`
    on the first request, and `ChatModel.health` says so without raising.

    Raises:
        SetupError: unknown provider or model, or a package that is not installed.
    """
    provider, _, model = name.partition(":")
    if provider not in PROVIDERS:
        raise SetupError(
            f"不认识的模型 {name!r}；可用的形式：{'、'.join(FORMS)}",
            mend="改正 --model 或 CSPON_MODEL",
        )
    if provider != "none" and not model:
        raise SetupError(f"模型 {name!r} 缺少冒号后的名称", mend="例如 openai:qwen3-8b")
    return PROVIDERS[provider](model, options)


def _none(model: str, options: ModelOptions) -> None:
    return None


def _scripted(model: str, options: ModelOptions) -> ChatModel:
    from llm.scripted import ScriptedModel

    return ScriptedModel.from_file(Path(model))


def _embedded(model: str, options: ModelOptions) -> ChatModel:
    from llm.embedded import EmbeddedModel

    return EmbeddedModel(model, options)


def _openai(model: str, options: ModelOptions) -> ChatModel:
    from llm.openai_compatible import OpenAICompatibleModel

    key = options.openai_api_key
    return OpenAICompatibleModel(
        model,
        base_url=options.openai_base_url,
        api_key=key.get_secret_value() if key else None,
        timeout_s=options.timeout_s,
    )


PROVIDERS: dict[str, Callable[[str, ModelOptions], ChatModel | None]] = {
    "none": _none,
    "embedded": _embedded,
    "openai": _openai,
    "scripted": _scripted,
}

FORMS = ("none", "embedded:模型名", "openai:模型名", "scripted:脚本.yaml")
