"""Laws that a text cites: do they exist, in this version, with this article and these words, on that day."""

import re
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from agents.review.case import Case
from agents.review.check import Found
from agents.review.cited import LAW, STANDARD, Cited, cited_in
from agents.review.document import Span
from agents.review.laws import nearest
from cspon.errors import SetupError
from cspon.schemas.knowledge import Basis, Citation, Validity
from knowledge_base.citing.quote import match_quote
from knowledge_base.numerals import parse_numeral
from knowledge_base.titles import number_key, title_key

PAST = re.compile(r"原《|曾|当时|历史|已(?:经)?(?:废止|失效)|废止|替代|取代|旧版|此前|编制时")
"""Words by which a text cites a law that is known to be past."""
NUMERAL_IN = re.compile(r"[第\s]")
TITLE_BEFORE = re.compile(r"《([^《》]{3,60})》[（(，,、：:\s]{0,3}$")
VERB = re.compile(r"年?(?:公布|通过|发布|修正|修订)")
NATIONAL = re.compile(r"(?:(?<!办)法|法典|条例)$")
LOCAL = re.compile(r"[一-鿿]{2,8}?(?:省|市|县|州|盟|旗|自治区|经济特区)")
"""Begins titles of places, of which there is no list."""
STANDARDS = Path(__file__).parents[1] / "standards.yaml"


