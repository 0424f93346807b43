"""The server's secret: made once, readable by its owner alone."""

import os
import secrets
import stat
from pathlib import Path

from cspon.errors import SetupError

LENGTH = 32


def server_secret(file: Path) -> bytes:
    """Return the secret in `file`; make it where it is missing.

    Raises:
        SetupError: the file is readable by others, damaged, or cannot be written.
    """
    try:
        return _read(file)
    except FileNotFoundError:
        pass
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(f".{file.name}.{os.getpid()}.part")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(secrets.token_bytes(LENGTH))
            out.flush()
            os.fsync(out.fileno())
        try:
            os.link(part, file)  # of two processes at once, the first wins
        except FileExistsError:
            pass
        finally:
            part.unlink()
    except OSError as error:
        raise SetupError(
            f"不能写入服务密文 {file}：{error.strerror}", mend="核对数据目录的写权限和磁盘空间"
        ) from None
    return _read(file)


def _read(file: Path) -> bytes:
    mode = file.stat().st_mode
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SetupError(f"服务密文 {file} 可被其他用户读取", mend=f"chmod 600 {file}")
    content = file.read_bytes()
    if len(content) != LENGTH:
        raise SetupError(
            f"服务密文 {file} 已损坏",
            mend="从备份恢复；不能恢复的，删除该文件并重新发放全部密钥",
        )
    return content
