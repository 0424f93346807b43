"""Listen, serve, stop: uvicorn with a socket of ours, so that a taken port is said at once."""

import errno
import gc
import socket
from collections.abc import Callable

import uvicorn

from cspon.errors import SetupError
from cspon.settings import Settings
from serving.app import create_app
from serving.patience import Patience
from serving.telemetry import configure_logging
from serving.tls import tls_context

COLLECT = (20_000, 20, 50)
"""Objects made until the youngest are looked through, and so on: a request makes some hundreds."""
GRACE_S = 5
"""Seconds for open requests to finish when the server is told to stop."""


def listen(host: str, port: int) -> socket.socket:
    """Open the listening socket.

    Raises:
        SetupError: the port is taken or not allowed, or the host is no address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((host, port))
        opened.listen(2048)
    except (OSError, OverflowError) as error:
        opened.close()
        raise _cannot_listen(host, port, error) from None
    return opened


def _cannot_listen(host: str, port: int, error: Exception) -> SetupError:
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        return SetupError(
            f"端口 {port} 已被占用（{host}）",
            mend=f"停掉占用者（ss -ltnp | grep {port} 可查），或换端口：cspon serve --port {port + 1}",
        )
    if number in (errno.EACCES, errno.EPERM):
        return SetupError(
            f"没有权限监听端口 {port}（{host}）",
            mend="换用 1024 以上的端口：cspon serve --port 8765",
        )
    return SetupError(
        f"无法监听地址 {host}:{port}（{getattr(error, 'strerror', None) or error}）",
        mend="用 --host 指定本机地址，例如 127.0.0.1",
    )


class _Server(uvicorn.Server):
    """Says when it is up."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            gc.collect()
            gc.freeze()  # what is loaded stays: no collection looks at it again
            gc.set_threshold(*COLLECT)
            self._on_ready()


def serve(
    settings: Settings, opened: socket.socket, *, ui: bool, on_ready: Callable[[str], None]
) -> None:
    """Serve on the socket until told to stop (SIGINT, SIGTERM).

    Args:
        settings: Where everything is.
        opened: The listening socket.
        ui: With the chat page.
        on_ready: Gets the address once requests are answered.

    Raises:
        SetupError: the page's extra or a certificate is missing, or the server did not come up.
    """
    tls = tls_context(settings)
    configure_logging()
    config = uvicorn.Config(
        create_app(settings, ui=ui),
        log_config=None,
        access_log=False,
        server_header=False,
        http=Patience,
        ws="none",
        timeout_graceful_shutdown=GRACE_S,
        ssl_context_factory=(lambda *_: tls) if tls is not None else None,
    )
    scheme = "http" if tls is None else "https"
    server = _Server(config, lambda: on_ready(address_of(opened, scheme)))
    server.run(sockets=[opened])
    if not server.started:
        raise SetupError("服务未能启动", mend="查看上方日志，或运行 cspon doctor")


def address_of(opened: socket.socket, scheme: str = "http") -> str:
    """Return the address for a browser on this machine."""
    host, port = opened.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        host = "127.0.0.1"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
