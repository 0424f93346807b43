"""Server-rendered pages: the frame, templates, strict headers, and errors as pages.

Templates escape everything; scripts and styles come as files of ours, none is inline, and the policy
allows nothing else.
"""

import re
from collections.abc import Callable, Coroutine
from functools import cache, lru_cache
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from cspon.errors import CsponError
from cspon.schemas.base import Secrecy
from cspon.schemas.knowledge import Validity
from knowledge_base.lexical import tokens
from serving.access.caller import Caller
from serving.kb_schema import segment
from serving.problems import as_api_error, log_unexpected

HERE = Path(__file__).parent
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {"content-security-policy": POLICY, "cache-control": "no-store"}

TONES = {
    Validity.IN_FORCE: "good",
    Validity.NOT_YET: "warn",
    Validity.REPEALED: "bad",
    Validity.SUPERSEDED: "bad",
    Validity.UNKNOWN: "mute",
    Secrecy.INTERNAL: "warn",
    Secrecy.SENSITIVE: "bad",
}
STOP = set("的了和与或及在是有为对等其之中上下什么怎样如何哪些由应当可以不")
TABLE_TAGS = ("table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td", "br")


@cache
def templates() -> Environment:
    """Return the templates; an unknown name in one is an error."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["segment"] = segment
    made.filters["tone"] = lambda value: TONES.get(value, "mute")
    made.filters["words"] = marked_words
    made.filters["quoted"] = marked_quote
    made.filters["table"] = safe_table
    return made


def paper(request: Request, name: str, status: int = 200, **given: Any) -> HTMLResponse:
    """Render a page."""
    chat = getattr(request.app.state, "chat_page", False)
    caller = request.scope.get("state", {}).get("caller")
    user = caller.principal.user if isinstance(caller, Caller) and caller.key else ""
    text = templates().get_template(name).render(here=name, chat=chat, user=user, **given)
    return HTMLResponse(text, status, headers=HEADERS)


class PageRoute(APIRoute):
    """A route whose errors are pages, too."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the handler."""
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handle(request)
            except (CsponError, RequestValidationError) as error:
                log_unexpected(error)
                problem = as_api_error(error)
                body = {"mend": None, **problem.body}
                return paper(request, "problem.html", problem.status, problem=body)

        return handled


def marked_words(text: str, query: str) -> Markup:
    """Escape a text and mark the query's words in it, two characters and longer."""
    pattern = _words_of(query)
    if pattern is None:
        return Markup(escape(text))  # noqa: S704
    pieces = pattern.split(text)  # every second piece is a word
    return Markup(  # noqa: S704 - every piece is escaped
        "".join(
            f"<mark>{escape(piece)}</mark>" if n % 2 else escape(piece)
            for n, piece in enumerate(pieces)
        )
    )


@lru_cache(maxsize=64)
def _words_of(query: str) -> re.Pattern[str] | None:
    words = {word for word in tokens(query)[0] if len(word) >= 2 and not set(word) & STOP}
    longest_first = sorted(words, key=len, reverse=True)
    return re.compile(f"({'|'.join(map(re.escape, longest_first))})", re.I) if words else None


def marked_quote(text: str, quote: str) -> Markup:
    """Escape a text and mark the quote in it, whatever its spaces."""
    pattern = r"\s*".join(re.escape(c) for c in quote if not c.isspace())
    found = re.search(pattern, text) if pattern else None
    if found is None:
        return Markup(escape(text))  # noqa: S704
    before, words, after = text[: found.start()], found.group(), text[found.end() :]
    return Markup(f"{escape(before)}<mark>{escape(words)}</mark>{escape(after)}")  # noqa: S704


def safe_table(html: str) -> Markup:
    """Rebuild a table from its rows, cells and spans alone; whatever else it holds becomes text."""
    builder = _TableBuilder()
    builder.feed(html)
    builder.close()
    return Markup("".join(builder.out))  # noqa: S704 - built from known tags and escaped text


class _TableBuilder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TABLE_TAGS:
            return
        spans = "".join(
            f' {name}="{value}"'
            for name, value in attrs
            if name in ("colspan", "rowspan") and value and re.fullmatch(r"\d{1,3}", value)
        )
        self.out.append(f"<{tag}{spans}>")
        if tag != "br":
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self._open:
            return
        while (last := self._open.pop()) != tag:
            self.out.append(f"</{last}>")
        self.out.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self.out.append(escape(data))

    def close(self) -> None:
        super().close()
        self.out += [f"</{tag}>" for tag in reversed(self._open)]
        self._open = []
