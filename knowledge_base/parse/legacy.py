"""Older Office formats, turned into docx, xlsx or pptx by LibreOffice where it is installed.

LibreOffice runs without a window, in a profile folder of its own, with macros, links and active
content switched off, and is ended after a time limit.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from cspon.errors import InputError, SetupError
from knowledge_base.parse.opened import Opened

SECONDS = 180
_SETTINGS = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry" xmlns:xs="http://www.w3.org/2001/XMLSchema">
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="MacroSecurityLevel" oor:op="fuse"><value>3</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="DisableMacrosExecution" oor:op="fuse"><value>true</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="DisableActiveContent" oor:op="fuse"><value>true</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="BlockUntrustedRefererLinks" oor:op="fuse"><value>true</value></prop></item>
<item oor:path="/org.openoffice.Office.Writer/Content/Update"><prop oor:name="Link" oor:op="fuse"><value>0</value></prop></item>
<item oor:path="/org.openoffice.Office.Calc/Content/Update"><prop oor:name="Link" oor:op="fuse"><value>2</value></prop></item>
</oor:items>
"""
_NOWHERE = "http://127.0.0.1:9"


def converted(opened: Opened, suffix: str, target: str) -> Opened:
    """Convert a file with LibreOffice.

    Args:
        opened: The file.
        suffix: The format it has, e.g. .doc; its name may say otherwise.
        target: docx, xlsx, pptx or pdf.

    Raises:
        SetupError: LibreOffice is not installed.
        InputError: LibreOffice cannot read it, or not in time.
    """
    program = shutil.which("soffice") or shutil.which("libreoffice")
    if program is None:
        raise SetupError(
            f"把 {suffix} 转为 {target} 需要 LibreOffice",
            mend="安装 LibreOffice（apt-get install -y libreoffice-writer libreoffice-calc libreoffice-impress），"
            f"或用 Office、WPS 另存为 .{target} 再入库",
        )
    with tempfile.TemporaryDirectory(prefix="cspon-office-") as name:
        folder = Path(name)
        given = folder / f"given{suffix}"
        given.write_bytes(opened.data)
        user = folder / "profile" / "user"
        user.mkdir(parents=True)
        (user / "registrymodifications.xcu").write_text(_SETTINGS, encoding="utf-8")
        made = folder / f"given.{target}"
        _run(
            [
                program,
                "--headless",
                "--norestore",
                "--nolockcheck",
                f"-env:UserInstallation={(folder / 'profile').as_uri()}",
                "--convert-to",
                target,
                "--outdir",
                name,
                str(given),
            ],
            folder,
            opened.path,
        )
        if not made.is_file():
            raise InputError(
                f"不是可读的 {suffix} 文件，或已加密",
                file=opened.path,
                mend=f"打开后另存为 .{target} 再入库",
            )
        return Opened(opened.path, made.read_bytes(), opened.ocr)


def _run(command: list[str], folder: Path, file: Path) -> None:
    """Run a command in a process group of its own, so that its children end with it."""
    environment = {
        key: value for key, value in os.environ.items() if "proxy" not in key.lower()
    } | {
        "HOME": str(folder),
        "http_proxy": _NOWHERE,
        "https_proxy": _NOWHERE,
        "SAL_USE_VCLPLUGIN": "svp",
    }
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.wait(SECONDS)
    except subprocess.TimeoutExpired as error:
        raise InputError(
            f"LibreOffice 转换超过 {SECONDS} 秒", file=file, mend="打开后另存为新格式再入库"
        ) from error
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
