"""Rules for every test: only loopback, no telemetry, and no silent skip of the shared corpus in CI."""

import os
from pathlib import Path

import pytest

from cspon.cli.main import OFFLINE

os.environ.update(OFFLINE)

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def _loopback_only(socket_enabled, request):
    from pytest_socket import socket_allow_hosts

    socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The shared corpus: CSPON_SHARED, or `../shared` beside the checkout."""
    folder = Path(os.environ.get("CSPON_SHARED") or ROOT.parent / "shared")
    if not (folder / "corpus" / "laws").is_dir():
        message = f"shared corpus not found at {folder}; set CSPON_SHARED"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return folder
