"""`/login/oidc`: sign-in to the pages by the bureau's identity provider."""

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from serving.access.oidc.attempt import COOKIE, LASTS_S
from serving.access.oidc.refused import SignInRefused
from serving.pages.login import by_tls, give_session, inside, put_on_record
from serving.pages.paper import PageRoute, paper
from serving.problems import ApiError
from serving.services import Services

router = APIRouter(route_class=PageRoute, include_in_schema=False)

PATH = "/login/oidc"
LONGEST_TARGET = 500


@router.get(PATH)
async def begin(request: Request, next: str = "/") -> Response:
    """Lead to the provider."""
    services: Services = request.app.state.services
    if services.sign_in is None:
        raise _not_set()
    try:
        address, cookie = await services.sign_in.begin(inside(next[:LONGEST_TARGET]))
    except SignInRefused as refusal:
        return _refuse(request, refusal)
    answer = RedirectResponse(address, 303)
    answer.set_cookie(
        COOKIE, cookie, max_age=LASTS_S, path=PATH, httponly=True, samesite="lax",
        secure=by_tls(request),
    )  # fmt: skip
    return answer


@router.get(f"{PATH}/callback")
async def back(request: Request) -> Response:
    """Take the provider's answer.

    The page leads on by itself: a session cookie that is `SameSite=Strict` does not travel with a
    redirect that began at another site.
    """
    services: Services = request.app.state.services
    if services.sign_in is None:
        raise _not_set()
    said, cookie = dict(request.query_params), request.cookies.get(COOKIE, "")
    try:
        key, target = await services.sign_in.finish(said, cookie)
    except SignInRefused as refusal:
        return _refuse(request, refusal)
    put_on_record(request, "in", key, by="oidc", scopes=key.scopes)
    answer = paper(
        request, "signing.html", title="已登录", message=key.user, kind="", onward=target,
        link="进入系统",
    )  # fmt: skip
    give_session(request, answer, key.id)
    answer.delete_cookie(COOKIE, path=PATH)
    return answer


def _refuse(request: Request, refusal: SignInRefused) -> Response:
    """Show why, and put it on record."""
    services: Services = request.app.state.services
    number, body = request.state.request_id, refusal.body
    put_on_record(request, "refused", None, refusal=body["code"], why=refusal.why)
    services.metrics.count_refused(body["code"])
    answer = paper(
        request, "signing.html", refusal.status, title="未能登录", message=body["message"],
        mend=body["mend"], kind=body["code"], request_id=number, onward="", link="回到登录页",
    )  # fmt: skip
    answer.delete_cookie(COOKIE, path=PATH)
    return answer


def _not_set() -> ApiError:
    return ApiError(404, "没有配置统一身份认证", code="not_found")
