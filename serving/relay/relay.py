"""The relay: a lean ASGI layer between the gate and the application for requests to the engines.

authenticate (the gate) → check and bound the request → guard → reserve → send → guard and pass on →
settle → record. A request of another model is handed on to the application untouched.
"""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cspon.errors import CsponError
from serving.access.caller import caller_of
from serving.model_names import today
from serving.problems import ApiError, log_unexpected
from serving.relay.body import MAX_BODY, check, parse
from serving.relay.engines import PATHS
from serving.relay.exchange import Exchange, Gone, Parts, refuse
from serving.relay.guarding import Guarded
from serving.relay.transcription import MAX_AUDIO, Transcribing, ask, read_form, seal


class Relay:
    """ASGI middleware behind the gate.

    Args:
        app: The application.
        parts: The gateway's services.
    """

    def __init__(self, app: ASGIApp, *, parts: Parts) -> None:
        self.app, self._parts = app, parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        kind = PATHS.get(scope["path"]) if scope["type"] == "http" else None
        if kind == "transcriptions" and scope["method"] == "POST":
            await self._transcribe(scope, receive, send)
            return
        engines = self._parts.engines()
        if kind is None or scope["method"] != "POST" or not engines.engines:
            await self.app(scope, receive, send)
            return
        try:
            raw = await _read(scope, receive)
            body = parse(raw) if raw is not None else {}
            found = engines.find(today(str(body.get("model", ""))), kind)
        except CsponError as error:
            await refuse(send, error)
            return
        if raw is None:
            return
        if found is None:
            await self.app(scope, _again(raw, receive), send)
            return
        scope["route_name"] = scope["path"]
        exchange = Exchange(self._parts, scope, receive, send, kind)
        try:
            caller = caller_of(scope)
            if not caller.may_use_model(found[1].name):
                raise ApiError(
                    404, f"没有模型 {found[1].name}；可用的模型见 /v1/models",
                    param="model", code="model_not_found",
                )  # fmt: skip
            asked = check(body, len(raw), kind, *found)
            guarded = Guarded(self._parts.guards, caller, found[0], exchange.request_id)
            try:
                guarded.take_in(body, kind)
                asked.seal()
                await exchange.run(caller, asked, raw, guarded)
            finally:
                await guarded.record()
        except Gone:
            return
        except Exception as error:  # noqa: BLE001 - told to the caller
            log_unexpected(error)
            await exchange.tell(error)

    async def _transcribe(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["route_name"] = scope["path"]
        exchange = Transcribing(self._parts, scope, receive, send, "transcriptions")
        try:
            raw = await _read(scope, receive, MAX_AUDIO)
            if raw is None:
                return
            said = await read_form(Headers(scope=scope), raw)
            name = today(said.of("model"))
            found = self._parts.engines().find(name, "transcriptions")
            caller = caller_of(scope)
            if found is None or not caller.may_use_model(name):
                raise ApiError(
                    404, f"没有提供语音转写的模型 {name[:80]}；由管理员在 engines.yaml 中加入 "
                    "kinds 含 transcriptions 的引擎", param="model", code="model_not_found",
                )  # fmt: skip
            asked = ask(said, len(raw), *found)
            exchange.shaped(said.of("response_format"))
            guarded = Guarded(self._parts.guards, caller, found[0], exchange.request_id)
            try:
                guarded.take_in(asked.told, "transcriptions")
                seal(asked, said)
                await exchange.run(caller, asked, raw, guarded)
            finally:
                await guarded.record()
        except Gone:
            return
        except Exception as error:  # noqa: BLE001 - told to the caller
            log_unexpected(error)
            await exchange.tell(error)


async def _read(scope: Scope, receive: Receive, most: int = MAX_BODY) -> bytes | None:
    """Read a body; None where the caller left.

    Raises:
        ApiError: it is too large, or a page of another site sent it.
    """
    headers = Headers(scope=scope)
    if headers.get("sec-fetch-site") == "cross-site":
        raise ApiError(403, "不接受其他网站页面发来的请求", code="cross_site")
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most:
            raise ApiError(413, "请求体超过大小上限", code="too_large")
        if not message.get("more_body"):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def _again(raw: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives the body once more."""
    given = [False]

    async def replay() -> Message:
        if given[0]:
            return await receive()
        given[0] = True
        return {"type": "http.request", "body": raw, "more_body": False}

    return replay
