from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from cspon.errors import SetupError
from llm.chat import ChatModel
from llm.providers import PROVIDERS, ModelOptions, get_model


@pytest.fixture
def options(tmp_path) -> ModelOptions:
    return ModelOptions(
        models_dir=tmp_path / "models",
        engine_dir=tmp_path / "engine",
        openai_api_key=SecretStr("sk-secret"),
    )


def test_none_is_no_model(options):
    assert get_model("none", options) is None


@pytest.mark.parametrize("name", ["openai:qwen3-8b", "openai:lora:v2", "embedded:smollm2-135m"])
def test_models_go_by_their_name_and_start_nothing(options, name):
    model = get_model(name, options)
    assert isinstance(model, ChatModel)
    assert model.name == name
    assert not options.engine_dir.exists()


def test_scripted_model_is_read_from_its_file(options, tmp_path):
    file = tmp_path / "s.yaml"
    file.write_text("steps:\n  - reply: 好", encoding="utf-8")
    assert get_model(f"scripted:{file}", options).name == f"scripted:{file}"


def test_the_users_file_goes_by_its_own_name(options):
    own = options.model_copy(update={"model_path": Path("/models/qwen3-4b-q4.gguf")})
    assert get_model("embedded:qwen2.5-coder-1.5b", own).name == "embedded:qwen3-4b-q4"


def test_unknown_provider_lists_the_known_ones(options):
    with pytest.raises(SetupError) as caught:
        get_model("chatgpt:4", options)
    for provider in PROVIDERS:
        assert provider in str(caught.value)


@pytest.mark.parametrize("name", ["openai:", "embedded", "embedded:no-such-model", ""])
def test_incomplete_or_unknown_names_are_refused(options, name):
    with pytest.raises(SetupError):
        get_model(name, options)


def test_options_are_frozen_and_hide_the_key(options):
    with pytest.raises(ValidationError):
        options.threads = 3
    assert "sk-secret" not in repr(options)
