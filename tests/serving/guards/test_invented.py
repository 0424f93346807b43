"""What a model invents never leaves through the gateway: clause and figure, whole and streamed."""

import importlib.util
import json
import re
from pathlib import Path

import httpx
import pytest

from agents.assistant import Assistant
from llm.scripted import ScriptedModel, Step

pytestmark = pytest.mark.component

QUESTION = "拟建产业园项目（边界见文件）选址是否可行？占用了哪些控制线？"
CLAUSE, FIGURE = "第九百条", "99.8765公顷"
INVENTED = f"《土地管理法》{CLAUSE}规定可以占用永久基本农田。项目占用永久基本农田{FIGURE}。"
TRUE = "项目占用永久基本农田12.3456公顷，结论不符合。"
SQUARE = [[500_000, 3_300_000], [500_500, 3_300_000], [500_500, 3_300_500], [500_000, 3_300_000]]


def _assistants():
    path = Path(__file__).parents[2] / "agents" / "assistant" / "conftest.py"
    spec = importlib.util.spec_from_file_location("assistants", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def asked(gateway, tmp_path):
    """Ask the assistant, whose model says so much; returns what the client got, and the gateway."""
    made = _assistants()

    def ask(question, *said, stream, boundary=True):
        model = ScriptedModel([Step(text) for text in said])
        base, layers = made.FakeKnowledgeBase(), made.make_layers(tmp_path / "layers")
        assistant = Assistant(model, base, layers, tmp_path / "runs.sqlite")
        assistant.tools = {"check_compliance": made.make_compliance_tool()}
        running = gateway(model=model, assistant=assistant)
        more = {"boundary": {"type": "Polygon", "coordinates": [SQUARE]}, "epsg": 4547}
        body = {
            "model": "cspon/assistant",
            "messages": [{"role": "user", "content": question}],
            "stream": stream,
            "cspon": more if boundary else {},
        }
        reply = httpx.post(f"{running.url}/v1/chat/completions", json=body, timeout=60)
        assert reply.status_code == 200, reply.text
        model.assert_consumed()
        return reply.text, running

    return ask


def told(raw, stream):
    """Return the text that the client has and the extension field."""
    if not stream:
        message = json.loads(raw)["choices"][0]["message"]
        return message["content"], message["cspon"]
    chunks = [json.loads(line[6:]) for line in raw.splitlines() if line.startswith("data: {")]
    assert not [chunk for chunk in chunks if "error" in chunk]
    return "".join(c["choices"][0]["delta"].get("content", "") for c in chunks), chunks[-1]["cspon"]


def audit(running):
    lines = running.services.settings.audit_file.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("stream", [False, True])
def test_an_invented_clause_and_an_invented_figure_reach_nobody(asked, stream):
    raw, running = asked(QUESTION, INVENTED + TRUE, INVENTED, stream=stream)
    assert CLAUSE not in raw
    assert FIGURE not in raw
    text, extension = told(raw, stream)
    assert re.sub(r"\s", "", TRUE) in re.sub(r"\s", "", text)
    assert "| 永久基本农田 | 12.3456 |" in text
    assert (extension["verdict"], extension["refusal"]) == ("不符合", None)
    assert extension["unsupported"] == 2
    assert any("2 句话含有工具结果和条文中没有的数字或条文" in n for n in extension["notices"])
    lines = audit(running)
    (guards,) = [line for line in lines if line["kind"] == "guards"]
    assert guards["found"] == {"output.flag": {"unsupported": 2}}
    (answer,) = [line for line in lines if line["kind"] == "answer"]
    assert (answer["verdict"], answer["request_id"]) == ("不符合", guards["request_id"])
    metrics = httpx.get(f"{running.url}/metrics").text
    assert 'cspon_guard_hits_total{action="flag",rule="unsupported",side="output"} 2.0' in metrics


@pytest.mark.parametrize("stream", [False, True])
def test_what_is_put_right_when_asked_again_leaves_no_trace(asked, stream):
    raw, running = asked(QUESTION, INVENTED, TRUE, stream=stream)
    assert CLAUSE not in raw
    assert FIGURE not in raw
    text, extension = told(raw, stream)
    assert TRUE in text
    assert extension["unsupported"] == 0
    assert not [line for line in audit(running) if line["kind"] == "guards"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_question_of_law_is_answered_from_the_clauses_alone(asked, stream):
    wrong = f"征收耕地超过{FIGURE}的由县级政府批准，见《土地管理法》{CLAUSE}。"
    question = "征收耕地超过多少公顷由国务院批准？"
    raw, running = asked(question, wrong, wrong, stream=stream, boundary=False)
    assert CLAUSE not in raw
    assert FIGURE not in raw
    text, extension = told(raw, stream)
    assert "没有采用" in text
    assert "耕地超过三十五公顷的" in text
    assert (extension["unsupported"], extension["model"]) == (1, "none")
    (guards,) = [line for line in audit(running) if line["kind"] == "guards"]
    assert guards["found"] == {"output.flag": {"unsupported": 1}}
