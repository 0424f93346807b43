"""The API fuzzed from its own description: no 5xx beyond what is said to be missing, no unhandled error.

Answers must match what the description says of them. Tools, jobs and ingestion run elsewhere in tests of
their own: here only what they refuse is of interest, so that a run is quick.
"""

import json
import logging

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

schemathesis = pytest.importorskip("schemathesis")

MISSING = frozenset({"not_ready", "model_unavailable"})
"""Codes of a 503: the gateway of these tests has neither a knowledge base nor a model."""
HEAVY = ("/v1/tools/", "/v1/jobs", "/v1/batches", "/ogc/")
OTHER_ERRORS = "/ogc/"
"""Routes whose errors have the format of their own standard."""


@pytest.fixture(scope="module")
def operations(plain):
    schema = schemathesis.openapi.from_dict(plain.app.openapi())
    found = [result.ok() for result in schema.get_all_operations()]
    assert len(found) > 40
    return [o for o in found if not (o.method == "post" and o.path.startswith(HEAVY))]


def fuzz(plain, operations, caplog, examples):
    """Return what is wrong, one line for each operation."""
    wrong = {}
    with httpx.Client(base_url=plain.url, timeout=30) as client:
        for operation in operations:
            strategy = st.one_of(
                operation.as_strategy(generation_mode=mode) for mode in schemathesis.GenerationMode
            )

            @settings(
                max_examples=examples, deadline=None, database=None, derandomize=True,
                suppress_health_check=list(HealthCheck),
            )  # fmt: skip
            @given(case=strategy)
            def run(case):
                caplog.clear()
                reply = case.call(base_url=plain.url, timeout=30)
                if reply.status_code >= 500:
                    code = json.loads(reply.content)["error"]["code"]
                    assert reply.status_code == 503 and code in MISSING, reply.content[:300]
                errors = [r for r in caplog.records if r.levelno >= logging.ERROR]
                assert not errors, errors[0].getMessage()
                ours = not case.operation.path.startswith(OTHER_ERRORS)
                if reply.status_code >= 400 and ours and reply.request.method != "HEAD":
                    assert set(json.loads(reply.content)["error"]) >= {"message", "type", "code"}
                checks = [schemathesis.checks.CHECKS.get_one("response_schema_conformance")]
                case.validate_response(reply, checks=checks)

            try:
                run()
            except Exception as error:  # noqa: BLE001 - all are told at the end
                wrong[operation.label] = str(error)[:600]
        assert client.get("/healthz").status_code == 200
    return wrong


def test_whatever_is_sent_gets_an_answer_as_described(plain, operations, caplog):
    assert fuzz(plain, operations, caplog, 8) == {}


@pytest.mark.full
def test_whatever_is_sent_gets_an_answer_as_described_at_length(plain, operations, caplog):
    assert fuzz(plain, operations, caplog, 300) == {}


def test_the_routes_before_the_application_are_described(plain):
    paths = httpx.get(f"{plain.url}/openapi.json").json()["paths"]
    for path in ("/v1/completions", "/v1/embeddings", "/v1/rerank", "/v1/chat/completions"):
        schema = paths[path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert schema
