"""Verify that a clause exists, in the version in force on a day, and that a quote stands in it.

Deterministic: a citation is `verified` only when the base holds the text. Everything that a
reader must know (repealed, not yet in force, successor, doubtful status) is in `note`.
"""

import re
from collections.abc import Sequence
from datetime import date

from cspon.schemas.agent import Principal
from cspon.schemas.knowledge import Basis, Citation, Passage, Validity
from knowledge_base.access import NO_PERMISSION, access, may_read, readable_by
from knowledge_base.catalogue import Catalogue, Entry
from knowledge_base.citing.quantities import unsupported
from knowledge_base.citing.quote import match_quote
from knowledge_base.known import known_key
from knowledge_base.labels import Clause, Label, find_clause, part_of, read_label
from knowledge_base.numerals import NUMERAL, article_key, parse_numeral
from knowledge_base.store.protocol import Store, Where
from knowledge_base.titles import title_key
from knowledge_base.validity import caveats, standing

_PREFERENCE = {
    Validity.IN_FORCE: 0,
    Validity.UNKNOWN: 1,
    Validity.NOT_YET: 2,
    Validity.SUPERSEDED: 3,
    Validity.REPEALED: 3,
}
_PARAGRAPH = re.compile(rf"第\s*(?P<number>{NUMERAL})\s*款")
_ITEM = re.compile(rf"第\s*[（(]?\s*(?P<number>{NUMERAL})\s*[）)]?\s*项")
_ITEM_START = re.compile(rf"^\s*[（(](?P<number>{NUMERAL})[）)]")


def verify_citation(
    basis: Basis, *, store: Store, catalogue: Catalogue, on_date: date, principal: Principal
) -> Citation:
    """Check a basis against the base.

    Args:
        basis: The clause that a rule, tool or answer names.
        store: The index.
        catalogue: The documents.
        on_date: The day whose version counts.
        principal: Who asks; what they may not read is not in the base for them.

    Returns:
        `verified` with the clause's text; `contradicted` when the base holds the document but not
        this article, or not these words; `not_in_base` otherwise. The reason is in `note`.
    """
    key = known_key(catalogue, basis.title, principal)
    versions = preferred(catalogue.titled(key), on_date, principal)
    if not versions:
        return _unknown_title(basis, key, catalogue, on_date, principal)
    if basis.article is None:
        return _citation(basis, versions[0], on_date, verified=True)
    number = article_key(basis.article)
    where = Where(
        document_ids=tuple(e.document.id for e in versions),
        article_key=number if number is not None else None,
    )
    passages = list(store.scroll(readable_by(principal, where)))
    best = same_standing(versions, on_date)
    if number is None:
        return _cited_by_label(basis, best, versions, passages, on_date)
    for entry in best:
        for passage in passages:
            if passage.document_id == entry.document.id:
                return _checked(basis, entry, passage, on_date)
    return _missing_article(basis, best, versions, passages, on_date)


def _cited_by_label(
    basis: Basis,
    best: Sequence[Entry],
    versions: Sequence[Entry],
    passages: Sequence[Passage],
    on_date: date,
) -> Citation:
    """Check a clause of a standard or an attachment: 5.6.2.2(1)②, 附件1第一条, or a label as printed."""
    printed = (basis.article or "").strip()
    wanted = read_label(printed)
    found: dict[str, Clause] = {}
    for entry in versions:
        own = [p for p in passages if p.document_id == entry.document.id]
        clause = find_clause(wanted, own) if wanted else None
        if clause is None and (same := tuple(p for p in own if p.article == printed)):
            clause = Clause(same, wanted or Label())
        if clause is not None:
            found[entry.document.id] = clause
    for entry in best:
        if entry.document.id in found:
            return _checked_clause(basis, entry, found[entry.document.id], wanted, on_date)
    others = [p for clause in found.values() for p in clause.passages]
    return _missing_article(basis, best, versions, others, on_date)


