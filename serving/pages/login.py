"""`/login`: a key becomes a session of the pages; `/logout` ends it."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from cspon.schemas.agent import Principal
from serving.access.caller import caller_of
from serving.access.keys import Key
from serving.access.session import COOKIE, LASTS_S, SIGNED_IN, sign
from serving.pages.paper import PageRoute, paper
from serving.services import Services

router = APIRouter(route_class=PageRoute, include_in_schema=False)

INSIDE = re.compile(r"/(?!/)[\w/.\-]*")
"""Where a page of ours may lead after signing in; never another host."""


@router.get("/login")
async def login_page(request: Request, next: str = "/") -> Response:
    """The form."""
    return _form(request, next)


@router.post("/login")
async def login(
    request: Request,
    secret: Annotated[str, Form(max_length=200)],
    next: Annotated[str, Form(max_length=500)] = "/",
) -> Response:
    """Check the key; a wrong one shows the form again."""
    services: Services = request.app.state.services
    key = services.keys.of_secret(secret.strip())
    why = "密钥不对" if key is None else key.refusal(datetime.now(UTC))
    if key is not None and not why and "pages" not in key.scopes:
        why = "此密钥不能用于页面"
    if key is None or why:
        put_on_record(request, "refused", key, refusal="invalid_api_key", why=why)
        return _form(request, next, why)
    put_on_record(request, "in", key, by="key")
    answer = RedirectResponse(inside(next), 303)
    give_session(request, answer, key.id)
    return answer


@router.post("/logout")
async def logout(request: Request) -> Response:
    """Forget the session; that of the identity provider's person ends at the provider, too."""
    services: Services = request.app.state.services
    key, onward = caller_of(request.scope).key, ""
    if key is not None and key.id.startswith(SIGNED_IN) and services.sign_in:
        onward = await services.sign_in.sign_out(key)
    if key is not None:
        put_on_record(request, "out", key)
    answer: Response = RedirectResponse("/login", 303)
    if (
        onward
    ):  # no redirect: the policy of the page that holds the form allows none to another site
        answer = paper(
            request, "signing.html", title="已退出本系统", message="正在退出统一身份认证。",
            kind="", onward=onward, link="继续",
        )  # fmt: skip
    answer.delete_cookie(COOKIE)
    return answer


def give_session(request: Request, answer: Response, key_id: str) -> None:
    """Sign a browser in."""
    answer.set_cookie(
        COOKIE,
        sign(key_id, request.app.state.services.session_secret),
        max_age=LASTS_S,
        httponly=True,
        samesite="strict",
        secure=by_tls(request),
    )


def put_on_record(request: Request, kind: str, key: Key | None, **facts: Any) -> None:
    """Record who was signed in or out, or was not.

    Raises:
        SetupError: the audit cannot be written; nobody may be signed in.
    """
    services: Services = request.app.state.services
    who = {"key": key.id, "tenant": key.tenant} if key is not None else {"key": ""}
    services.audit.sign_in(
        kind,
        principal=key.principal if key is not None else Principal(user=""),
        request_id=request.state.request_id,
        **who,
        **facts,
    )


def by_tls(request: Request) -> bool:
    """Say whether the browser came by TLS, if need be to a proxy before us."""
    services: Services = request.app.state.services
    public = services.settings.public_url or ""
    return request.url.scheme == "https" or public.startswith("https:")


def inside(target: str) -> str:
    """Return a page of ours: the one that is asked for, or the first."""
    return target if INSIDE.fullmatch(target) else "/"


def _form(request: Request, target: str, problem: str = "") -> Response:
    oidc = request.app.state.services.sign_in is not None
    status = 401 if problem else 200
    return paper(request, "login.html", status, next=inside(target), problem=problem, oidc=oidc)
