"""Documents, passages, and citations that have been checked against them."""

from datetime import date
from enum import StrEnum
from typing import Literal

from cspon.schemas.base import Frozen, Secrecy


class Validity(StrEnum):
    """Standing of a document on a given date, computed from its dates, never merely recorded."""

    IN_FORCE = "现行有效"
    NOT_YET = "尚未施行"
    REPEALED = "已废止"
    SUPERSEDED = "历史版本"
    UNKNOWN = "效力待核"


class Document(Frozen):
    """One law, regulation, standard, plan or case, in one version."""

    id: str
    title: str
    """Full title without book-title marks."""
    kind: str = "法律"
    """法律、行政法规、部门规章、地方性法规、司法解释、标准、政策文件、规划成果、案例、其他."""
    level: str = "国家"
    issuer: str | None = None
    number: str | None = None
    """Document number, e.g. 自然资发〔2023〕234号."""
    version: str | None = None
    """ISO date of the version (passage or amendment)."""
    published: date | None = None
    effective_from: date | None = None
    effective_to: date | None = None
    """First day on which this version is no longer in force."""
    recorded_status: str | None = None
    """What the source itself says of the status; kept, compared, not trusted alone."""
    superseded_by: str | None = None
    """Title (and version) of the successor."""
    region: str | None = None
    secrecy: Secrecy = Secrecy.PUBLIC
    department: str | None = None
    source: str = ""
    """Package and version, or the file it came from."""
    content_hash: str = ""
    note: str = ""
    """A caveat that a reader of a citation must see."""


class Passage(Frozen):
    """The unit of retrieval and citation: one article, or one chunk of a text."""

    id: str
    document_id: str
    title: str
    article: str | None = None
    """Article label as printed, e.g. 第三十三条 or 第一百三十三条之一."""
    article_key: str | None = None
    """Normalised number: "33", "133-1"."""
    heading_path: tuple[str, ...] = ()
    text: str
    page: int | None = None
    span: tuple[int, int] | None = None
    effective_from: date | None = None
    effective_to: date | None = None
    recorded_status: str | None = None
    secrecy: Secrecy = Secrecy.PUBLIC
    department: str | None = None


class SearchHit(Frozen):
    """A passage with its fused score and its rank on each route that found it."""

    passage: Passage
    validity: Validity
    score: float
    routes: dict[str, int]
    """Route name (dense, lexical, exact) to 1-based rank."""


class Basis(Frozen):
    """A clause that a rule or tool names as its ground, not yet checked against any base."""

    title: str
    article: str | None = None
    """e.g. 第三十五条; None for a document that is cited as a whole."""
    point: str = ""
    """What the clause says for this purpose, in our words."""
    quote: str | None = None
    """Words that must stand in the clause."""
    verified: bool = True
    """False when the project itself has not seen the text (handbook mark 【忆】)."""


class Citation(Frozen):
    """A clause as the knowledge base holds it, or a named basis that the base does not hold."""

    source: str
    """Where the text came from; empty when not in the base."""
    title: str
    article: str | None = None
    quote: str = ""
    """Words of the clause; empty when not in the base."""
    point: str = ""
    status: Validity = Validity.UNKNOWN
    effective_from: date | None = None
    effective_to: date | None = None
    level: str = ""
    verification: Literal["verified", "not_in_base", "contradicted"] = "not_in_base"
    """contradicted: the base holds the document, but not this article or not these words."""
    passage_id: str | None = None
    note: str = ""
    """A caveat: successor, recorded status that disagrees, unknown effective date."""

    @property
    def label(self) -> str:
        """《title》article, as a reader would write it."""
        return f"《{self.title}》{self.article or ''}"
