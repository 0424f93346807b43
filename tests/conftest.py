"""Rules for every test: only loopback, no telemetry, and no silent skip of the shared corpus in CI."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from cspon.cli.main import OFFLINE
from tests.made_once import make_once
from tests.rings import install, left_out, mark_component, refuse_in_unit, running

os.environ.update(OFFLINE)

# A busy machine is no failure; a check of a change tries the same examples each time.
settings.register_profile("steady", deadline=None, derandomize=os.environ.get("CI") == "true")
settings.load_profile("steady")

ROOT = Path(__file__).resolve().parents[1]


def pytest_configure():
    """The unit ring starts no process, compiles nothing and builds no county."""
    install()


def pytest_ignore_collect(collection_path, config):
    """A file whose tests are all left out by `-m` is not even imported."""
    return left_out(collection_path, config.option.markexpr) or None


def pytest_collection_modifyitems(items):
    """Mark the component tests; `make test` runs them, the unit ring does not."""
    for item in items:
        mark_component(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    with running(item):
        return (yield)


@pytest.fixture(scope="session")
def demo_county(tmp_path_factory, worker_id):
    """A demo county of 2,000 parcels, made once for all tests and workers; they only read it."""
    refuse_in_unit("builds the demo county")
    own = tmp_path_factory.getbasetemp()
    return make_once(own if worker_id == "master" else own.parent)


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
