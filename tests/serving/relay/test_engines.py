"""Engines as data: mistakes are named, models found."""

import pytest

from cspon.errors import InputError, SetupError
from serving.relay.engines import Engines, read_engines

GOOD = """\
engines:
- name: vllm
  urls: [http://10.0.0.5:8000/v1/]
  models: [{name: qwen, upstream: Qwen/Qwen3-8B}, {name: 审查, adapter: true}]
- {name: vectors, urls: ["http://10.0.0.6:8000/v1"], models: [{name: bge}], kinds: [embeddings]}
"""


def test_models_are_found_by_name_and_kind(tmp_path):
    file = tmp_path / "engines.yaml"
    assert read_engines(file) == Engines()
    file.write_text(GOOD, encoding="utf-8")
    engines = read_engines(file)
    engine, served = engines.find("qwen", "chat")
    assert (engine.urls, served.known_as) == (("http://10.0.0.5:8000/v1",), "Qwen/Qwen3-8B")
    assert engines.find("审查", "chat")[1].known_as == "审查"
    assert engines.find("bge", "chat") is None
    assert engines.find("", "chat") is None
    assert [name for name, _, _ in engines.names()] == ["qwen", "审查", "bge"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (("http://10.0.0.5:8000/v1/", "file:///etc/passwd"), "urls"),
        (("http://10.0.0.5:8000/v1/", "10.0.0.5:8000"), "urls"),
        (("name: qwen", "nam: qwen"), "nam"),
        (("kinds: [embeddings]", "kinds: [magic]"), "kinds"),
        (("name: vectors", "name: vllm"), "重复"),
    ],
)
def test_mistakes_are_named(tmp_path, change, named):
    file = tmp_path / "engines.yaml"
    file.write_text(GOOD.replace(*change), encoding="utf-8")
    with pytest.raises(InputError, match=named):
        read_engines(file)


def test_a_key_that_is_not_set_is_said(tmp_path, monkeypatch):
    file = tmp_path / "engines.yaml"
    file.write_text(GOOD.replace("- name: vllm", "- name: vllm\n  api_key_env: NO_SUCH_KEY"))
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    with pytest.raises(SetupError, match="NO_SUCH_KEY"):
        _ = read_engines(file).engines[0].api_key