def _checked_clause(
    basis: Basis, entry: Entry, clause: Clause, wanted: Label | None, on_date: date
) -> Citation:
    """Check a quote in a clause, or in the part of it that is cited."""
    scopes = [(p, part_of(p.text, clause.rest)) for p in clause.passages]
    held = [(p, scope) for p, scope in scopes if scope is not None]
    rest = "".join(clause.rest)
    if not held:
        citation = _citation(basis, entry, on_date, verified=False)
        note = _join(f"{clause.label}没有{rest}", citation.note)
        return citation.model_copy(update={"note": note, "verification": "contradicted"})
    passage, scope = held[0]
    if quote := basis.quote:
        passage, scope = max(held, key=lambda h: match_quote(quote, h[1]).score)
    note = ""
    if clause.rest:
        note = f"库内收至{clause.label}，所引{rest}在其文字中"
    elif clause.below:
        note = f"{clause.label}是标题，文字在其下的{passage.article or '各段'}"
    elif wanted is not None and wanted.attached != clause.label.attached:
        note = f"该条在{clause.label.attached}"
    printed = f"{'' if clause.below else clause.label}" or passage.article or f"{clause.label}"
    if wanted is not None and wanted.article:
        return _checked(basis, entry, passage, on_date, note=note)
    return _checked(basis, entry, passage, on_date, part=(printed + rest, scope), note=note)


def preferred(entries: Sequence[Entry], on_date: date, principal: Principal) -> list[Entry]:
    """Order the versions that the principal may know of: in force, doubtful, coming, past (newest)."""
    readable = [e for e in entries if may_read(principal, e.document)]

    def order(entry: Entry) -> tuple[int, int]:
        state = standing(entry.document, on_date)
        day = (entry.document.effective_from or date.min).toordinal()
        return _PREFERENCE[state], day if state is Validity.NOT_YET else -day

    return sorted(readable, key=order)


def same_standing(versions: Sequence[Entry], on_date: date) -> list[Entry]:
    """Return the first version and the other parts or supplements of the same version."""
    first = versions[0].document
    return [
        e
        for e in versions
        if e.document.version == first.version
        and standing(e.document, on_date) == standing(first, on_date)
    ]


def _checked(
    basis: Basis,
    entry: Entry,
    passage: Passage,
    on_date: date,
    *,
    part: tuple[str, str] | None = None,
    note: str = "",
) -> Citation:
    """Check the words that are quoted.

    Args:
        basis: What is cited.
        entry: The document.
        passage: The clause.
        on_date: The day whose version counts.
        part: Label and words of the part that is cited; by default 款 and 项 are looked for.
        note: What a reader must know besides.
    """
    paragraphs = article_paragraphs(passage.text)
    label, problem = passage.article or "", ""
    scope = passage.text
    asked = "" if part else basis.article or ""
    if part:
        label, scope = part
    if match := _PARAGRAPH.search(asked):
        number = _value(match["number"])
        label += match[0]
        if number is None or not 1 <= number <= len(paragraphs):
            problem = f"{passage.article}只有{len(paragraphs)}款"
        else:
            scope = paragraphs[number - 1]
    if not problem and (match := _ITEM.search(asked)):
        label += match[0]
        number = _value(match["number"])
        lines = [line for line in scope.splitlines() if _item_number(line) == number]
        if number is None or not lines:
            problem = f"{label.removesuffix(match[0])}没有第{match['number']}项"
        elif basis.quote:
            scope = "\n".join(lines)
    quoted = match_quote(basis.quote, scope) if basis.quote and not problem else None
    if quoted is not None and not quoted.fits and basis.quote:
        problem = "引文与条文不符"
        if quoted.words or quoted.difference:
            problem += f"，条文为“{quoted.words}”" if quoted.words else ""
            problem += f"（{quoted.difference}）"
        if scope is not passage.text and match_quote(basis.quote, passage.text).fits:
            problem = "引文在该条其他款项，不在所引款项"
    citation = _citation(basis, entry, on_date, verified=not problem, passage=passage, label=label)
    citation = citation.model_copy(update={"note": _join(note, citation.note)})
    if quoted is not None:
        differs = ""
        if quoted.fits and quoted.difference:
            score = f"相符度{quoted.score:.3f}"
            differs = f"引文与条文有出入（{score}），条文为“{quoted.words}”（{quoted.difference}）"
        update = {"quote_score": quoted.score, "note": _join(differs, citation.note)}
        citation = citation.model_copy(update=update)
    if problem:
        update = {
            "note": _join(problem, citation.note),
            "quote": "",
            "verification": "contradicted",
        }
        citation = citation.model_copy(update=update)
    return citation


