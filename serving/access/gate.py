"""The gate in front of every route: who is it, and does their key open this route.

A person at this machine needs no key (`CSPON_AUTH=local`); through the network, everybody does. Both
ends must be this machine: a proxy shows in the client's address, a page of another site that resolves
its name to 127.0.0.1 shows in the host, and headers that proxies add show, too.
"""

import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from cspon.errors import SetupError
from serving.access.caller import LOCAL, Caller, current
from serving.access.keys import Key
from serving.access.scopes import Rule, rule_for
from serving.access.session import session_of
from serving.access.store import KeyStore
from serving.problems import ApiError, answer, as_api_error

log = logging.getLogger("cspon.access")

Auth = Literal["local", "keys"]
LOOPBACK = ("127.0.0.1", "::1", "localhost")
CASE_NUMBER = re.compile(r"[\w〔〕\[\]()（）.\-/]{1,64}")
PROXY_HEADERS = (b"x-forwarded-for", b"forwarded", b"x-real-ip", b"via")
Heads = dict[bytes, str]
"""The headers of a request by their names in small letters; of several the first."""


class Gate:
    """ASGI middleware; what it lets pass carries a `Caller`.

    Args:
        app: What lies behind.
        store: The keys.
        session_secret: Signs the sessions of the pages.
        auth: `local`: a person at this machine needs no key; `keys`: everybody needs one.
        refused: Told of each refusal, by its code.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        store: KeyStore,
        session_secret: bytes,
        auth: Auth,
        refused: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.app, self.store, self.auth = app, store, auth
        self._session_secret, self._refused = session_secret, refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        try:
            caller = self._caller(scope)
        except (ApiError, SetupError) as error:
            problem = as_api_error(error)
            self._refused(problem.body["code"] or "error")
            if problem.status == 401 and _wants_page(scope):
                target = RedirectResponse(f"/login?next={scope['path']}", 303)
                await target(scope, receive, send)
                return
            await answer(problem, scope["path"])(scope, receive, send)
            return
        scope.setdefault("state", {})["caller"] = caller
        token = current.set(caller)
        try:
            await self.app(scope, receive, send)
        finally:
            current.reset(token)

    def _caller(self, scope: Scope) -> Caller:
        headers = {name: value.decode("latin-1") for name, value in reversed(scope["headers"])}
        rule = rule_for(scope["method"], scope["path"])
        case = _text(headers.get(b"x-cspon-case", ""))
        if case and not CASE_NUMBER.fullmatch(case):
            raise ApiError(400, "案卷号（X-Cspon-Case）格式不对", code="invalid_case_number")
        is_open = rule is not None and rule.scope is None and not rule.any_key
        try:
            key = self._key(headers)
        except ApiError:
            if not is_open or b"authorization" in headers:
                raise
            key = None  # a session that has ended does not bar the way to the sign-in page
        if key is not None:
            _check(key, rule)
            return Caller(key.principal, key, case)
        if self.auth == "local" and _at_this_machine(scope, headers):
            return Caller(LOCAL.principal, None, case) if case else LOCAL
        if is_open:
            return NOBODY
        raise _unknown("需要密钥：在请求头写 Authorization: Bearer cspon-…")

    def _key(self, headers: Heads) -> Key | None:
        """Return the key that the request shows; None where it shows none."""
        given = headers.get(b"authorization", "")
        if given:
            scheme, _, secret = given.partition(" ")
            key = self.store.of_secret(secret.strip()) if scheme.lower() == "bearer" else None
            if key is None:
                if self.auth == "local" and not secret.strip().startswith("cspon-"):
                    return None  # clients that must send something: `api_key="none"`
                raise _unknown("密钥不对")
        elif session := session_of(headers.get(b"cookie", ""), self._session_secret):
            key = self.store.by_id(session.key_id)
            if key is not None and session.began < int(key.created_at.timestamp()):
                key = None
        else:
            return None
        if key is None:
            raise _unknown("登录已失效，请重新登录")
        if why := key.refusal(datetime.now(UTC)):
            raise _unknown(why)
        return key


NOBODY = Caller(LOCAL.principal.model_copy(update={"user": "", "roles": ()}))
"""Whoever looks at an open route."""


def _check(key: Key, rule: Rule | None) -> None:
    if rule is not None and (rule.any_key or rule.scope is None or rule.scope in key.scopes):
        return
    needed = rule.scope if rule is not None else None
    raise ApiError(
        403,
        f"密钥 {key.prefix} 没有{'“' + needed + '”' if needed else '访问该地址的'}权限",
        code="scope_missing",
        kind="permission_error",
    )


def _unknown(message: str) -> ApiError:
    error = ApiError(401, message, code="invalid_api_key", kind="authentication_error")
    error.headers = {"www-authenticate": 'Bearer realm="cspon"'}
    return error


def _text(value: str) -> str:
    """Read a header that may hold Chinese: clients send UTF-8, which arrives as Latin-1."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value


def _at_this_machine(scope: Scope, headers: Heads) -> bool:
    client = scope["client"][0] if scope.get("client") else ""
    host = headers.get(b"host", "").rsplit("@", 1)[-1]
    name = host[1:].split("]")[0] if host.startswith("[") else host.split(":")[0]
    direct = not any(header in headers for header in PROXY_HEADERS)
    return client in LOOPBACK and name in LOOPBACK and direct


def _wants_page(scope: Scope) -> bool:
    accepts = Headers(scope=scope).get("accept", "")
    return scope["method"] == "GET" and "text/html" in accepts
