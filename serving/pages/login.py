"""`/login`: a key becomes a session of the pages; `/logout` ends it."""

import re
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from serving.access.session import COOKIE, LASTS_S, sign
from serving.pages.paper import PageRoute, paper
from serving.services import Services

router = APIRouter(route_class=PageRoute, include_in_schema=False)

INSIDE = re.compile(r"/(?!/)[\w/.\-]*")
"""Where a page of ours may lead after signing in; never another host."""


@router.get("/login")
async def login_page(request: Request, next: str = "/") -> Response:
    """The form."""
    return paper(request, "login.html", next=_inside(next), problem="")


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
        return paper(request, "login.html", 401, next=_inside(next), problem=why)
    answer = RedirectResponse(_inside(next), 303)
    answer.set_cookie(
        COOKIE,
        sign(key.id, services.session_secret),
        max_age=LASTS_S,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return answer


@router.post("/logout")
async def logout() -> Response:
    """Forget the session."""
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE)
    return answer


def _inside(target: str) -> str:
    return target if INSIDE.fullmatch(target) else "/"