def verify_numbers(claim: str, clause: str) -> tuple[str, ...]:
    """Return the numbers with units and the dates of a claim that its clause does not state.

    Units are brought to one measure: 525亩 stands in 三十五公顷, 5% in 百分之五.
    """
    return unsupported(claim, clause)


def article_paragraphs(text: str) -> list[str]:
    """Split an article into its 款; items （一）（二） stay with the 款 that they belong to."""
    paragraphs: list[str] = []
    for line in text.splitlines():
        if not line.strip():
            continue
        if paragraphs and (_ITEM_START.match(line) or re.match(r"^\s*\d{1,2}[.．、]", line)):
            paragraphs[-1] += "\n" + line
        else:
            paragraphs.append(line)
    return paragraphs


def _item_number(line: str) -> int | None:
    match = _ITEM_START.match(line)
    return _value(match["number"]) if match else None


def _value(numeral: str) -> int | None:
    try:
        return parse_numeral(numeral)
    except ValueError:
        return None


def _missing_article(
    basis: Basis,
    best: Sequence[Entry],
    versions: Sequence[Entry],
    passages: Sequence[Passage],
    on_date: date,
) -> Citation:
    document = best[0].document
    edition = f"《{document.title}》（{document.version or '版本不详'}版）"
    label = basis.article or ""
    verification = "contradicted"
    if any(_gap(entry, label) for entry in best):
        problem, verification = f"入库文本缺{label}，未能核验", "not_in_base"
    else:
        problem = f"{edition}库内没有{label}"
        other = next(
            (e for e in versions for p in passages if p.document_id == e.document.id), None
        )
        if other is not None:
            state = standing(other.document, on_date).value
            problem += f"；该条见于{other.document.version}版（{state}）"
    citation = _citation(basis, best[0], on_date, verified=False)
    update = {"note": _join(problem, citation.note), "verification": verification}
    return citation.model_copy(update=update)


def _gap(entry: Entry, label: str) -> bool:
    key = article_key(label)
    return key is not None and any(article_key(gap) == key for gap in entry.gaps)


def _unknown_title(
    basis: Basis, key: str, catalogue: Catalogue, on_date: date, principal: Principal
) -> Citation:
    """Answer for a title that the reader may not know of, the same as for one that is not there."""
    entries = [*catalogue.titled(key), *catalogue.titled(title_key(basis.title))]
    withheld = access(principal, [e.document for e in entries]) == "no_permission"
    status = Validity.UNKNOWN
    note = f"{NO_PERMISSION}，未核验" if withheld else "依据未入库，未核验"
    for repeal in catalogue.repeals_of(key):
        if not may_read(principal, repeal):
            continue
        if on_date >= repeal.ends_on:
            status = Validity.REPEALED
            note = _join(note, repeal.sentence)
        else:
            note = _join(note, f"《{repeal.title}》将自{repeal.ends_on}起废止")
    return Citation(
        source="",
        title=basis.title.strip("《》 "),
        article=basis.article,
        point=basis.point,
        status=status,
        verification="not_in_base",
        note=note,
        withheld=withheld,
    )


def _citation(
    basis: Basis,
    entry: Entry,
    on_date: date,
    *,
    verified: bool,
    passage: Passage | None = None,
    label: str | None = None,
) -> Citation:
    document = entry.document
    return Citation(
        source=document.source,
        title=document.title,
        article=label or basis.article,
        quote=passage.text if passage and verified else "",
        point=basis.point,
        status=standing(document, on_date),
        effective_from=document.effective_from,
        effective_to=document.effective_to,
        level=document.kind,
        verification="verified" if verified else "not_in_base",
        passage_id=passage.id if passage else None,
        note=caveats(document, on_date),
    )


def _join(*notes: str) -> str:
    return "；".join(note for note in notes if note)
