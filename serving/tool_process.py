"""A tool in a process of its own: for calls that take long or read what a caller handed in.

The process ends with the call: when its client leaves, when it takes too long, or when a damaged file
brings its reader down, which the gateway survives. In it GDAL knows no format that refers to other
files or addresses.
"""

import asyncio
import json
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cspon.errors import CsponError, InputError, RetryTool, SetupError, ToolFailed
from cspon.schemas.spatial import ToolResult
from serving.problems import ApiError
from serving.request_id import running

MOST_S = 1800.0
"""Seconds that one call may take."""
REFERRING_DRIVERS = (
    "VRT OGR_VRT GTI GDALG WMS WMTS WCS WFS OAPIF OGCAPI CSW HTTP STACTA STACIT EEDA EEDAI DAAS "
    "Elasticsearch Carto AmigoCloud PLSCENES NGW ADBC GPSBabel PostgreSQL MySQL ODBC"
)


REQUEST_ID = "CSPON_REQUEST_ID"
"""Environment variable that tells the process on whose behalf it runs."""
SAID_BYTES = 4000
"""Bytes of what a process said last that go to the log."""
log = logging.getLogger("cspon.serving")


class ProcessBroke(ToolFailed):
    """The process of a tool ended without an answer: killed, out of memory, or a damaged file."""


async def run_tool_process(
    name: str, arguments: dict[str, Any], *, most_s: float = MOST_S
) -> ToolResult:
    """Run a registered tool with JSON arguments in a process that ends with this coroutine.

    Raises:
        CsponError: what the tool raised.
        ProcessBroke: the process broke down.
        ApiError: 504, it took longer than `most_s`.
    """
    with TemporaryDirectory(prefix="cspon-tool-") as folder:
        order, reply, said = (Path(folder, n) for n in ("order.json", "reply.json", "said.log"))
        order.write_text(json.dumps({"tool": name, "arguments": arguments}, default=str), "utf-8")
        with said.open("wb") as errors:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "serving.tool_process", str(order), str(reply),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
                env={
                    **os.environ, "GDAL_SKIP": REFERRING_DRIVERS, "TMPDIR": folder,
                    REQUEST_ID: running.get(),
                },
            )  # fmt: skip
        try:
            await asyncio.wait_for(process.wait(), most_s)
        except TimeoutError:
            raise ApiError(
                504, f"计算超过 {most_s / 60:.0f} 分钟，已停止；请缩小数据范围，或用命令行",
                code="tool_timeout",
            ) from None  # fmt: skip
        finally:
            await _end(process)
        if (told := _last(said)) or not reply.is_file():
            facts = {"tool": name, "code": process.returncode, "said": told}
            level = logging.INFO if reply.is_file() else logging.ERROR
            log.log(level, "tool process", extra={"facts": facts})
        return await asyncio.to_thread(_read, reply, name)


def _last(file: Path) -> str:
    with file.open("rb") as said:
        said.seek(max(0, file.stat().st_size - SAID_BYTES))
        return said.read().decode("utf-8", "replace")


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the process with its workers; those that outlive it are in its group."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    await process.wait()


def _read(reply: Path, name: str) -> ToolResult:
    if not reply.is_file():
        raise ProcessBroke(f"工具 {name} 的进程意外中止，文件可能已损坏；请检查文件后重试")
    said: dict[str, Any] = json.loads(reply.read_text(encoding="utf-8"))
    if "result" in said:
        return ToolResult.model_validate(said["result"])
    raise as_error(said["error"])


def as_error(told: dict[str, Any]) -> CsponError:
    """Make the error again that `told` was made of."""
    message, more = told["message"], told["more"]
    match told["kind"]:
        case "InputError":
            return InputError(message, **more)
        case "SetupError":
            return SetupError(message, **more)
        case "RetryTool":
            return RetryTool(message)
    return ToolFailed(message)


def tell(error: CsponError) -> dict[str, Any]:
    """Say an error in JSON."""
    more: dict[str, Any] = {}
    message = str(error)
    if isinstance(error, InputError):
        more = {k: getattr(error, k) for k in ("file", "layer", "row", "field", "mend")}
        message = error.message
    elif isinstance(error, SetupError):
        more, message = {"mend": error.mend}, error.message
    return {"kind": type(error).__name__, "message": message, "more": more}


def main(order: Path, reply: Path) -> None:
    """Run what `order` says and write `reply`; an unforeseen error leaves none."""
    from tools.catalogue import load_tools

    said = json.loads(order.read_text(encoding="utf-8"))
    try:
        result = load_tools()[said["tool"]].run(**said["arguments"])
        text = json.dumps({"result": result.model_dump(mode="json")}, ensure_ascii=False)
    except CsponError as error:
        text = json.dumps({"error": tell(error)}, ensure_ascii=False)
    draft = reply.with_suffix(".draft")
    draft.write_text(text, encoding="utf-8")
    draft.replace(reply)


def _end_with(parent: int) -> None:
    """End this process and its workers when the gateway is gone."""
    while os.getppid() == parent:
        time.sleep(1)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    from serving.telemetry import configure_logging

    running.set(os.environ.get(REQUEST_ID, ""))
    configure_logging()
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    main(Path(sys.argv[1]), Path(sys.argv[2]))
