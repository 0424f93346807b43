"""Debian's Chromium, watched: no request to anywhere else, nothing that it had to block or mend."""

from urllib.parse import urlsplit

import pytest


class Watched:
    """A page that remembers every request and every complaint of the browser."""

    def __init__(self, browser, address, ready, size=(1440, 900)):
        self.context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, locale="zh-CN"
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.requests, self.complaints = [], []
        self.context.on("request", lambda request: self.requests.append(request.url))
        self.page.on("websocket", lambda socket: self.requests.append(socket.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "console",
            lambda message: (
                self.complaints.append(message.text)
                if message.type in ("error", "warning")
                else None
            ),
        )
        self.page.goto(address)
        self.page.wait_for_selector(ready)

    def close(self):
        """Nothing but this machine was asked, and the browser had nothing to block or to mend."""
        self.context.close()
        assert len(self.requests) > 2
        hosts = {
            urlsplit(url).hostname
            for url in self.requests
            if not url.startswith(("data:", "blob:"))
        }
        assert hosts == {"127.0.0.1"}
        assert self.complaints == []


@pytest.fixture
def open_page(browser):
    opened = []

    def start(gateway, path="/", ready="#ask", **more):
        watched = Watched(browser, f"{gateway.url}{path}", ready, **more)
        opened.append(watched)
        return watched.page

    yield start
    for watched in opened:
        watched.close()


@pytest.fixture
def watch(browser):
    """Open a page whose complaints are expected: `watch(address, ready)`."""
    return lambda address, ready, **more: Watched(browser, address, ready, **more)
