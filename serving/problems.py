"""Errors as callers of the API see them: `{"error": {message, type, param, code}}`, as OpenAI does.

Knows which of our errors becomes which status. Messages are Chinese, name the mend, and never a path
of this machine.
"""

import logging
import re
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from cspon.errors import (
    CsponError,
    InputError,
    ModelUnavailable,
    RetryTool,
    SetupError,
    ToolFailed,
)
from serving import ogc_problem

log = logging.getLogger("cspon.serving")

FOLDERS = re.compile(r"(?<![\w:/.])(?:/[^\s/，。；：、（）“”'\"]+)+/(?=[^\s/])")
"""The folder part of an absolute path; addresses (`http://…`) do not match."""

INVALID, NOT_FOUND, SERVER = "invalid_request_error", "not_found_error", "server_error"


class ApiError(CsponError):
    """A refusal of the API itself.

    Args:
        status: HTTP status.
        message: What is wrong and how to mend it, in Chinese.
        code: Machine-readable code.
        param: Name of the offending parameter.
        kind: `type` of the error object.
        more: Further fields of the error object.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        kind: str | None = None,
        **more: Any,
    ) -> None:
        self.status = status
        self.headers: dict[str, str] | None = None
        kind = kind or (SERVER if status >= 500 else NOT_FOUND if status == 404 else INVALID)
        self.body: dict[str, Any] = {
            "message": message,
            "type": kind,
            "param": param,
            "code": code,
            **more,
        }
        super().__init__(message)


def public(text: str) -> str:
    """Take the folders out of absolute paths: callers learn file names, not this machine."""
    return FOLDERS.sub("", text)


def as_api_error(error: Exception) -> ApiError:
    """Translate any error; the unknown ones become a 500 that tells nothing of the inside."""
    match error:
        case ApiError():
            return error
        case InputError():
            return ApiError(
                422,
                public(str(error)),
                code="invalid_input",
                param=error.field,
                mend=error.mend or None,
                layer=error.layer,
                row=error.row,
                field=error.field,
            )
        case RetryTool():
            return ApiError(400, public(str(error)), code="invalid_arguments")
        case ModelUnavailable():
            return ApiError(503, public(str(error)), code="model_unavailable")
        case SetupError():
            return ApiError(503, public(str(error)), code="not_ready", mend=error.mend or None)
        case ToolFailed():
            return ApiError(500, public(str(error)), code="tool_failed")
        case RequestValidationError():
            return _validation(error)
        case HTTPException():
            return _http(error)
    return ApiError(500, "服务内部错误，请把请求编号告知管理员", code="internal_error")


def log_unexpected(error: Exception) -> None:
    """Log an error that is none of ours with its traceback: it is a bug."""
    if not isinstance(error, CsponError | RequestValidationError | HTTPException):
        log.error("unhandled error", exc_info=error)


def install(app: FastAPI) -> None:
    """Answer every error in the one format."""
    for kind in (CsponError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _respond)


def answer(error: ApiError, path: str) -> JSONResponse:
    """Answer an error in the format of the routes that the path belongs to."""
    if path == ogc_problem.PATH or path.startswith(f"{ogc_problem.PATH}/"):
        return ogc_problem.problem(error, path)
    return JSONResponse({"error": error.body}, error.status, headers=error.headers)


async def _respond(request: Request, error: Exception) -> JSONResponse:
    problem = as_api_error(error)
    log_unexpected(error)
    problem.headers = getattr(error, "headers", None)
    return answer(problem, request.url.path)


def _validation(error: RequestValidationError) -> ApiError:
    """OpenAI answers 400, not 422, to a body of the wrong shape."""
    first = error.errors()[0]
    loc = first["loc"][1:] if first["loc"][:1] in (("body",), ("query",)) else first["loc"]
    place = ".".join(map(str, loc))
    if first["type"] == "json_invalid":
        return ApiError(400, "请求体不是有效的 JSON", code="invalid_json")
    if first["type"] == "extra_forbidden":
        return ApiError(400, f"不认识的参数：{place}", param=place, code="unknown_parameter")
    if first["type"] == "missing":
        return ApiError(400, f"缺少参数：{place or '请求体'}", param=place or None, code="missing")
    message = f"参数 {place} 无效：{first['msg']}" if place else f"请求体无效：{first['msg']}"
    return ApiError(400, message, param=place or None, code="invalid_value")


def _http(error: HTTPException) -> ApiError:
    known = {
        400: ("请求体无法解析", "invalid_body"),
        403: ("不接受其他网站页面发来的请求", "cross_site"),
        404: ("没有这个地址", "not_found"),
        405: ("该地址不支持这种请求方法", "method_not_allowed"),
        413: ("请求体超过大小上限", "too_large"),
    }
    message, code = known.get(error.status_code, (str(error.detail), None))
    return ApiError(error.status_code, message, code=code)
