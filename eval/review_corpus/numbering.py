"""Number chapters, articles, items, tables and lists, and let references follow."""

from collections import Counter

from eval.review_corpus.model import Block, Document, Paragraph, Piece, Table

_DIGITS = "零一二三四五六七八九"


def chinese(number: int) -> str:
    """Write 1 to 199 in Chinese as articles are counted."""
    if number >= 100:
        rest = number - 100
        return "一百" + (
            ("零" if rest < 10 else "一" if rest < 20 else "") + chinese(rest) if rest else ""
        )
    tens, ones = divmod(number, 10)
    if tens == 0:
        return _DIGITS[ones]
    return ("" if tens == 1 else _DIGITS[tens]) + "十" + (_DIGITS[ones] if ones else "")


def number_all(document: Document) -> None:
    """Write every number and reference anew; a piece whose data says `frozen` stays."""
    counts: Counter[str] = Counter()
    names: dict[str, str] = {}
    before: Block | None = None
    for block in document.blocks:
        _number_block(block, before, counts, names, document)
        before = block
    for paragraph in document.paragraphs():
        for piece in paragraph.pieces:
            if piece.tag == "ref" and not piece.data.get("frozen"):
                piece.text = names[piece.data["key"]]


def _number_block(
    block: Block,
    before: Block | None,
    counts: Counter[str],
    names: dict[str, str],
    document: Document,
) -> None:
    if isinstance(block, Table):
        paragraph: Paragraph = block.caption
    elif isinstance(block, Paragraph):
        paragraph = block
    else:
        return
    piece = paragraph.pieces[0] if paragraph.pieces else None
    if piece is None or piece.tag != "num":
        return
    series = piece.data["series"]
    if series == "chapter":
        counts["article_here"] = counts["table_here"] = 0
    if series == "item" and not (isinstance(before, Paragraph) and before.style == "item"):
        counts["item"] = 0
    counts[series] += 1
    counts[series + "_here"] += 1
    pattern: str = document.hand["numbers"][series]
    word = pattern.format(
        n=counts[series],
        cn=chinese(counts[series]),
        here=counts[series + "_here"],
        cnhere=chinese(counts[series + "_here"]),
        chapter=counts["chapter"],
    )
    gap = "" if series == "item" or not word else "　"
    if not piece.data.get("frozen"):
        piece.text = word + gap
    key = next((k for k in paragraph.data if paragraph.data[k] == "" and k != "must"), None)
    name = paragraph.data.get("key") or key
    if series in ("maps", "attachments"):
        name = f"{series}_{counts[series]}"
    if name:
        names[name] = word.strip("（）、.") if series == "item" else word


def frozen(piece: Piece, text: str) -> None:
    """Set a number or reference by hand so that renumbering leaves it."""
    piece.text = text
    piece.data["frozen"] = True
