"""What the routes below `/ogc` share: errors, links, the caller."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute

from serving.access.caller import Caller
from serving.principal import current_caller
from serving.problems import answer, as_api_error, log_unexpected
from serving.streams import ClientGone

Calls = Annotated[Caller, Depends(current_caller)]


class Problems(APIRoute):
    """Answers every error as `application/problem+json`."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        """Wrap the handler of the route."""
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await inner(request)
            except ClientGone:
                raise
            except Exception as error:  # noqa: BLE001 - bugs are logged, and told without the inside
                log_unexpected(error)
                return answer(as_api_error(error), request.url.path)

        return handle


def root_of(request: Request) -> str:
    """Return the address of the landing page, as the caller wrote it."""
    return str(request.base_url).rstrip("/") + "/ogc"


def link(href: str, rel: str, title: str, kind: str = "application/json") -> dict[str, str]:
    """Return a link."""
    return {"href": href, "rel": rel, "type": kind, "title": title}
