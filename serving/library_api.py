"""`/v1/library`: the four libraries — list, explain, validate, export, run; switched by role.

Inputs of a run are inline (numbers with units, WKT features, rows): a caller names no file.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from anyio import to_thread
from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from cspon.schemas.base import Frozen
from cspon.schemas.spatial import ToolResult
from serving.kb_access import Parts, Who, require_editor
from serving.problems import ApiError
from serving.services import Services, threads
from serving.streams import unless_gone
from tools.library.entry import KIND_TITLES, KINDS, Entry, Kind, Problem

router = APIRouter(prefix="/v1/library", tags=["libraries"])

MOST_FEATURES = 2_000
T = TypeVar("T")


class Shelf(Frozen):
    """One library."""

    kind: Kind
    title: str
    entries: int
    disabled: int


class EntryList(Frozen):
    """The entries of a library, and the bureau's own files that could not be taken in."""

    kind: Kind
    title: str
    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...] = ()


class EntryReply(Frozen):
    """One entry and its explanation."""

    entry: Entry
    markdown: str
    history: tuple[dict[str, Any], ...] = ()


class Report(Frozen):
    """What a validation found."""

    checked: int
    problems: tuple[Problem, ...]


class Reason(BaseModel):
    """Why an entry is switched."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=500)


class RunBody(BaseModel):
    """Inputs by name; layers that are not given come from the catalogue by role."""

    model_config = ConfigDict(extra="forbid")

    inputs: dict[str, Any] = Field(default_factory=dict)
    project_type: str = Field("unspecified", max_length=40)


@router.get("")
async def shelves() -> list[Shelf]:
    """Say which libraries there are and how much stands in each."""

    def work() -> list[Shelf]:
        from tools.library.kinds import library

        found = {kind: library(kind).entries() for kind in KINDS}
        return [
            Shelf(
                kind=kind,
                title=KIND_TITLES[kind],
                entries=len(entries),
                disabled=sum(not e.enabled for e in entries),
            )
            for kind, entries in found.items()
        ]

    return await _threaded(work)


@router.get("/{kind}")
async def list_entries(kind: Kind, q: str = "") -> EntryList:
    """List a library; `q` keeps entries whose name or summary has the word."""

    def work() -> EntryList:
        from tools.library.kinds import library
        from tools.library.validate import broken

        entries = tuple(
            e for e in library(kind).entries() if q in f"{e.id} {e.title} {e.summary} {e.group}"
        )
        return EntryList(kind=kind, title=KIND_TITLES[kind], entries=entries, problems=broken(kind))

    return await _threaded(work)


@router.get("/{kind}/export")
async def export_library(kind: Kind) -> Response:
    """Return the library as a zip of YAML files with a manifest of hashes."""

    def work() -> bytes:
        from tools.library.bundle import export

        with TemporaryDirectory(prefix="cspon-export-") as folder:
            target = Path(folder) / "library.zip"
            export(kind, target)
            return target.read_bytes()

    return Response(
        await _threaded(work),
        media_type="application/zip",
        headers={"content-disposition": f'attachment; filename="{kind}.zip"'},
    )


@router.post("/{kind}/validate")
async def validate_library(kind: Kind, principal: Who) -> Report:
    """Run all worked examples of a library. Needs 知识库管理员."""
    require_editor(principal)

    def work() -> Report:
        from tools.library.validate import validate

        checked, problems = validate(kind)
        return Report(checked=checked, problems=problems)

    return await _threaded(work)


@router.get("/{kind}/{entry_id}")
async def get_entry(kind: Kind, entry_id: str) -> EntryReply:
    """Return an entry with its explanation as Markdown and its history."""

    def work() -> EntryReply:
        from tools.library.kinds import library
        from tools.library.state import history

        found = _entry(kind, entry_id)
        return EntryReply(
            entry=found,
            markdown=library(kind).explain(found.id),
            history=tuple(c.model_dump() for c in history(kind, found.id)),
        )

    return await _threaded(work)


@router.post("/{kind}/{entry_id}/enable")
async def enable(
    request: Request, services: Parts, principal: Who, kind: Kind, entry_id: str, body: Reason
) -> Entry:
    """Switch an entry on. Needs 知识库管理员."""
    return await _switch(request, services, principal, kind, entry_id, body, on=True)


@router.post("/{kind}/{entry_id}/disable")
async def disable(
    request: Request, services: Parts, principal: Who, kind: Kind, entry_id: str, body: Reason
) -> Entry:
    """Switch an entry off: it takes no part in checks and computations. Needs 知识库管理员."""
    return await _switch(request, services, principal, kind, entry_id, body, on=False)


@router.post("/{kind}/{entry_id}/run")
async def run_entry(
    request: Request, services: Parts, principal: Who, kind: Kind, entry_id: str, body: RunBody
) -> Response:
    """Run a model, an indicator, a rule or an operator; returns the `ToolResult`.

    A result from layers above the caller's clearance is not handed out.
    """
    layers = services.settings.layers

    def work() -> ToolResult:
        from tools.library.kinds import Context
        from tools.models.single import run_any

        found = _entry(kind, entry_id)
        context = Context(layers=layers, project_type=body.project_type)
        return run_any(kind, found.id, body.inputs, context, most_features=MOST_FEATURES)

    result = await unless_gone(request, to_thread.run_sync(work, limiter=threads))
    if result.secrecy.rank > principal.clearance.rank:
        raise ApiError(
            403,
            f"所用图层的密级“{result.secrecy}”高于您的权限“{principal.clearance}”",
            code="beyond_permission",
            kind="permission_error",
        )
    await asyncio.to_thread(
        services.audit.tool, result, principal=principal, request_id=request.state.request_id
    )
    return Response(result.model_dump_json(), media_type="application/json")


async def _switch(
    request: Request,
    services: Services,
    principal: Who,
    kind: Kind,
    entry_id: str,
    body: Reason,
    *,
    on: bool,
) -> Entry:
    """Write the audit line first: no change goes unrecorded."""
    require_editor(principal)

    def work() -> Entry:
        from tools.library.state import switch

        found = _entry(kind, entry_id)
        services.audit.knowledge(
            "library.enable" if on else "library.disable",
            principal=principal,
            request_id=request.state.request_id,
            library=kind,
            entry=found.id,
            version=found.version,
            reason=body.reason,
        )
        switch(kind, found.id, on=on, by=principal.user, reason=body.reason)
        return _entry(kind, found.id)

    return await _threaded(work)


def _entry(kind: Kind, entry_id: str) -> Entry:
    """Find an entry.

    Raises:
        ApiError: 404, with the nearest names.
    """
    from cspon.errors import InputError
    from tools.library.kinds import entry

    try:
        return entry(kind, entry_id)
    except InputError as error:
        raise ApiError(404, f"{error.message}；{error.mend}", code="no_such_entry") from None


async def _threaded(work: Callable[[], T]) -> T:
    return await to_thread.run_sync(work, limiter=threads)
