"""Standing of a document on a date, computed from versions and repeals, never merely recorded.

Version i of a title is in force from its `effective_from` to the `effective_from` of the next
version, or to the day on which another law repeals the title. Half-open: `effective_to` is the
first day on which the version is no longer in force. A text ends another only when every reader of
the other may read it, too: else its existence would show in the other's dates.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date

from cspon.schemas.base import Frozen, Secrecy
from cspon.schemas.knowledge import Document, Passage, Validity
from knowledge_base.access import as_open_as
from knowledge_base.titles import number_key, title_key

_DOUBTFUL = ("废止", "失效", "历史版本", "修改")
_DATE = r"(\d{4})\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*日"
_IN_FORCE_FROM = re.compile(rf"自\s*{_DATE}\s*起\s*(?:施行|生效|实施)")
_REPEAL = re.compile(r"同时废止|予以废止|同时失效")
_TITLE = re.compile(r"《([^《》]+)》")


class Repeal(Frozen):
    """A clause, or a record with its source, that ends the validity of a title."""

    title: str
    ends_on: date
    """First day on which the title is no longer in force."""
    by_title: str = ""
    """Successor; empty when there is none."""
    by_article: str = ""
    source: str = ""
    note: str = ""
    secrecy: Secrecy = Secrecy.PUBLIC
    department: str | None = None
    roles: tuple[str, ...] = ()
    """Who may know of it: the readers of the text that states it."""

    @property
    def sentence(self) -> str:
        """Say it in Chinese, as a caveat of a citation."""
        by = f"被《{self.by_title}》{self.by_article}废止" if self.by_title else "废止"
        return f"《{self.title}》自{self.ends_on.isoformat()}起{by}{f'；{self.note}' if self.note else ''}"


def find_repeals(document: Document, passages: Iterable[Passage]) -> list[Repeal]:
    """Find the titles that a law repeals in its closing articles.

    The day is the date printed in the clause (“自…起施行”), else the version's own first day.
    A title that the law bears itself (its own older text) is not a repeal.
    """
    repeals: list[Repeal] = []
    own = title_key(document.title)
    for passage in passages:
        if not _REPEAL.search(passage.text):
            continue
        for clause in re.split(r"[。；]", passage.text):
            if not _REPEAL.search(clause):
                continue
            printed = printed_effective_date(passage.text)
            day = printed or document.effective_from
            if day is None:
                continue
            repeals.extend(
                Repeal(
                    title=name,
                    ends_on=day,
                    by_title=document.title,
                    by_article=passage.article or "",
                    source=document.source,
                    note="" if printed else "条文未载日期，起始日待核",
                    secrecy=document.secrecy,
                    department=document.department,
                    roles=document.roles,
                )
                for name in _TITLE.findall(clause)
                if title_key(name) != own
            )
    return repeals


def _as_date(match: re.Match[str]) -> date | None:
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None


def printed_effective_date(text: str) -> date | None:
    """Return the date of “自X年X月X日起施行” in a text, if printed."""
    match = _IN_FORCE_FROM.search(text)
    return _as_date(match) if match else None


def with_windows(documents: Sequence[Document], repeals: Iterable[Repeal]) -> list[Document]:
    """Return the documents with `effective_to` and `superseded_by` set from each other.

    Args:
        documents: All documents of a base; several may share a title (versions, parts).
        repeals: Repeals by title; one that is older than a version does not touch it.
    """
    by_title: dict[str, list[Document]] = defaultdict(list)
    replacing: dict[str, list[Document]] = defaultdict(list)
    for document in documents:
        by_title[title_key(document.title)].append(document)
        for name in document.supersedes:
            for key in {title_key(name), number_key(name)}:
                replacing[key].append(document)
    ends: dict[str, list[Repeal]] = defaultdict(list)
    for repeal in repeals:
        ends[title_key(repeal.title)].append(repeal)
    return [
        _with_window(
            document,
            by_title[title_key(document.title)],
            ends.get(title_key(document.title), []),
            [
                other
                for key in {title_key(document.title), number_key(document.number or "-")}
                for other in replacing.get(key, [])
            ],
        )
        for document in documents
    ]


def _with_window(
    document: Document,
    family: Sequence[Document],
    repeals: Sequence[Repeal],
    replacing: Sequence[Document],
) -> Document:
    """Set the end of a document to the earliest day that anything gives."""
    ends: list[tuple[date, str | None]] = []
    later = [
        other
        for other in family
        if _dated(other) > _dated(document)
        and other.effective_from is not None
        and as_open_as(other, document)
    ]
    if later:
        following = min(later, key=lambda d: (d.effective_from or date.max, _dated(d)))
        edition = following.version or following.effective_from
        ends.append((following.effective_from or date.max, f"{following.title}（{edition}版）"))
    ends += [
        (repeal.ends_on, repeal.by_title or None)
        for repeal in repeals
        if _dated(document) < repeal.ends_on and as_open_as(repeal, document)
    ]
    ends += [
        (other.effective_from, other.title)
        for other in replacing
        if other.effective_from is not None
        and _dated(document) < other.effective_from
        and title_key(other.title) != title_key(document.title)
        and as_open_as(other, document)
    ]
    if document.expires_on is not None:
        ends.append((document.expires_on, None))
    end, by = min(ends, key=lambda pair: pair[0], default=(None, None))
    return document.model_copy(update={"effective_to": end, "superseded_by": by})


def _dated(document: Document) -> date:
    """Order of versions: the version's own date, else its first day."""
    if document.version:
        try:
            return date.fromisoformat(document.version)
        except ValueError:  # a version that is no date (报批稿): the document's own dates order it
            return document.published or document.effective_from or date.min
    return document.published or document.effective_from or date.min


