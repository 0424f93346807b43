"""One reading process: a job a line on standard input, a reading or a failure on standard output.

Started by `read_pool` as `python -m knowledge_base.ingest.read_worker`. A parser may die here without
taking anything else with it. A reply is two lengths, a JSON head and the packed passages.
"""

import contextlib
import ctypes
import json
import os
import resource
import signal
import struct
import sys
from pathlib import Path
from typing import Any, BinaryIO

from cspon.errors import CsponError, InputError
from cspon.schemas.base import Secrecy
from knowledge_base.cut.chunk import split
from knowledge_base.ingest.journal import pack
from knowledge_base.parse.read import read_source

LENGTHS = struct.Struct(">II")
MEMORY_GIB = 6
"""Most memory that the reading of one file may take; beyond it the file is a failure."""
OPENING = 2000
_DEATH_OF_PARENT = 1


def read_job(job: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Read and cut one file; return the head of the reply and the packed passages."""
    path, name = Path(job["path"]), job["name"]
    try:
        source = read_source(path, ocr=job["ocr"])
        law = split(
            source,
            name,
            secrecy=Secrecy(job["secrecy"]),
            department=job["department"],
            roles=tuple(job["roles"]),
        )
        head = {
            "document": law.document.model_dump(mode="json"),
            "gaps": law.gaps,
            "notices": source.notices,
            "count": len(law.passages),
            "pages": len(source.page_starts),
            "opening": source.text[:OPENING],
        }
        return head, pack(law.passages)
    except CsponError as error:
        return _failure(error, job), b""
    except MemoryError:
        return {"reason": "读取时内存不足", "mend": "拆分文件后再入库"}, b""
    except RecursionError:
        return {"reason": "文件嵌套过深", "mend": "另存为新文件后再入库"}, b""
    except Exception as error:  # noqa: BLE001 - a bug in a parser costs one file, not the batch
        kind = type(error).__name__
        return {"reason": f"无法解析（{kind}：{error}）", "mend": "另存为新文件后再入库"}, b""


def _failure(error: CsponError, job: dict[str, Any]) -> dict[str, Any]:
    """Return an error as data; the kept copy's name in it becomes the file's own."""
    message = str(getattr(error, "message", error))
    if isinstance(error, InputError):
        places = [f"第 {error.row} 行"] if error.row is not None else []
        places += [f"字段 {error.field}"] if error.field else []
        message = f"{'，'.join(places)}：{message}" if places else message
    kept = Path(job["path"]).name
    return {
        "reason": message.replace(kept, job["name"]),
        "mend": getattr(error, "mend", "").replace(kept, job["name"]),
        "setup": not isinstance(error, InputError),
    }


def main() -> None:
    """Serve jobs until standard input ends."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is not a reply
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_DEATH_OF_PARENT, signal.SIGKILL)
    limit = MEMORY_GIB * 2**30
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    for line in sys.stdin:
        _reply(replies, *read_job(json.loads(line)))


def _reply(replies: BinaryIO, head: dict[str, Any], blob: bytes) -> None:
    data = json.dumps(head, ensure_ascii=False).encode("utf-8", "surrogatepass")
    replies.write(LENGTHS.pack(len(data), len(blob)) + data + blob)
    replies.flush()


if __name__ == "__main__":
    main()
