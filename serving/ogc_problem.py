"""Errors of the routes below `/ogc`, as their standard has them: `application/problem+json` (RFC 7807)."""

from typing import TYPE_CHECKING, Final

from fastapi.responses import JSONResponse

if TYPE_CHECKING:
    from serving.problems import ApiError

PATH: Final = "/ogc"
EXCEPTIONS = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/"
TYPES = {
    "no_such_process": "no-such-process",
    "no_such_job": "no-such-job",
    "result_not_ready": "result-not-ready",
}
TITLES = {
    400: "请求不对", 401: "需要密钥", 403: "没有权限", 404: "不存在", 409: "不能调用",
    422: "输入不对", 429: "请稍后再试", 500: "服务内部错误", 503: "尚未就绪",
}  # fmt: skip


def problem(error: "ApiError", instance: str) -> JSONResponse:
    """Say an error as the standard does (RFC 7807)."""
    code = error.body["code"]
    kind = TYPES.get(str(code))
    body = {
        "type": EXCEPTIONS + kind if kind else "about:blank",
        "title": TITLES.get(error.status, "错误"),
        "status": error.status,
        "detail": error.body["message"],
        "instance": instance,
        "code": code,
    }
    return JSONResponse(
        body, error.status, headers=error.headers, media_type="application/problem+json"
    )
