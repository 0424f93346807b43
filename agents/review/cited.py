"""What a text cites: titles, versions, document numbers, articles, quotes and standards, each in its place."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from agents.review.document import Block, Span
from knowledge_base.numerals import NUMERAL

TITLE = re.compile(r"《(?P<title>(?:[^《》]|《[^《》]*》){2,80})》")
_VERSION = re.compile(
    r"^\s*[（(](?P<year>(?:19|20)\d\d)\s*年?\s*(?:修正|修订|公布|通过|发布|版|施行|试行)?[^（）()]{0,24}[）)]"
)
_NUMBER = re.compile(
    r"^\s*[（(，,、]?\s*(?P<number>[一-鿿]{1,12}(?:〔|\[|［|【)\s*\d{4}\s*(?:〕|\]|］|】)\s*\d{1,5}\s*号|"
    r"(?:国务院|[一-鿿]{2,8})令第?\s*\d+\s*号)"
)
_NUMBER_INSIDE = re.compile(
    r"(?P<number>[一-鿿]{1,12}(?:〔|\[|［|【)\s*\d{4}\s*(?:〕|\]|］|】)\s*\d{1,5}\s*号|(?:国务院|[一-鿿]{2,8})令第?\s*\d+\s*号)"
)
_ARTICLE = re.compile(
    rf"^\s*(?:[、和与及至到\-—]\s*)?(?P<label>第\s*{NUMERAL}\s*条(?:之[一二三四五六七八九十])?(?:\s*第\s*{NUMERAL}\s*款)?(?:\s*第\s*[（(]?{NUMERAL}[）)]?\s*项)?)"
)
_QUOTE = re.compile(
    r"^[^。；《》]{0,16}?(?:规定|明确|指出|要求|提出)?[：:，]?\s*[“\"](?P<quote>[^“”\"]{6,400})[”\"]"
)
STANDARD = re.compile(
    r"(?P<code>GB|TD|CJJ|CJ|HJ|SL|JGJ|JTG|NY|LY|CH|DZ)(?P<kind>\s*/\s*[TZ])?\s*(?P<part>[A-Z]?\s?\d+(?:\.\d+)*)\s*(?:[-—–－]+\s*(?P<year>\d{2,4}))?"
)
LAW = re.compile(
    r"(?:法|法典|条例|办法|规定|细则|规程|规范|标准|指南|通知|意见|纲要|决定|准则|导则)(?:[（(][^（）()]*[）)])?$"
)


@dataclass(frozen=True, slots=True)
class Cited:
    """A law that a paragraph cites, with what it says of it."""

    span: Span
    """Of the title with its marks."""
    title: str
    year: int | None
    year_span: Span | None
    number: str
    number_span: Span | None
    articles: tuple[tuple[str, Span], ...]
    quote: str
    quote_span: Span | None
    block: Block


def cited_in(block: Block) -> Iterator[Cited]:
    """Yield what a paragraph cites, in order."""
    text = block.text
    for match in TITLE.finditer(text):
        place = match.end()
        year: int | None = None
        year_span = number_span = quote_span = None
        number = quote = ""
        if (version := _VERSION.match(text[place:])) is not None:
            year = int(version["year"])
            year_span = Span(
                block.number, place + version.start("year"), place + version.end("year")
            )
            inner = _NUMBER_INSIDE.search(version[0])
            if inner is not None:
                number = re.sub(r"\s", "", inner["number"])
                number_span = Span(
                    block.number, place + inner.start("number"), place + inner.end("number")
                )
            place += version.end()
        if (numbered := _NUMBER.match(text[place:])) is not None:
            number = re.sub(r"\s", "", numbered["number"])
            number_span = Span(
                block.number, place + numbered.start("number"), place + numbered.end("number")
            )
            place += numbered.end()
            while place < len(text) and text[place] in "）) ":
                place += 1
        articles: list[tuple[str, Span]] = []
        while (article := _ARTICLE.match(text[place:])) is not None:
            label = re.sub(r"\s", "", article["label"])
            articles.append(
                (
                    label,
                    Span(
                        block.number, place + article.start("label"), place + article.end("label")
                    ),
                )
            )
            place += article.end()
        if (quoted := _QUOTE.match(text[place:])) is not None:
            quote = quoted["quote"]
            quote_span = Span(
                block.number, place + quoted.start("quote"), place + quoted.end("quote")
            )
        yield Cited(
            Span(block.number, match.start(), match.end()), match["title"].strip(), year, year_span,
            number, number_span, tuple(articles), quote, quote_span, block,
        )  # fmt: skip
