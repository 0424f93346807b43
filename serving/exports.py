"""Answers saved for download: a folder with an unguessable name each, served by that name alone."""

import re
import secrets
import shutil
import time
from pathlib import Path
from urllib.parse import quote

from anyio import to_thread
from fastapi import APIRouter, Request
from fastapi.responses import FileResponse

from cspon.schemas.agent import Answer
from cspon.schemas.base import Frozen
from serving.problems import ApiError
from serving.services import Services, threads

router = APIRouter()

KEEP_S = 7 * 24 * 3600.0
"""Seconds that saved answers are kept."""

TYPES = {
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".md": "text/markdown; charset=utf-8",
    ".json": "application/json",
    ".gpkg": "application/geopackage+sqlite3",
    ".csv": "text/csv; charset=utf-8",
    ".pdf": "application/pdf",
    ".zip": "application/zip",
    ".png": "image/png",
}
WORKSPACE = ".data"
"""Folder of an export into which tools write; only its archive is handed out."""


class ExportedFile(Frozen):
    """A file of a saved answer and where it is had."""

    name: str
    title: str
    address: str
    step: int = 0
    picture: bool = False


class Export(Frozen):
    """A saved answer."""

    token: str
    files: tuple[ExportedFile, ...]


def new_token() -> str:
    """Make the unguessable name of an export."""
    return secrets.token_hex(16)


def workspace_of(services: Services, token: str) -> Path:
    """Return the folder into which tools write during a run that will be exported."""
    return services.settings.home / "exports" / token / WORKSPACE


async def export_answer(
    services: Services, answer: Answer, boundary: Path | None, token: str | None = None
) -> Export:
    """Save an answer with reports, maps and data in a thread; old ones are removed on the way.

    Args:
        services: The gateway's parts.
        answer: The answer.
        boundary: The boundary that was asked about.
        token: Of the run, where tools wrote into its workspace.

    Raises:
        SetupError: the folder cannot be written.
    """

    def work() -> Export:
        from agents.assistant.export import save_answer

        home, name = services.settings.home / "exports", token or new_token()
        _remove_older_than(home, KEEP_S)
        workspace = workspace_of(services, name)
        saved = save_answer(
            answer,
            home / name,
            layers=services.settings.layers,
            files={} if boundary is None else {"boundary": boundary},
            workspace=workspace,
        )
        shutil.rmtree(workspace, ignore_errors=True)
        files = tuple(
            ExportedFile(
                name=one.name,
                title=one.title,
                address=f"/exports/{name}/{quote(one.name)}",
                step=one.step,
                picture=one.picture,
            )
            for one in saved
        )
        return Export(token=name, files=files)

    return await to_thread.run_sync(work, limiter=threads)


@router.get("/exports/{token}/{name}", include_in_schema=False)
async def download(request: Request, token: str, name: str) -> FileResponse:
    """Hand out one file of a saved answer."""
    services: Services = request.app.state.services
    path = services.settings.home / "exports" / token / name
    known = (
        re.fullmatch(r"[0-9a-f]{32}", token)
        and re.fullmatch(r"[\w\-]+(\.\w+)+", name)
        and path.suffix in TYPES
        and path.is_file()
    )
    if not known:
        raise ApiError(404, "没有这个文件，可能已过期", code="file_not_found")
    return FileResponse(
        path,
        media_type=TYPES[path.suffix],
        filename=f"{path.stem}-{token[:6]}{path.suffix}",
        content_disposition_type="inline" if path.suffix == ".png" else "attachment",
        headers={"cache-control": "private, max-age=86400"},
    )


def _remove_older_than(home: Path, seconds: float) -> None:
    if home.is_dir():
        for folder in home.iterdir():
            if folder.stat().st_mtime < time.time() - seconds:
                shutil.rmtree(folder, ignore_errors=True)
