"""What is missing: chapters, contents, tables, maps, attachments; numbers that skip; dead references."""

import itertools
import random

from eval.review_corpus.case import Case, Label
from eval.review_corpus.model import Block, Box, Paragraph, Piece, Table
from eval.review_corpus.numbering import chinese, frozen, number_all
from eval.review_corpus.planting import append, claim, form, free, shuffled


def _paragraphs(block: Block) -> list[Paragraph]:
    if isinstance(block, Table):
        return [block.caption, *([block.unit] if block.unit else []), *block.paragraphs()]
    return [block.paragraph if isinstance(block, Box) else block]


def _stretches(case: Case, style: str) -> list[tuple[Paragraph, list[Block]]]:
    """Return each heading of a style with all that stands under it, itself included."""
    stops = ("chapter",) if style == "chapter" else ("chapter", "article")
    found: list[tuple[Paragraph, list[Block]]] = []
    inside: list[Block] | None = None
    for block in case.text.blocks:
        if isinstance(block, Paragraph) and block.style in stops:
            inside = None
            if block.style == style:
                inside = []
                found.append((block, inside))
        if inside is not None:
            inside.append(block)
    return found


def _removable(case: Case, blocks: list[Block]) -> bool:
    """Tell whether nothing outside refers into the blocks and no label lies in them."""
    paragraphs = [p for block in blocks for p in _paragraphs(block)]
    inside = {id(p) for p in paragraphs}
    keys = {p.data.get("key") for p in paragraphs}
    keys |= {k for p in paragraphs for k, v in p.data.items() if v == "" and k != "must"}
    for paragraph in case.text.paragraphs():
        if id(paragraph) not in inside and any(
            p.tag == "ref" and p.data["key"] in keys for p in paragraph.pieces
        ):
            return False
    pieces = {id(p) for paragraph in paragraphs for p in paragraph.pieces}
    pieces |= {id(n) for paragraph in paragraphs for p in paragraph.pieces if p.tag == "footnote"
               for n in p.data["paragraph"].pieces}  # fmt: skip
    used = [place for label in case.labels for place in [label.place, *label.also]]
    return not any(id(place) in pieces for place in used)


def _remove(case: Case, blocks: list[Block]) -> None:
    gone = {id(block) for block in blocks}
    case.text.blocks = [block for block in case.text.blocks if id(block) not in gone]
    number_all(case.text)


def _title(heading: Paragraph) -> str:
    return "".join(p.text for p in heading.pieces if p.tag not in ("num", "mark"))


@form("completeness.chapter_missing")
def chapter_missing(case: Case, rng: random.Random) -> list[Label]:
    """A mandatory chapter is not there."""
    chapters = _stretches(case, "chapter")[1:-1]
    for heading, blocks in shuffled(chapters, rng):
        contents = [b for b in blocks if isinstance(b, Paragraph) and b.data.get("content")]
        if contents and _removable(case, blocks):
            _remove(case, blocks)
            kept = {b.data["content"] for b in contents}
            note = f"缺少章节：{_title(heading)}（{'、'.join(sorted(kept))}）"
            return [
                Label("completeness.chapter_missing", "serious", None, [], _title(heading), note)
            ]
    return []


@form("completeness.content_missing")
def content_missing(case: Case, rng: random.Random) -> list[Label]:
    """An article with mandatory content is not there."""
    for heading, blocks in shuffled(_stretches(case, "article"), rng):
        if heading.data.get("content") and _removable(case, blocks):
            _remove(case, blocks)
            note = f"缺少内容：{heading.data['content']}（{_title(heading)}）"
            return [
                Label("completeness.content_missing", "serious", None, [], _title(heading), note)
            ]
    return []


_REQUIRED = ("指标", "结构调整", "用地平衡", "规划调整表", "分解", "项目", "工程安排", "分类面积")
"""Words in the titles of tables that guides of the plan types ask for: a reader misses no other."""


@form("completeness.table_missing")
def table_missing(case: Case, rng: random.Random) -> list[Label]:
    """A table that its plan type must have is not there, nor the words that refer to it."""
    for table in shuffled(case.text.tables(), rng):
        if not any(word in table.caption.text for word in _REQUIRED):
            continue
        spots = [(h, p) for h, p in case.pieces("ref") if p.data["key"] == table.name]
        cells = {id(p) for q in table.paragraphs() for p in q.pieces}
        used = [place for label in case.labels for place in [label.place, *label.also]]
        if any(id(place) in cells for place in used):
            continue
        if not all(_before_reference(h, p) for h, p in spots):
            continue
        for home, piece in spots:
            _drop_reference(home, piece)
        title = _title(table.caption)
        _remove(case, [table])
        return [
            Label("completeness.table_missing", "serious", None, [], title, f"缺少表格：{title}")
        ]
    return []


def _before_reference(home: Paragraph, piece: Piece) -> bool:
    at = home.pieces.index(piece)
    before = home.pieces[at - 1] if at else None
    if before is None or before.tag != "" or not before.text.endswith(("见", "于")):
        return False
    return at == 1 or any(mark in before.text for mark in "，。；")


