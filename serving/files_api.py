"""`GET /v1/files`: what a caller handed in and what was made for them, told as OpenAI tells files."""

from collections.abc import Callable
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Depends, Query, Request

from cspon.schemas.agent import Principal
from serving.data_files import BATCH_FORMATS, PREFIX, StoredData
from serving.principal import current_principal
from serving.problems import ApiError
from serving.services import Services
from serving.tool_results import PREFIX as RESULT
from serving.tool_results import results_of
from serving.uploads import StoredFile

router = APIRouter(prefix="/v1/files")
Who = Annotated[Principal, Depends(current_principal)]


@router.get("")
async def list_files(
    request: Request,
    principal: Who,
    purpose: Annotated[str, Query(max_length=40)] = "",
    limit: Annotated[int, Query(ge=1, le=10_000)] = 10_000,
) -> dict[str, Any]:
    """List the caller's own files, the newest first."""
    found = await to_thread.run_sync(_own, request.app.state.services, principal)
    listed = [file for file in found if purpose in ("", file["purpose"])]
    return {"object": "list", "data": listed[:limit], "has_more": len(listed) > limit}


@router.get("/{file_id}")
async def get_file(request: Request, principal: Who, file_id: str) -> dict[str, Any]:
    """Tell of one file: name, bytes, purpose."""
    return await to_thread.run_sync(_find(request.app.state.services, principal), file_id)


def _find(services: Services, principal: Principal) -> Callable[[str], dict[str, Any]]:
    def find(number: str) -> dict[str, Any]:
        if number.startswith(RESULT):
            return results_of(services).get(number, principal).described()
        if number.startswith(PREFIX):
            data = services.data_files.get(number, principal.user)
            return told(data, "batch" if data.name.endswith(BATCH_FORMATS) else "data")
        return told(services.uploads.get(number, principal.user), "boundary")

    return find


def told(stored: StoredFile | StoredData, purpose: str) -> dict[str, Any]:
    """Describe a file as OpenAI does."""
    return {
        "id": stored.id,
        "object": "file",
        "bytes": stored.bytes,
        "created_at": stored.created_at,
        "filename": stored.name,
        "purpose": purpose,
    }


def _own(services: Services, principal: Principal) -> list[dict[str, Any]]:
    find, found = _find(services, principal), []
    stores = services.uploads, services.data_files, results_of(services)
    for number in [number for store in stores for number in store.numbers()]:
        try:
            found.append(find(number))
        except (ApiError, FileNotFoundError):  # another's, or removed meanwhile
            continue
    return sorted(found, key=lambda file: file["created_at"], reverse=True)
