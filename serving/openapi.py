"""The description of the API (`/openapi.json`): what FastAPI knows, and the routes in front of it.

Requests of engine models are answered before the application's routes (serving/relay), so FastAPI does
not see `/v1/completions`, `/v1/embeddings`, `/v1/rerank` and `/v1/audio/transcriptions`; they are described here. The parameters are
those that the relay passes on.
"""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from serving.relay.body import KNOWN, MAX_CHOICES
from serving.relay.engines import Kind
from serving.relay.transcription import FORMATS

ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}
TOKENS = {"type": "integer", "minimum": 0}
COUNTED: dict[str, Any] = {
    "type": "object",
    "properties": {
        "prompt_tokens": TOKENS, "completion_tokens": TOKENS, "total_tokens": TOKENS,
    },
}  # fmt: skip
TEXT: dict[str, Any] = {"type": "string"}
TEXTS: dict[str, Any] = {"type": "array", "items": TEXT, "minItems": 1}
NUMBERS: dict[str, Any] = {
    "type": "array",
    "items": {"type": "integer", "minimum": 0},
    "minItems": 1,
}
FIELDS: dict[str, dict[str, Any]] = {
    "model": TEXT,
    "user": TEXT,
    "metadata": {"type": "object"},
    "seed": {"type": "integer"},
    "stop": {"anyOf": [TEXT, TEXTS, {"type": "null"}]},
    "temperature": {"type": "number", "minimum": 0, "maximum": 2},
    "top_p": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
    "n": {"type": "integer", "minimum": 1, "maximum": MAX_CHOICES},
    "stream": {"type": "boolean"},
    "stream_options": {"type": "object", "properties": {"include_usage": {"type": "boolean"}}},
    "max_tokens": {"type": "integer", "minimum": 1},
    "echo": {"type": "boolean"},
    "prompt": {"anyOf": [TEXT, TEXTS, NUMBERS]},
    "input": {"anyOf": [TEXT, TEXTS, NUMBERS]},
    "encoding_format": {"enum": ["float", "base64"]},
    "dimensions": {"type": "integer", "minimum": 1},
    "query": TEXT,
    "documents": {"type": "array", "items": {"anyOf": [TEXT, {"type": "object"}]}, "minItems": 1},
    "top_n": {"type": "integer", "minimum": 1},
    "return_documents": {"type": "boolean"},
}
ROUTES: dict[str, tuple[Kind, str, tuple[str, ...], dict[str, Any]]] = {
    "/v1/completions": (
        "completions", "Complete a prompt with a model of an engine.", ("model", "prompt"),
        {"choices": {"type": "array", "items": {"type": "object"}}, "usage": COUNTED},
    ),
    "/v1/embeddings": (
        "embeddings", "Embed texts with a model of an engine.", ("model", "input"),
        {"data": {"type": "array", "items": {"type": "object"}}, "usage": COUNTED},
    ),
    "/v1/rerank": (
        "rerank", "Order documents by how well they answer a query.", ("model", "query", "documents"),
        {"results": {"type": "array", "items": {"type": "object"}}, "usage": COUNTED},
    ),
}  # fmt: skip
"""Kind, summary, required parameters and fields of the reply, by path."""
SPEECH: dict[str, Any] = {
    "type": "object",
    "required": ["file", "model"],
    "properties": {
        "file": {"type": "string", "contentMediaType": "application/octet-stream"},
        "model": TEXT,
        "language": TEXT,
        "prompt": TEXT,
        "response_format": {"enum": sorted(FORMATS)},
        "temperature": {"type": "number", "minimum": 0, "maximum": 1},
        "timestamp_granularities[]": {"type": "array", "items": {"enum": ["word", "segment"]}},
    },
    "additionalProperties": False,
}
"""The form of `/v1/audio/transcriptions`."""


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the description of all routes under `/v1`; made once."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title, version=app.version, summary=app.summary, routes=app.routes
        )
        made.setdefault("components", {}).setdefault("schemas", {})["Error"] = ERROR
        for path, (kind, summary, required, reply) in ROUTES.items():
            made["paths"].setdefault(path, {})["post"] = _operation(kind, summary, required, reply)
        made["paths"]["/v1/audio/transcriptions"] = {"post": _transcription()}
        app.openapi_schema = made
    return app.openapi_schema


def _operation(
    kind: Kind, summary: str, required: tuple[str, ...], reply: dict[str, Any]
) -> dict[str, Any]:
    fields = {name: FIELDS.get(name, {}) for name in sorted(KNOWN[kind])}
    body = {
        "type": "object", "required": list(required), "properties": fields,
        "additionalProperties": False,
    }  # fmt: skip
    content: dict[str, Any] = {
        "application/json": {"schema": {"type": "object", "properties": reply}}
    }
    if "stream" in fields:
        content["text/event-stream"] = {"schema": TEXT}
    return _described(kind, summary, {"application/json": {"schema": body}}, content)


def _transcription() -> dict[str, Any]:
    said = {"type": "object", "properties": {"text": TEXT, "usage": {"type": "object"}}}
    content = {"application/json": {"schema": said}, "text/plain": {"schema": TEXT}}
    summary = "Write down a recording with a model of an engine."
    return _described(
        "transcriptions", summary, {"multipart/form-data": {"schema": SPEECH}}, content
    )


def _described(
    kind: Kind, summary: str, body: dict[str, Any], content: dict[str, Any]
) -> dict[str, Any]:
    error = {
        "description": "The error, in the one format of this API",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
    return {
        "summary": summary,
        "operationId": f"relay_{kind}",
        "requestBody": {"required": True, "content": body},
        "responses": {
            "200": {"description": "The engine's reply", "content": content},
            "4XX": error,
            "5XX": error,
        },
    }
