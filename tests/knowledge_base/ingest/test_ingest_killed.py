"""kill -9 at random points of a build: the base is whole after each, and complete at the end."""

import os
import random
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest

from cspon.schemas.agent import Principal
from knowledge_base.base import KnowledgeBase
from knowledge_base.catalogue import current_generation, read_catalogue
from knowledge_base.ingest.build import add_paths, remove_documents
from knowledge_base.store.protocol import Where

TODAY = date(2026, 11, 22)
RUNNER = Path(__file__).with_name("ingest_runner.py")
WORDS = ["湿地", "耕地", "林地", "草地", "水域", "山体", "海岸", "道路", "管线", "公园"]


def write_files(root: Path, count: int, seed: int) -> None:
    chance = random.Random(seed)
    root.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        sections = "\n\n".join(
            f"## 第{n}部分\n\n"
            + "".join(
                f"{chance.choice(WORDS)}的{chance.choice(WORDS)}规模为{chance.randrange(9999)}公顷。"
                for _ in range(chance.randrange(5, 40))
            )
            for n in range(1, chance.randrange(2, 6))
        )
        name, text = f"方案{number}", f"# 第{number}号方案\n\n{sections}\n"
        suffix = (".md", ".txt", ".html")[number % 3]
        if suffix == ".html":
            text = f"<html><body><h1>第{number}号方案</h1><p>{sections}</p></body></html>"
        (root / f"{name}{suffix}").write_text(text, encoding="utf-8")


def start(folder: Path, files: Path) -> subprocess.Popen:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, str(RUNNER), str(folder), str(files)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
    )


def assert_whole(folder: Path, embedder) -> int:
    """The base opens, holds what its catalogue says, and answers; returns its documents."""
    generation = current_generation(folder)
    if generation is None:
        return 0
    catalogue = read_catalogue(generation)
    with KnowledgeBase.open(folder, embedder) as base:
        passages = list(base.opened().store.scroll(Where()))
        assert len(passages) == sum(e.passages for e in catalogue.entries)
        for entry in catalogue.entries:
            own = sorted(p.ordinal for p in passages if p.document_id == entry.document.id)
            assert own == list(range(entry.passages))
            first = next(p for p in passages if p.document_id == entry.document.id)
            words = f"{first.title} {first.text[:60]}"  # the titles alone differ by a digit
            hits = base.search(words, on_date=TODAY, principal=Principal(), k=3)
            assert entry.document.title in {h.passage.title for h in hits}
    for entry in catalogue.entries:
        assert list((folder / "files").glob(f"{entry.document.original}.*"))
    return len(catalogue.entries)


def contents(folder: Path, embedder) -> list:
    with KnowledgeBase.open(folder, embedder) as base:
        return sorted(p.model_dump_json() for p in base.opened().store.scroll(Where()))


def build_under_fire(folder, files, embedder, seed, kills, longest_s):
    """Run the build, killing it at random times, until it has been killed often enough and ends."""
    chance, killed = random.Random(seed), 0
    for _ in range(kills * 6):
        process = start(folder, files)
        if killed < kills:
            try:
                process.wait(chance.uniform(0.2, longest_s))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                killed += 1
        output = process.communicate()[0].decode()
        assert_whole(folder, embedder)
        if process.returncode == 0 and killed >= min(kills, 1):
            return killed
        assert process.returncode in (0, -signal.SIGKILL), output
    pytest.fail("the build never ended")


def test_killed_builds_leave_a_whole_base(tmp_path, folder, embedder):
    write_files(tmp_path / "files", 30, seed=3)
    undisturbed = tmp_path / "undisturbed"
    begun = time.monotonic()
    process = start(undisturbed, tmp_path / "files")
    output = process.communicate(timeout=120)[0].decode()
    assert process.returncode == 0, output
    whole = time.monotonic() - begun
    killed = build_under_fire(
        folder, tmp_path / "files", embedder, seed=11, kills=3, longest_s=whole
    )
    assert killed >= 1
    assert assert_whole(folder, embedder) == 30
    assert contents(folder, embedder) == contents(undisturbed, embedder)
    assert not (folder / "ingest.sqlite").exists()
    assert not list((folder / "generations").glob(".*"))


@pytest.mark.full
@pytest.mark.parametrize("seed", range(3))
def test_many_killed_builds_updates_and_removals(tmp_path, folder, embedder, seed):
    files, undisturbed = tmp_path / "files", tmp_path / "undisturbed"
    write_files(files, 200, seed)
    build_under_fire(folder, files, embedder, seed, kills=12, longest_s=8)
    write_files(files, 120, seed + 100)
    build_under_fire(folder, files, embedder, seed + 1, kills=12, longest_s=8)
    add_paths(undisturbed, [files], embedder=embedder)
    assert assert_whole(folder, embedder) == 200
    for target in (folder, undisturbed):
        remove_documents(target, ["方案7.txt", "方案90.md"], embedder=embedder)
    assert assert_whole(folder, embedder) == 198

    def words(target):
        with KnowledgeBase.open(target, embedder) as base:
            return sorted((p.title, p.ordinal, p.text) for p in base.opened().store.scroll(Where()))

    assert words(folder) == words(undisturbed)
