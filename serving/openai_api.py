"""`/v1/chat/completions` and `/v1/models`: the assistant and the bare model as two models.

The assistant answers the last user message. What it has beyond text (citations, tool results,
verdict, refusal, notices) stands in the extension field `cspon` of the message or of the last
chunk: the `Answer` contract as JSON. While it works, chunks with an empty delta carry
`cspon: {"progress": …}`. Where the checked text differs from what was streamed, the last chunk says
`"text_replaced": true` and the text in `cspon.text` holds.
"""

from collections.abc import AsyncGenerator
from contextlib import ExitStack, aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from cspon.schemas.agent import Principal
from llm.chat import ChatModel
from serving.access.caller import Caller
from serving.guards.edge import Passage, check_body
from serving.guards.runs import complete
from serving.guards.wording import notices
from serving.model_names import ASSISTANT, MODEL, today
from serving.openai_reply import Piece, Reply
from serving.openai_schema import AssistantOptions, ChatBody
from serving.principal import current_caller
from serving.problems import ApiError
from serving.services import Services
from serving.streams import EventStream, unless_gone
from serving.uploads import inline_boundary

router = APIRouter(prefix="/v1")
Calls = Annotated[Caller, Depends(current_caller)]


@router.get("/models")
async def list_models(request: Request, caller: Calls) -> dict[str, Any]:
    """List the assistant and, if there is one, the bare model: those that the caller may use."""
    return {"object": "list", "data": _models(request.app.state.services, caller)}


@router.get("/models/{name:path}")
async def get_model(request: Request, caller: Calls, name: str) -> dict[str, Any]:
    """Describe one model."""
    services: Services = request.app.state.services
    wanted = MODEL if services.model is not None and name == services.model.name else today(name)
    for model in _models(services, caller):
        if model["id"] == wanted:
            return model
    raise _no_such_model(name)


@router.post("/chat/completions")
async def chat_completions(request: Request, body: ChatBody, caller: Calls) -> Response:
    """Answer as OpenAI does, streaming or whole."""
    services: Services = request.app.state.services
    principal = caller.principal
    body.check()
    check_body(body)
    bare = services.model is not None and body.model in (MODEL, services.model.name)
    if not caller.may_use_model(MODEL if bare else body.model):
        raise _no_such_model(body.model)
    if body.model == ASSISTANT:
        pieces = _ask(services, body, body.question(), principal, request.state.request_id)
    elif bare and services.model is not None:
        passage = services.guards.open(principal, services.model, request.state.request_id)
        pieces = _complete(passage, services.model, body, services.settings.model_timeout_s)
    else:
        raise _no_such_model(body.model)
    reply = Reply(services, body, principal, request.state.request_id)
    if not body.stream:
        return JSONResponse(await unless_gone(request, reply.whole(pieces)))
    events = reply.events(pieces)
    first = await unless_gone(request, _first(events))
    return EventStream(first, events)


async def _first(events: AsyncGenerator[bytes, None]) -> bytes:
    return await anext(events)


def _models(services: Services, caller: Caller) -> list[dict[str, Any]]:
    common = {"object": "model", "created": 0, "owned_by": "cspon"}
    models: list[dict[str, Any]] = [{"id": ASSISTANT, **common}]
    if services.model is not None:
        models.append({"id": MODEL, **common, "cspon": {"provider_name": services.model.name}})
    known = {model["id"] for model in models}
    known |= {services.model.name} if services.model is not None else set()
    for name, engine, served in services.engines().names():
        if name not in known:
            extension = {
                "engine": engine.name,
                "adapter": served.adapter,
                "context": engine.context,
            }
            models.append({"id": name, **common, "cspon": extension})
    return [model for model in models if caller.may_use_model(model["id"])]


def _no_such_model(name: str) -> ApiError:
    return ApiError(
        404,
        f"没有模型 {name[:80]!r}；可用的模型见 /v1/models",
        param="model",
        code="model_not_found",
        kind="invalid_request_error",
    )


async def _ask(
    services: Services, body: ChatBody, question: str, principal: Principal, request_id: str
) -> AsyncGenerator[Piece, None]:
    """Run the assistant; an inline boundary lives in a temporary folder for that long."""
    options = body.cspon or AssistantOptions()
    if options.boundary is not None and options.file_id is not None:
        raise ApiError(400, "boundary 与 file_id 只能给一个", param="cspon", code="invalid_value")
    with ExitStack() as stack:
        path = None
        if options.file_id is not None:
            path = services.uploads.get(options.file_id, principal.user).path
        elif options.boundary is not None:
            path = stack.enter_context(
                inline_boundary(options.boundary, epsg=options.epsg, name=options.name)
            )
        events = services.ask(
            question,
            boundary=path,
            principal=principal,
            asked_on=options.asked_on,
            request_id=request_id,
        )
        async with aclosing(events):
            async for event in events:
                match event.kind:
                    case "progress":
                        yield Piece(progress=event.text)
                    case "delta":
                        yield Piece(text=event.text)
                    case "answer":
                        yield Piece(end=event.answer)


async def _complete(
    passage: Passage, model: ChatModel, body: ChatBody, timeout_s: float
) -> AsyncGenerator[Piece, None]:
    """Run the bare model between the guards."""
    pieces = complete(passage, model, body, timeout_s)
    async with aclosing(pieces):
        async for text, reply in pieces:
            if reply is None:
                yield Piece(text=text)
            else:
                told = notices(passage.found, inside=passage.policy.inside)
                yield Piece(end=reply, notices=told)
