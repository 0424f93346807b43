"""A deterministic embedder and a tiny law database, both made here."""

import hashlib
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml

from cspon.schemas.agent import Principal
from knowledge_base.base import KnowledgeBase
from knowledge_base.ingest.build import build_laws

DIM = 384


class HashingEmbedder:
    """Character bigrams hashed to a unit vector; counts what it embeds."""

    def __init__(self, name: str = "hashing:test", dim: int = DIM) -> None:
        self.name, self.dim = name, dim
        self.embedded = 0

    def _one(self, text: str) -> np.ndarray:
        vector = np.zeros(self.dim, dtype=np.float32)
        for i in range(max(len(text) - 1, 1)):
            digest = hashlib.blake2b(text[i : i + 2].encode(), digest_size=8).digest()
            vector[int.from_bytes(digest[:4], "big") % self.dim] += 1.0 if digest[4] % 2 else -1.0
        length = np.linalg.norm(vector)
        return vector / length if length else np.full(self.dim, self.dim**-0.5, dtype=np.float32)

    def embed_query(self, text: str) -> np.ndarray:
        return self._one(text)

    def embed_passages(self, texts: Sequence[str]) -> np.ndarray:
        self.embedded += len(texts)
        return np.stack([self._one(t) for t in texts]).astype(np.float32)


SCHEMA = """
CREATE TABLE laws (law_id TEXT PRIMARY KEY, law_name TEXT, doc_type TEXT, level TEXT,
 issuing_body TEXT, publish_date TEXT, effective_date TEXT, version_date TEXT, status TEXT,
 law_department TEXT);
CREATE TABLE articles (id INTEGER PRIMARY KEY, law_id TEXT, law_name TEXT, law_department TEXT,
 level TEXT, status TEXT, chapter TEXT, section TEXT, article_no TEXT, article_no_arabic INTEGER,
 article_text TEXT, char_count INTEGER);
"""

# (name, published = version date, effective date, recorded status, [(article, chapter, text)])
LAWS = [
    (
        "中华人民共和国田野法",
        "2019-08-26",
        "1999-01-01",
        "现行有效",
        [
            ("第一条", "第一章 总则", "为了保护田野，制定本法。"),
            (
                "第二条",
                "第一章 总则",
                "永久基本农田不得擅自占用。\n国家重点建设项目选址确实难以避让的，必须经国务院批准：\n（一）能源、交通、水利项目；\n（二）军事设施项目。\n禁止规避审批。",
            ),
            ("第三条", "第二章 罚则", "违反本法规定，占用“永久基本农田”的，责令限期改正。"),
            ("第三条之一", "第二章 罚则", "拒不改正的，依法处罚。"),
        ],
    ),
    (
        "中华人民共和国农事法",
        "2012-12-28",
        "2003-03-01",
        "历史版本",
        [("第一条", "", "农事旧文本。"), ("第二条", "", "国家扶持粮食生产，旧规定。")],
    ),
    (
        "中华人民共和国农事法",
        "2026-08-28",
        "2027-01-01",
        "现行有效",
        [
            ("第一条", "", "农事新文本。"),
            ("第二条", "", "国家扶持粮食生产，新规定。"),
            ("第三条", "", "粮食安全新条款。"),
        ],
    ),
    (
        "中华人民共和国承包地法",
        "2018-12-29",
        "2003-03-01",
        "已废止",
        [("第一条", "", "承包期为三十年。")],
    ),
    (
        "中华人民共和国耕保法",
        "2026-08-28",
        "2027-01-01",
        "现行有效",
        [("第一条", "", "提升耕地质量。")],
    ),
    (
        "中华人民共和国生态大法典",
        "2026-03-12",
        "2026-08-15",
        "现行有效",
        [
            ("第一条", "第一章 总则", "为了保护生态环境，制定本法。"),
            (
                "第三条",
                "第二章 附则",
                "本法自 2026年8月15日起施行。《中华人民共和国旧环境法》、《中华人民共和国旧环评法》同时废止。",
            ),
        ],
    ),
    (
        "中华人民共和国旧环境法",
        "2014-04-24",
        "2015-01-01",
        "已废止",
        [("第一条", "", "旧环境法的规定，一切单位有保护环境的义务。")],
    ),
]
LISTED = ("中华人民共和国田野法", "农事法", "承包地法", "耕保法", "生态大法典", "旧环境法")


