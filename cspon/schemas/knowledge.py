"""Documents, passages, and citations that have been checked against them."""

from datetime import date
from enum import StrEnum
from typing import Literal

from pydantic import Field

from cspon.schemas.base import Frozen, Secrecy


class Validity(StrEnum):
    """Standing of a document on a given date, computed from its dates, never merely recorded."""

    IN_FORCE = "现行有效"
    NOT_YET = "尚未施行"
    REPEALED = "已废止"
    SUPERSEDED = "历史版本"
    UNKNOWN = "效力待核"


FoundBy = Literal["rules", "model", "person"]


class Box(Frozen):
    """A rectangle on a page, in shares of its width and height, from the top left corner."""

    page: int
    """1-based."""
    x0: float
    y0: float
    x1: float
    y1: float


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
    expires_on: date | None = None
    """First day on which it is no longer in force by its own words (有效期五年); `effective_to` is the
    earliest of this, the next version and what repeals it."""
    recorded_status: str | None = None
    """What the source itself says of the status; kept, compared, not trusted alone."""
    superseded_by: str | None = None
    """Title (and version) of the successor."""
    region: str | None = None
    supersedes: tuple[str, ...] = ()
    """Titles (and versions) that this document replaces or repeals, as its own text says."""
    secrecy: Secrecy = Secrecy.PUBLIC
    department: str | None = None
    """Department that may read it; None for all."""
    roles: tuple[str, ...] = ()
    """Roles that may read it; empty for all."""
    source: str = ""
    """Package and version, or the file it came from (`a.zip!/b.docx` for a member)."""
    content_hash: str = ""
    original: str | None = None
    """SHA-256 of the file's bytes: the name under which the base keeps it for page images."""
    found_by: dict[str, FoundBy] = Field(default_factory=dict)
    """Who found each metadata field; a field that is not named here was found by rules."""
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
    """The words; a table is here in row-wise form (列名：值；…, one line a row)."""
    kind: Literal["article", "text", "table", "term"] = "text"
    ordinal: int | None = None
    """0-based place among the passages of its document; neighbours have the next numbers."""
    page: int | None = None
    span: tuple[int, int] | None = None
    """Character offsets in the text that the reader gave for the file."""
    boxes: tuple[Box, ...] = ()
    """Where it stands on its pages; empty when the format has no pages."""
    html: str | None = None
    """A table as HTML, whole, with its caption."""
    confidence: float | None = None
    """Mean confidence of character recognition, 0–1; None for text that was not recognised."""
    flags: tuple[str, ...] = ()
    """Marks of suspicious content, e.g. 疑似指令: kept as data, never obeyed."""
    terms: tuple[str, ...] = ()
    """Terms that it defines (是指, or a standard's chapter of terms)."""
    effective_from: date | None = None
    effective_to: date | None = None
    recorded_status: str | None = None
    secrecy: Secrecy = Secrecy.PUBLIC
    department: str | None = None
    roles: tuple[str, ...] = ()


class SearchHit(Frozen):
    """A passage with its fused score and its rank on each route that found it."""

    passage: Passage
    validity: Validity
    score: float
    routes: dict[str, int]
    """Route name (dense, lexical, exact) to 1-based rank."""
    successor: str | None = None
    """Title (and version) of what replaced the text; None while it is in force."""


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
    quote_score: float | None = None
    """How well the quote that was asked about fits the clause, 0–1; 1 is word for word."""
    note: str = ""
    """A caveat: successor, recorded status that disagrees, unknown effective date."""
    withheld: bool = False
    """Not in the base for this reader, but a text up to level 内部 that they may not read bears the
    title. Never said of a 敏感 one."""

    @property
    def label(self) -> str:
        """《title》article, as a reader would write it."""
        return f"《{self.title}》{self.article or ''}"


Relation = Literal["引用", "依据", "实施", "废止", "替代"]
"""引用: a clause refers to a clause; 依据/实施: a document names what it is made under or implements;
废止/替代: a document ends or replaces another."""


class GraphNode(Frozen):
    """A clause or a document in the citation graph."""

    id: str
    """Passage id or document id; `title#article` for what the base does not hold."""
    title: str
    article: str | None = None
    text: str = ""
    """Beginning of the clause; empty when the base does not hold it."""
    status: Validity = Validity.UNKNOWN
    in_base: bool = True
    hops: int = 0
    """Least number of steps from the clause that was asked about; negative towards what rests on it."""


class GraphEdge(Frozen):
    """One reference, as a text states it."""

    source: str
    target: str
    relation: Relation
    words: str = ""
    """The words of the source that state it."""


class GraphView(Frozen):
    """What a clause rests on and what rests on it, as far as the reader may know."""

    root: GraphNode
    nodes: tuple[GraphNode, ...] = ()
    """Root first."""
    edges: tuple[GraphEdge, ...] = ()
    cut: bool = False
    """More was found than is shown."""
    withheld: bool = False
    """Texts up to level 内部 that this reader may not read were left out; says nothing of which."""


class SearchOutcome(Frozen):
    """Hits, and whether readable-by-others passages would have answered better."""

    hits: tuple[SearchHit, ...] = ()
    withheld: bool = False
    """Passages up to level 内部 that this reader may not read speak of the question. Says nothing of
    which, and never counts 敏感 ones: their existence does not leak."""