def citations(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Check every law that the text cites, each kind of mistake by its own name."""
    if case.laws is None:
        raise SetupError("没有法规库，引用未核对", mend="先建立法规库（cspon kb build-laws）")
    on = case.facts.text_date or date.today()
    for block in case.text.blocks:
        if block.kind == "header":
            continue
        for cited in cited_in(block):
            yield from _check(case, cited, on)


def _check(case: Case, cited: Cited, on: date) -> Iterator[Found]:
    assert case.laws is not None
    versions = case.laws.versions(cited.title, on)
    if not versions:
        yield from _unknown(case, cited, on)
        return
    sentence = _sentence(cited)
    past = bool(PAST.search(sentence))
    first = case.laws.cite(Basis(title=cited.title), on)
    if first.status in (Validity.REPEALED, Validity.SUPERSEDED) and not past:
        yield Found(
            cited.span, f"《{cited.title}》已{_word(first.status)}", kind="citations.superseded",
            evidence=first.note, suggestion="改引现行规定",
        )  # fmt: skip
        return
    if first.status is Validity.NOT_YET and not past:
        begins = first.effective_from
        yield Found(
            cited.span, f"《{cited.title}》在{on:%Y年%m月%d日}尚未施行" + (f"，自{begins:%Y年%m月%d日}起施行" if begins else ""),
            kind="citations.not_in_force", evidence=first.note, suggestion="改引当日有效的规定，或说明施行日期",
        )  # fmt: skip
        return
    made = VERB.match(cited.block.text, cited.year_span.end) if cited.year_span else None
    known_years = {
        int(text[:4])
        for v in versions
        for text in (
            v.version or "",
            str(v.published or ""),
            "" if made else str(v.effective_from or ""),
        )
        if text[:4].isdigit()
    }
    if (
        cited.year is not None
        and cited.year_span is not None
        and not past
        and known_years
        and cited.year not in known_years
    ):
        yield Found(
            cited.year_span, f"《{cited.title}》没有 {cited.year} 年的版本",
            kind="citations.year", evidence=f"库内版本：{'、'.join(map(str, sorted(known_years)))}", suggestion="核对年份",
        )  # fmt: skip
    numbers = {number_key(v.number) for v in versions if v.number}
    if cited.number and cited.number_span and numbers and number_key(cited.number) not in numbers:
        yield Found(
            cited.number_span, f"《{cited.title}》的文号应为{'、'.join(sorted(numbers))}",
            kind="citations.document_number",
            replacement=next(iter(numbers)) if len(numbers) == 1 else None, suggestion="核对文号",
        )  # fmt: skip
    for label, span in cited.articles:
        last = (label, span) == cited.articles[-1]
        yield from _article(case, cited, label, span, cited.quote if last else "", on)


def _article(
    case: Case, cited: Cited, label: str, span: Span, quote: str, on: date
) -> Iterator[Found]:
    assert case.laws is not None
    bare = case.laws.cite(Basis(title=cited.title, article=label), on)
    if bare.verification == "contradicted":
        kind = (
            "citations.article_range"
            if "条" in label
            and "只有" not in bare.note
            and "没有第" not in bare.note.split("库内没有")[0]
            else "citations.wrong_article"
        )
        yield Found(
            span, f"《{cited.title}》没有{label}", kind=kind, evidence=bare.note, suggestion="核对条号",
        )  # fmt: skip
        return
    if not quote or bare.verification != "verified" or cited.quote_span is None:
        return
    checked = case.laws.cite(Basis(title=cited.title, article=label, quote=quote), on)
    if checked.verification != "contradicted" or _fits_left_out(quote, bare.quote):
        return
    other = _where(case, cited, quote, on)
    if other is not None and other.article != label:
        yield Found(
            span, f"所引文字见于《{cited.title}》{other.article}，不在{label}",
            kind="citations.wrong_article", evidence=other.quote[:200], also=(cited.quote_span,),
            replacement=other.article, suggestion=f"改为{other.article}",
        )  # fmt: skip
        return
    yield Found(
        cited.quote_span, f"引文与《{cited.title}》{label}不符", kind="citations.quote",
        evidence=checked.note or bare.quote[:200], also=(span,), suggestion="按条文原文引用",
    )  # fmt: skip


def _fits_left_out(quote: str, clause: str) -> bool:
    """Say whether a quote that leaves words out (……) stands in a clause piece by piece, in order."""
    pieces = [piece for piece in re.split(r"…+|\.{3,}", quote) if piece]
    if len(pieces) < 2:
        return False
    place = 0
    for piece in pieces:
        place = clause.find(piece.strip("，。；、"), place)
        if place < 0:
            return False
    return True


def _where(case: Case, cited: Cited, quote: str, on: date) -> Citation | None:
    """Return the article in which the quoted words stand."""
    assert case.laws is not None
    for number in range(1, 1300):
        found = case.laws.cite(Basis(title=cited.title, article=f"第{number}条"), on)
        if found.verification == "contradicted":
            if number > 3:
                return None
            continue
        if found.verification == "verified" and match_quote(quote, found.quote).fits:
            return found
    return None


def _unknown(case: Case, cited: Cited, on: date) -> Iterator[Found]:
    assert case.laws is not None
    if not LAW.search(cited.title):
        return
    past = PAST.search(_sentence(cited))
    if (document := _documents().get(title_key(cited.title))) is not None:
        yield from _document(cited, document, on, past=bool(past))
        return
    held = case.laws.cite(Basis(title=cited.title), on)
    if held.status is Validity.REPEALED:
        if not past:
            yield Found(
                cited.span, f"《{cited.title}》已废止", kind="citations.superseded", evidence=held.note,
                suggestion="改引现行规定",
            )  # fmt: skip
        return
    names = _names()
    if title_key(cited.title) in names:
        return  # it exists, but the base does not hold it
    close = case.laws.nearest(cited.title) or nearest(cited.title, names)
    if close is not None:
        yield Found(
            cited.span, f"没有《{cited.title}》，相近的是《{close}》", kind="citations.wrong_title",
            suggestion=f"核对是否为《{close}》", replacement=f"《{close}》",
        )  # fmt: skip
    elif NATIONAL.search(cited.title) and not LOCAL.match(cited.title):
        yield Found(
            cited.span, f"法规库和法规名录中都没有《{cited.title}》，未能核实其存在", kind="citations.unknown_title",
            suggestion="核对名称；确有其文的，先入库",
        )  # fmt: skip


def _document(cited: Cited, known: dict[str, Any], on: date, *, past: bool) -> Iterator[Found]:
    """Check a document of which only number and fate are known."""
    if (
        cited.number
        and cited.number_span
        and number_key(cited.number) != number_key(known["number"])
    ):
        yield Found(
            cited.number_span, f"《{cited.title}》的文号应为{known['number']}", kind="citations.document_number",
            replacement=known["number"], suggestion="核对文号",
        )  # fmt: skip
    for label, span in cited.articles:
        number = parse_numeral(NUMERAL_IN.sub("", label.split("条")[0]))
        if known.get("articles") and number > known["articles"]:
            yield Found(
                span, f"《{cited.title}》没有{label}，共 {known['articles']} 条", kind="citations.article_range",
                suggestion="核对条号",
            )  # fmt: skip
    ended = known.get("ended")
    if ended and ended <= on and not past:
        yield Found(
            cited.span, f"《{cited.title}》自 {ended} 起已被{known['by']}取代", kind="citations.superseded",
            suggestion="改引现行规定",
        )  # fmt: skip


def standards(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find standards whose number or year is not that of the standard, by its title or by its number."""
    known = _standards()
    titled = {title_key(entry["title"]): entry for entry in known.values()}
    for block in case.text.blocks:
        for match in STANDARD.finditer(block.text):
            code = re.sub(r"\s", "", match["code"] + (match["kind"] or ""))
            part, year = re.sub(r"\s", "", match["part"]), match["year"] or ""
            title = TITLE_BEFORE.search(block.text[: match.start()])
            right = titled.get(title_key(title[1])) if title else None
            right = right or known.get(part)
            if right is None or not part:
                continue
            if (right["code"], str(right["part"])) == (code, part) and (
                not year or year in right["years"]
            ):
                continue
            if title is None and right["code"].split("/")[0] != code.split("/")[0]:
                continue
            full = f"{right['code']} {right['part']}—{right['years'][-1]}"
            yield Found(
                Span(block.number, match.start(), match.end()),
                f"标准编号应为 {full}（{right['title']}）", replacement=full, suggestion="核对标准编号和年份",
            )  # fmt: skip


@cache
def _documents() -> dict[str, dict[str, Any]]:
    said = yaml.safe_load(STANDARDS.with_name("documents.yaml").read_text(encoding="utf-8"))
    return {title_key(entry["title"]): entry for entry in said["documents"]}


@cache
def _names() -> dict[str, str]:
    said = yaml.safe_load(STANDARDS.with_name("titles.yaml").read_text(encoding="utf-8"))
    names = {title_key(title): title for group in said.values() for title in group}
    return names | {key: entry["title"] for key, entry in _documents().items()}


@cache
def _standards() -> dict[str, dict[str, Any]]:
    said = yaml.safe_load(STANDARDS.read_text(encoding="utf-8"))
    return {str(entry["part"]): entry for entry in said["standards"]}


def _sentence(cited: Cited) -> str:
    text = cited.block.text
    start = max(text.rfind(c, 0, cited.span.start) for c in "。；\n") + 1
    ends = [at for c in "。；\n" if (at := text.find(c, cited.span.end)) >= 0]
    return text[start : min(ends, default=len(text))]


def _word(status: Validity) -> str:
    return "废止" if status is Validity.REPEALED else "被新的版本取代"
