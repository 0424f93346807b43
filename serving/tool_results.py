"""Files that a tool made for its caller, had at `/v1/files/{id}/content` by that caller alone."""

import json
import re
import secrets
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse

from cspon.errors import CsponError
from cspon.schemas.agent import Principal, Step
from cspon.schemas.base import Secrecy
from cspon.schemas.spatial import ToolResult
from serving.exports import TYPES
from serving.principal import current_principal
from serving.problems import ApiError
from serving.services import Services, threads

router = APIRouter(prefix="/v1/files")
Who = Annotated[Principal, Depends(current_principal)]

PREFIX = "result-"
KEEP_S = 24 * 3600.0
"""Seconds that the files of a call are kept."""
MOST_BYTES = 2 << 30
"""Of one caller's files together; the oldest go first."""


@dataclass(frozen=True)
class ResultFile:
    """A file for download."""

    id: str
    name: str
    title: str
    path: Path
    bytes: int
    created_at: int

    def described(self) -> dict[str, Any]:
        """Say what a caller sees of it."""
        return {
            "id": self.id,
            "object": "file",
            "purpose": "result",
            "filename": self.name,
            "title": self.title,
            "bytes": self.bytes,
            "created_at": self.created_at,
            "expires_at": self.created_at + int(KEEP_S),
            "content": f"/v1/files/{self.id}/content",
        }


class ResultFiles:
    """The folder of files for download.

    Args:
        folder: Made when first needed.
        most_bytes: What one caller's files may hold.
    """

    def __init__(self, folder: Path, *, most_bytes: int = MOST_BYTES) -> None:
        self._folder, self._most_bytes = folder, most_bytes

    def keep(self, made: Path, title: str, owner: str, secrecy: Secrecy) -> ResultFile:
        """Take over a file that was made; old ones are removed on the way."""
        size = made.stat().st_size
        self._make_room(owner, size)
        number = f"{PREFIX}{secrets.token_hex(16)}"
        folder = self._folder / number
        folder.mkdir(parents=True, mode=0o700)
        try:
            path = Path(shutil.move(made, folder / f"content{made.suffix}"))
            created = int(time.time())
            record = {"name": made.name, "title": title, "path": path.name, "bytes": size, "at": created, "owner": owner, "secrecy": secrecy.value}  # fmt: skip
            draft = folder / ".draft"
            draft.write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")
            draft.replace(folder / ".record")
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return ResultFile(number, made.name, title, path, size, created)

    def numbers(self) -> list[str]:
        """Return the ids of all callers' files."""
        return [folder.name for folder in self._folder.iterdir()] if self._folder.is_dir() else []

    def get(self, number: str, principal: Principal) -> ResultFile:
        """Find a caller's file.

        Raises:
            ApiError: 404: no such id, expired, another's, or above what the caller may see by now.
        """
        if re.fullmatch(rf"{PREFIX}[0-9a-f]{{32}}", number):
            said = _record(self._folder / number)
            if (
                said
                and said["owner"] == principal.user
                and said["at"] > time.time() - KEEP_S
                and Secrecy(said["secrecy"]).rank <= principal.clearance.rank
            ):
                path = self._folder / number / said["path"]
                return ResultFile(
                    number, said["name"], said["title"], path, said["bytes"], said["at"]
                )
        raise ApiError(404, "没有这个文件，可能已过期", code="file_not_found", param="file_id")

    def remove(self, number: str, principal: Principal) -> None:
        """Remove a caller's file.

        Raises:
            ApiError: 404, as `get`.
        """
        shutil.rmtree(self.get(number, principal).path.parent)

    def _make_room(self, owner: str, size: int) -> None:
        own: list[tuple[int, Path, int]] = []
        for folder in self._folder.iterdir() if self._folder.is_dir() else ():
            said = _record(folder)
            if said is None or said["at"] < time.time() - KEEP_S:
                if said or folder.stat().st_mtime < time.time() - KEEP_S:
                    shutil.rmtree(folder, ignore_errors=True)
            elif said["owner"] == owner:
                own.append((said["at"], folder, said["bytes"]))
        held = sum(bytes_ for *_, bytes_ in own) + size
        for _, folder, bytes_ in sorted(own):
            if held <= self._most_bytes:
                break
            shutil.rmtree(folder, ignore_errors=True)
            held -= bytes_


def _record(folder: Path) -> dict[str, Any] | None:
    try:
        said: dict[str, Any] = json.loads((folder / ".record").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return said


def results_of(services: Services) -> ResultFiles:
    """Return the files for download of a gateway."""
    return ResultFiles(services.settings.home / "results")


def keep_files(
    services: Services,
    result: ToolResult,
    *,
    title: str,
    boundary: Path | None,
    made: Path | None,
    owner: str,
) -> tuple[list[dict[str, Any]], list[str]]:
    """Write the report of a result and keep its files, with those that the tool itself wrote.

    Args:
        services: The gateway's parts.
        result: What the tool gave.
        title: Of the tool; the files are called by it.
        boundary: The boundary that was asked about.
        made: Folder that the tool wrote to; packed into one archive.
        owner: The caller.

    Returns:
        The files as the caller sees them, and notices about what could not be made.
    """
    from agents.assistant.reports import Source, save_report
    from agents.assistant.surroundings import surroundings

    store = results_of(services)
    notices: list[str] = []
    with TemporaryDirectory(prefix="cspon-result-") as folder:
        draft = Path(folder)
        layers = services.settings.layers
        files: list[tuple[Path, str]] = []
        try:
            saved, notices = save_report(
                result,
                Step(id="1", tool=result.tool, title=title, args={}),
                1,
                draft,
                Source(
                    layers,
                    {"boundary": boundary} if boundary else {},
                    surroundings(layers).versions,
                ),
            )
            for one in saved:
                plain = draft / one.name.removeprefix("1_")
                files.append(((draft / one.name).rename(plain), one.title))
        except CsponError as error:  # the result stands without a report
            notices = [f"报告没有写成：{error}"]
        if made is not None and made.is_dir() and any(made.iterdir()):
            archive = shutil.make_archive(str(draft / f"{title}_数据"), "zip", made)
            files.append((Path(archive), f"{title} 数据（zip）"))
        kept = [store.keep(path, said, owner, result.secrecy).described() for path, said in files]
    return kept, notices


@router.get("/{file_id}/content", response_class=FileResponse)
async def download(request: Request, principal: Who, file_id: str) -> FileResponse:
    """Hand out a file that a tool made for this caller."""
    services: Services = request.app.state.services
    found = await to_thread.run_sync(results_of(services).get, file_id, principal, limiter=threads)
    await to_thread.run_sync(
        lambda: services.audit.file(
            "download", file_id, principal=principal, request_id=request.state.request_id
        )
    )
    return FileResponse(
        found.path,
        media_type=TYPES.get(found.path.suffix, "application/octet-stream"),
        filename=found.name,
        content_disposition_type="attachment",
        headers={"cache-control": "private, no-store", "x-content-type-options": "nosniff"},
    )
