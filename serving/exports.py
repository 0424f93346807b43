"""Answers saved for download: a folder with an unguessable name each, served by that name alone."""

import re
import secrets
import shutil
import time
from pathlib import Path

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

FILES = {
    "answer.docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "answer.md": "text/markdown; charset=utf-8",
    "answer.json": "application/json",
    "map.png": "image/png",
}


class Export(Frozen):
    """A saved answer: the addresses of its files by kind (`docx`, `md`, `json`, `png`)."""

    token: str
    addresses: dict[str, str]


async def export_answer(services: Services, answer: Answer, boundary: Path | None) -> Export:
    """Save an answer with its map in a thread; old ones are removed on the way.

    Raises:
        SetupError: the folder cannot be written.
    """

    def work() -> Export:
        from agents.assistant.export import save_answer

        home = services.settings.home / "exports"
        _remove_older_than(home, KEEP_S)
        token = secrets.token_hex(16)
        files = save_answer(
            answer, home / token, boundary=boundary, layers=services.settings.layers
        )
        addresses = {kind: f"/exports/{token}/{path.name}" for kind, path in files.items()}
        return Export(token=token, addresses=addresses)

    return await to_thread.run_sync(work, limiter=threads)


@router.get("/exports/{token}/{name}", include_in_schema=False)
async def download(request: Request, token: str, name: str) -> FileResponse:
    """Hand out one file of a saved answer."""
    services: Services = request.app.state.services
    path = services.settings.home / "exports" / token / name
    known = re.fullmatch(r"[0-9a-f]{32}", token) and name in FILES and path.is_file()
    if not known:
        raise ApiError(404, "没有这个文件，可能已过期", code="file_not_found")
    return FileResponse(
        path,
        media_type=FILES[name],
        filename=f"选址分析-{token[:6]}{path.suffix}",
        content_disposition_type="inline" if name == "map.png" else "attachment",
        headers={"cache-control": "private, max-age=86400"},
    )


def _remove_older_than(home: Path, seconds: float) -> None:
    if home.is_dir():
        for folder in home.iterdir():
            if folder.stat().st_mtime < time.time() - seconds:
                shutil.rmtree(folder, ignore_errors=True)