def _drop_reference(home: Paragraph, piece: Piece) -> None:
    at = home.pieces.index(piece)
    before, after = home.pieces[at - 1], home.pieces[at + 1 : at + 2]
    cut = max(before.text.rfind(mark) for mark in "，。；")
    stop = before.text[cut] if cut >= 0 else ""
    before.text = before.text[: max(cut, 0)]
    if stop in "。；" and after:  # the reference was a sentence of its own
        after[0].text = stop + after[0].text.lstrip("，。；")
    home.pieces.remove(piece)


def _listed(case: Case, kind: str) -> list[Paragraph]:
    return [p for p in case.text.paragraphs() if p.style == "entry" and p.data["list"] == kind]


def _entry_missing(
    case: Case, rng: random.Random, kind: str, entries: list[str], named: str, note: str
) -> list[Label]:
    for home in shuffled(_listed(case, kind), rng):
        title = "".join(p.text for p in home.pieces[1:])
        if title not in entries or not free(case, case.text, home.pieces[0]):
            continue
        entries.remove(title)
        place = home.pieces[1]
        return [claim(case, Label(named, "serious", place, [], "", f"{note}：{title}"))]
    return []


@form("completeness.map_missing")
def map_missing(case: Case, rng: random.Random) -> list[Label]:
    """A map that the text lists was not handed in."""
    return _entry_missing(case, rng, "maps", case.maps, "completeness.map_missing", "图件未提交")


@form("completeness.map_missing")
def map_not_made(case: Case, rng: random.Random) -> list[Label]:
    """A mandatory map is neither listed nor handed in."""
    for home in shuffled(_listed(case, "maps"), rng):
        title = "".join(p.text for p in home.pieces[1:])
        if any(
            word in title for word in ("控制线", "现状图", "利用规划", "用地规划图", "总体格局")
        ) and free(case, case.text, home.pieces[0]):
            if title not in case.maps or not _removable(case, [home]):
                continue
            case.maps.remove(title)
            _remove(case, [home])
            return [
                Label("completeness.map_missing", "serious", None, [], title, f"缺少图件：{title}")
            ]
    return []


@form("completeness.attachment_missing")
def attachment_missing(case: Case, rng: random.Random) -> list[Label]:
    """An attachment that the text lists was not handed in."""
    return _entry_missing(
        case, rng, "attachments", case.attachments, "completeness.attachment_missing", "附件未提交"
    )


@form("completeness.numbering")
def numbering(case: Case, rng: random.Random) -> list[Label]:
    """An article, item or table has its neighbour's number."""
    numbers = [
        (h, p)
        for h, p in case.pieces("num")
        if p.data["series"] in ("article", "item", "table", "chapter")
    ]
    referred = {p.data["key"] for _, p in case.pieces("ref")}
    by_series: dict[str, list[tuple[Paragraph, Piece]]] = {}
    for home, piece in numbers:
        by_series.setdefault(piece.data["series"], []).append((home, piece))
    for series in shuffled(by_series, rng):
        row = by_series[series]
        for index in shuffled(range(1, len(row)), rng):
            home, piece = row[index]
            other = row[index - 1][1]
            key = home.data.get("key")
            if key in referred or piece.text == other.text or not free(case, case.text, piece):
                continue
            if series == "item" and not _next_to(case, row[index - 1][0], home):
                continue
            right = piece.text
            frozen(piece, other.text)
            note = "编号与前一条重复"
            return [
                claim(
                    case,
                    Label(
                        "completeness.numbering", "hint", piece, [other], right.strip("　"), note
                    ),
                )
            ]
    return []


def _next_to(case: Case, one: Paragraph, other: Paragraph) -> bool:
    blocks = case.text.blocks
    return any(a is one and b is other for a, b in itertools.pairwise(blocks))


@form("completeness.dangling_reference")
def dangling_reference(case: Case, rng: random.Random) -> list[Label]:
    """A reference to a table that there is not."""
    for _, piece in shuffled(case.pieces("ref"), rng):
        if not free(case, case.text, piece):
            continue
        right = piece.text
        frozen(piece, f"表{rng.randint(3, 9)}-{rng.randint(7, 12)}" if "-" in right or "." in right
               else f"{right.rstrip('0123456789')}{len(case.text.tables()) + rng.randint(1, 6)}")  # fmt: skip
        return [
            claim(
                case,
                Label(
                    "completeness.dangling_reference", "general", piece, [], right, "引用的表不存在"
                ),
            )
        ]
    return []


@form("completeness.dangling_reference")
def dangling_article(case: Case, rng: random.Random) -> list[Label]:
    """A reference to an article that there is not."""
    pattern = case.text.hand["numbers"]["article"]
    if "条" not in pattern:
        return []
    articles = [p for p in case.text.paragraphs() if p.style == "article"]
    number = len(articles) + rng.randint(3, 20)
    words = pattern.format(
        n=number, cn=chinese(number), here=number, cnhere=chinese(number), chapter=0
    )
    pieces = append(case, f"管控要求同时适用本规划<planted:{words}>的规定。", rng)
    if pieces is None:
        return []
    return [
        claim(
            case,
            Label(
                "completeness.dangling_reference", "general", pieces[1], [], "", "引用的条文不存在"
            ),
        )
    ]