def write_database(path: Path, laws: list = LAWS) -> Path:
    with sqlite3.connect(path) as db:
        db.executescript(SCHEMA)
        for number, (name, published, effective, status, articles) in enumerate(laws):
            db.execute(
                "INSERT INTO laws VALUES (?,?,?,?,?,?,?,?,?,?)",
                (
                    f"id{number}",
                    name,
                    "法律",
                    "法律",
                    "全国人民代表大会",
                    published,
                    effective,
                    published,
                    status,
                    "",
                ),
            )
            for label, chapter, text in articles:
                db.execute(
                    "INSERT INTO articles (law_id, law_name, status, chapter, article_no, article_text)"
                    " VALUES (?,?,?,?,?,?)",
                    (f"id{number}", name, status, chapter or None, label, text),
                )
    db.close()
    return path


def write_list(path: Path, laws: Sequence) -> Path:
    entries = [law if isinstance(law, dict) else {"title": law} for law in laws]
    path.write_text(yaml.safe_dump({"laws": entries}, allow_unicode=True), encoding="utf-8")
    return path


@pytest.fixture
def embedder() -> HashingEmbedder:
    return HashingEmbedder()


@pytest.fixture
def laws_db(tmp_path: Path) -> Path:
    return write_database(tmp_path / "laws.db")


@pytest.fixture
def laws_list(tmp_path: Path) -> Path:
    entries: list = [{"title": title} for title in LISTED]
    entries[0] |= {"effective_from": "2020-01-01", "source": "修正决定"}
    return write_list(tmp_path / "laws.yaml", entries)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "kb"


@pytest.fixture
def build(folder, laws_db, laws_list, embedder) -> Callable:
    """Build the tiny base; keyword arguments replace the defaults."""

    def run(**given):
        return build_laws(
            given.pop("folder", folder),
            **({"laws_list": laws_list, "laws_db": laws_db, "embedder": embedder} | given),
        )

    return run


def write_base(root: Path) -> Path:
    """Build the tiny base in a folder; return where it lies."""
    entries: list = [{"title": title} for title in LISTED]
    entries[0] |= {"effective_from": "2020-01-01", "source": "修正决定"}
    build_laws(
        root / "kb",
        laws_list=write_list(root / "laws.yaml", entries),
        laws_db=write_database(root / "laws.db"),
        embedder=HashingEmbedder(),
    )
    return root / "kb"


@pytest.fixture(scope="session")
def make_base() -> Callable:
    """`write_base` for fixtures that outlive a test."""
    return write_base


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    """The tiny base, built once; tests only read it."""
    folder = write_base(tmp_path_factory.mktemp("base"))
    with KnowledgeBase.open(folder, HashingEmbedder()) as opened:
        yield opened


@pytest.fixture
def reader() -> Principal:
    return Principal()


@pytest.fixture
def make_list(tmp_path) -> Callable:
    """Write a list of laws (titles or entries) and return its path."""
    return lambda laws, name="l.yaml": write_list(tmp_path / name, laws)


@pytest.fixture
def listed() -> tuple[str, ...]:
    return LISTED


@pytest.fixture
def make_database(tmp_path) -> Callable:
    return lambda laws, name="other.db": write_database(tmp_path / name, laws)


@pytest.fixture
def all_laws() -> list:
    return list(LAWS)


@pytest.fixture
def make_embedder() -> Callable:
    return HashingEmbedder


@pytest.fixture(scope="session")
def make_bare_embedder() -> Callable:
    """`make_embedder` for fixtures that outlive a test."""
    return HashingEmbedder