def standing(document: Document, on_date: date) -> Validity:
    """Return the standing of a version on a date.

    A version that its source records as repealed or replaced, and whose end no text in the base
    confirms, is 效力待核, never plainly in force.
    """
    if document.effective_to is not None and on_date >= document.effective_to:
        return Validity.SUPERSEDED if _is_new_version(document) else Validity.REPEALED
    if document.effective_from is None:
        return Validity.UNKNOWN
    if on_date < document.effective_from:
        return Validity.NOT_YET
    recorded = document.recorded_status or ""
    if document.effective_to is None and any(mark in recorded for mark in _DOUBTFUL):
        return Validity.UNKNOWN
    return Validity.IN_FORCE


def successor(document: Document, on_date: date) -> str | None:
    """Return the title (and version) of what has replaced a version by a day; None while in force."""
    past = document.effective_to is not None and on_date >= document.effective_to
    return document.superseded_by if past else None


def _is_new_version(document: Document) -> bool:
    by = document.superseded_by
    return by is not None and title_key(by) == title_key(document.title)


def caveats(document: Document, on_date: date) -> str:
    """Return what a reader of a citation must be told, in Chinese; empty when nothing."""
    notes = [document.note] if document.note else []
    state = standing(document, on_date)
    by = _in_marks(document.superseded_by)
    if state is Validity.NOT_YET:
        notes.append(f"该版本自{document.effective_from}起施行，{on_date}尚未施行")
    elif state is Validity.REPEALED:
        expired = document.expires_on == document.effective_to and not by
        end = "有效期届满失效" if expired else "废止"
        notes.append(f"自{document.effective_to}起{end}" + (f"，由{by}替代" if by else ""))
    elif state is Validity.SUPERSEDED:
        notes.append(f"自{document.effective_to}起由{by}取代")
    elif state is Validity.UNKNOWN and document.effective_from is not None:
        notes.append(
            f"法规库标注为{document.recorded_status}，库内未见废止它的条文，引用前请核对"
            if "废止" in (document.recorded_status or "")
            else f"法规库标注为{document.recorded_status}，库内无后续版本，引用前请核对"
        )
    elif state is Validity.UNKNOWN:
        notes.append("施行日期不明，引用前请核对效力")
    elif document.effective_to is not None:
        notes.append(
            f"自{document.effective_to}起由{by}替代" if by else f"有效期至{document.effective_to}止"
        )
    return "；".join(note for note in notes if note)


def _in_marks(title: str | None) -> str:
    """Put a title into book-title marks, its version mark outside them."""
    if not title:
        return ""
    name, mark, edition = title.partition("（")
    return f"《{name}》{mark}{edition}"
