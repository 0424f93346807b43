"""What the knowledge base's API takes and gives: requests with limits, hits with their place."""

from datetime import date, datetime
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from cspon.schemas.base import Frozen, Secrecy
from cspon.schemas.knowledge import Box, Document, Passage, Validity

MAX_QUERY = 500
MAX_ID = 400
"""Characters of a document's or passage's id."""

Short = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=MAX_ID)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class Asked(BaseModel):
    """A request; unknown parameters fail loudly."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class SearchQuery(Asked):
    """A search, as query parameters or as a JSON body."""

    query: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_QUERY)
    ]
    k: int = Field(10, ge=1, le=50)
    """How many hits at most."""
    asked_on: date | None = Field(None, alias="date")
    """The day whose law counts; today when not given."""
    include_repealed: bool = False
    """Repealed, superseded and not yet effective versions too, marked as such."""
    kinds: list[Short] = Field(default_factory=list, max_length=20)
    """Kinds of document (法律, 行政法规, 部门规章, 地方性法规, 标准, …); all when empty."""
    levels: list[Short] = Field(default_factory=list, max_length=10)
    """国家, 省, 市, 县, 乡; all when empty."""
    regions: list[Short] = Field(default_factory=list, max_length=40)
    """Regions, e.g. 上海市; all when empty."""


class ArticleQuery(Asked):
    """An article by the name of its law and its number."""

    title: Title
    article: Short
    """第三十五条, 第35条 or 35."""
    asked_on: date | None = Field(None, alias="date")


class CiteBody(Asked):
    """A clause to be verified, with the words that should stand in it."""

    title: Title
    article: Short | None = None
    quote: str | None = Field(None, max_length=5000)
    point: str = Field("", max_length=1000)
    asked_on: date | None = Field(None, alias="date")


class GraphQuery(Asked):
    """The root of a citation graph: a passage, or a law with an article."""

    passage_id: Id | None = None
    title: Title | None = None
    article: Short | None = None
    up: int = Field(2, ge=0, le=4)
    """Steps towards what the clause rests on."""
    down: int = Field(2, ge=0, le=4)
    """Steps towards what rests on it."""
    limit: int = Field(60, ge=1, le=200)
    asked_on: date | None = Field(None, alias="date")


class PassageQuery(Asked):
    """How much of the surroundings comes with a passage."""

    before: int = Field(2, ge=0, le=10)
    after: int = Field(2, ge=0, le=10)
    asked_on: date | None = Field(None, alias="date")


class ImageQuery(Asked):
    """Which page, and how fine."""

    page: int | None = Field(None, ge=1, le=20_000)
    """1-based; the passage's first page when not given."""
    dpi: int = Field(110, ge=40, le=200)


class DocumentsQuery(Asked):
    """Which documents to list."""

    text: str = Field("", max_length=MAX_QUERY)
    """Words in title, number or issuer."""
    kind: Short | None = None
    level: Short | None = None
    region: Short | None = None
    offset: int = Field(0, ge=0)
    limit: int = Field(100, ge=1, le=500)


class Place(Frozen):
    """Where a passage stands in its document."""

    heading_path: tuple[str, ...] = ()
    page: int | None = None
    boxes: tuple[Box, ...] = ()
    """In shares of the page's width and height."""
    span: tuple[int, int] | None = None
    ordinal: int | None = None
    image: str | None = None
    """Address of the page image with the passage's box; None for texts without pages."""
    open: str
    """Address of the page that shows the passage at its place."""


class Hit(Frozen):
    """A passage that was found."""

    passage_id: str
    document_id: str
    label: str
    """《title》article, as a citation writes it."""
    title: str
    article: str | None
    type: Literal["article", "text", "table", "term"]
    text: str
    html: str | None = None
    validity: Validity
    effective_from: date | None
    effective_to: date | None
    kind: str
    level: str
    region: str | None
    issuer: str | None
    number: str | None
    secrecy: Secrecy
    flags: tuple[str, ...]
    confidence: float | None
    note: str
    """A caveat: successor, recorded status that disagrees, unknown date."""
    routes: dict[str, int]
    """Route to rank. No score: its decimals depend on how many texts hold a word, hidden ones too."""
    place: Place


class SearchReply(Frozen):
    """Hits, best first, for the day that was asked."""

    query: str
    date: date
    hits: tuple[Hit, ...]
    withheld: bool = False
    """There are internal texts on this question that the caller may not read."""
    notice: str = ""


class DocumentView(Frozen):
    """A document's metadata with its standing today."""

    document: Document
    validity: Validity
    note: str = ""


class DocumentList(Frozen):
    """Documents that the caller may know of."""

    total: int
    documents: tuple[DocumentView, ...]


class PassageLine(Frozen):
    """A passage in the table of contents of its document."""

    id: str
    label: str
    heading_path: tuple[str, ...]
    page: int | None
    beginning: str


class DocumentReply(DocumentView):
    """A document with its passages."""

    editable: bool
    """The caller may edit and remove it."""
    total: int
    passages: tuple[PassageLine, ...]
    """In the order of the text; the first `MAX_LINES`."""


class ArticleReply(DocumentView):
    """An article in the version of the day, and the other versions of its law."""

    label: str
    date: date
    passage: Passage
    place: Place
    versions: tuple[DocumentView, ...]


class PassageReply(DocumentView):
    """A passage with what stands around it."""

    label: str
    date: date
    passage: Passage
    place: Place
    before: tuple[Passage, ...]
    after: tuple[Passage, ...]
    parent: tuple[Passage, ...]
    """The passages under the same heading."""


class Removed(Frozen):
    """A document that was removed."""

    id: str
    deleted: Literal[True] = True


class IngestFailure(Frozen):
    """A file that was not taken in."""

    file: str
    message: str
    mend: str = ""


IngestStanding = Literal["queued", "running", "done", "failed", "cancelled"]


class Ingest(Frozen):
    """A batch of uploaded files on its way into the base."""

    id: str
    state: IngestStanding
    files: tuple[str, ...]
    step: str = ""
    """What is being done."""
    done: int = 0
    total: int = 0
    rate: str = ""
    """Speed and time left, as the ingest says it."""
    created_at: datetime
    finished_at: datetime | None = None
    seconds: float = 0.0
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    """Document ids."""
    passages: int = 0
    failures: tuple[IngestFailure, ...] = ()
    notices: tuple[str, ...] = ()
    error: str = ""
    mend: str = ""

    @property
    def ended(self) -> bool:
        """Nothing more will happen."""
        return self.state not in ("queued", "running")


MAX_LINES = 2000


def segment(text: str) -> str:
    """Quote an id for one segment of an address."""
    return quote(text, safe="")


def label_of(title: str, article: str | None) -> str:
    """Write a passage's place as a citation does."""
    return f"《{title}》{article or ''}"


def open_address(passage_id: str) -> str:
    """Return the address of the page that shows a passage at its place."""
    return f"/kb/open?passage={segment(passage_id)}"


def place_of(passage: Passage, document: Document) -> Place:
    """Say where a passage stands, with addresses to look at it."""
    paged = document.original is not None and passage.page is not None
    return Place(
        heading_path=passage.heading_path,
        page=passage.page,
        boxes=passage.boxes,
        span=passage.span,
        ordinal=passage.ordinal,
        image=f"/v1/kb/passages/{segment(passage.id)}/page.png" if paged else None,
        open=open_address(passage.id),
    )
