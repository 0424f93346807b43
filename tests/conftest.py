"""Rules for every test: only loopback, no telemetry, and no silent skip of the shared corpus in CI."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from cspon.cli.main import OFFLINE

os.environ.update(OFFLINE)

# A busy machine is no failure; a check of a change tries the same examples each time.
settings.register_profile("steady", deadline=None, derandomize=os.environ.get("CI") == "true")
settings.load_profile("steady")

ROOT = Path(__file__).resolve().parents[1]


COMPONENTS = (
    "knowledge_base/ingest",
    "knowledge_base/retrieve/test_search.py",
    "knowledge_base/citing/test_cite.py",
    "knowledge_base/citing/test_graph.py",
    "knowledge_base/citing/test_reference_index.py",
    "knowledge_base/parse/test_legacy.py",
    "knowledge_base/parse/test_scanned.py",
    "knowledge_base/test_base.py",
    "knowledge_base/test_leaks.py",
    "knowledge_base/store",
    "cspon/cli/test_kb.py",
    "cspon/cli/test_kb_files.py",
    "cspon/cli/test_kb_graph.py",
    "cspon/cli/test_library.py",
    "tools/test_bad_input.py",
    "tools/test_maps.py",
    "tools/demo_county",
    "tools/quality_check/seeding",
    "eval",
    "serving/test_openai_api.py",
    "serving/test_tools_api.py",
    "serving/test_kb_api.py",
    "serving/test_kb_leaks.py",
    "serving/test_kb_upload.py",
    "serving/test_library_api.py",
    "serving/test_tool_calls.py",
)
"""Tests that build a real index, county, map or gateway in process: seconds, not milliseconds."""


def pytest_collection_modifyitems(items):
    """Mark the component tests; `make test` runs them, the unit ring does not."""
    folders = [Path(__file__).parent / name for name in COMPONENTS]
    assert all(folder.exists() for folder in folders)
    for item in items:
        if any(item.path == folder or folder in item.path.parents for folder in folders):
            item.add_marker("component")


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
