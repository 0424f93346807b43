"""Publish the files of one result together: all of them or none.

Knows folders and renames. Does not know what the files hold.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cspon.errors import SetupError


@contextmanager
def published_together(folder: Path) -> Iterator[Path]:
    """Give a draft folder; its files are moved into `folder` when the block ends well.

    Args:
        folder: Made when it is not there; removed again if it was made here and nothing came of it.

    Raises:
        SetupError: the folder cannot be written, for example because the disk is full.
    """
    existed = folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=folder))
        try:
            yield draft
            for file in sorted(draft.iterdir()):
                file.replace(folder / file.name)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
            if not existed and not any(folder.iterdir()):
                folder.rmdir()
    except OSError as error:
        raise SetupError(
            f"无法写入输出目录 {folder}：{error.strerror or error}",
            mend="检查磁盘空间与目录权限，或用 --out 换一个目录",
        ) from error
