"""The identity provider of these tests, and a gateway that signs in by it."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml

from serving.run import listen

PROVIDER = Path(__file__).with_name("idp.py")
RIGHTS = {
    "user": "preferred_username",
    "tenant_name": "自然资源局",
    "grants": [
        {"claim": "groups", "value": "规划科", "scopes": ["pages", "usage"], "level": "内部"},
        {"claim": "groups", "value": "局领导", "scopes": ["kb.write"], "level": "敏感"},
        {"claim": "groups", "value": "只用接口", "scopes": ["chat"]},
    ],
}


@dataclass
class Provider:
    process: subprocess.Popen
    issuer: str
    trusted: object = True

    def tell(self, mode="", **more):
        self._control().post("/control", json={"mode": mode, **more}).raise_for_status()

    def asked(self):
        """The paths that were asked for."""
        return [path for path, _ in self._control().get("/control").json()["asked"]]

    def _control(self):
        return httpx.Client(base_url=self.issuer, verify=self.trusted, trust_env=False)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def start_process(*files, trusted=True):
    process = subprocess.Popen(
        [sys.executable, str(PROVIDER), *map(str, files)], stdout=subprocess.PIPE, text=True
    )
    port = process.stdout.readline().strip()
    return Provider(process, f"{'https' if files else 'http'}://127.0.0.1:{port}", trusted)


@pytest.fixture
def start_provider():
    """Start providers: `start_provider()`, by TLS with the files of a certificate and its key."""
    started = []

    def start(*files, trusted=True):
        started.append(start_process(*files, trusted=trusted))
        return started[-1]

    yield start
    for provider in started:
        if provider.process.poll() is None:
            provider.stop()


@pytest.fixture(scope="module")
def provider():
    """One provider for all tests of a file that do not stop it."""
    made = start_process()
    yield made
    made.stop()


@pytest.fixture
def sso(gateway, settings, provider):
    """Start a gateway that signs in by a provider: `sso(issuer=…, rights=…)`."""

    def start(issuer=provider.issuer, rights=RIGHTS, host="127.0.0.1", **more):
        settings.home.mkdir(parents=True, exist_ok=True)
        settings.oidc_rights_file.write_text(yaml.safe_dump(rights, allow_unicode=True))
        with listen(host, 0) as free:
            address = free.getsockname()
        given = {
            "auth": "keys", "oidc_issuer": issuer, "oidc_client_id": "plan",
            "oidc_client_secret": "s:ecret/with%signs", "public_url": f"http://{host}:{address[1]}",
        }  # fmt: skip
        given["oidc_client_secret"] = settings.model_validate(given).oidc_client_secret
        return gateway(address=address, **given, **more)

    provider.tell()
    return start


class Browser:
    """Goes the way of a browser, one step at a time."""

    def __init__(self, started, **more):
        self.http = httpx.Client(base_url=started.url, timeout=20, trust_env=False, **more)

    def begin(self, target="/kb"):
        """To the login page's link; return the answer."""
        return self.http.get("/login/oidc", params={"next": target})

    def approve(self, begun):
        """At the provider; return the address that it leads back to."""
        return self.http.get(begun.headers["location"]).headers["location"]

    def sign_in(self, target="/kb"):
        """All the way; return the last answer."""
        begun = self.begin(target)
        return self.http.get(self.approve(begun)) if begun.status_code == 303 else begun

    @property
    def session(self):
        return self.http.cookies.get("cspon_session")


@pytest.fixture
def a_browser():
    """Open browsers: `a_browser(gateway)`."""
    opened = []

    def start(started, **more):
        opened.append(Browser(started, **more))
        return opened[-1]

    yield start
    for browser in opened:
        browser.http.close()
