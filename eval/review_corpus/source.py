"""Read a text's source: prose with placeholders for facts and with marks on what is cited.

A source is a text file. `# ` begins a chapter, `## ` an article (`@key` after a title names it,
`@must` marks mandatory content, `@content=X` what it fulfils), `* ` a numbered item, `:box ` a text
box, `:maps` and `:attachments` the lists of the head, `:table` a table whose rows follow between
bars. Every other line is a paragraph. Inline: `{expression|unit|decimals|flags}` a fact,
`<tag:words>` a mark, `<ref:key>` a reference, `<neg.KIND:words>` a hard negative, `<ins:words>` and
`<del:words>` revision marks, `^[words]` a footnote. In rows `<` continues the cell to the left, `^` the cell above; `@each LIST` repeats the
next row; a row that begins with `|=` is a total.
"""

import re
from typing import Any

from eval.review_corpus.facts import Facts, decimals_of, written
from eval.review_corpus.model import Block, Box, Cell, Document, Paragraph, Piece, Table

_INLINE = re.compile(r"\{([^{}]+)\}|<([a-z]+(?:\.[a-z_]+)*):([^<>]*)>|\^\[([^\]]*)\]")
_BARS = re.compile(r"\|(?![^{}]*\})")
_KEYS = re.compile(r"\s@([a-z_]+)(?:=(\S+))?")


class Reader:
    """Turns source lines into a document, with one fact sheet."""

    def __init__(self, facts: Facts, hand: dict[str, Any]) -> None:
        self.facts = facts
        self.hand = hand

    def inline(self, line: str, *, table: bool = False, row: str = "") -> list[Piece]:
        """Return the pieces of a line.

        Args:
            line: Source text.
            table: In a table units are not written behind numbers.
            row: Prefix "LIST_ROW_" for names that begin with a dot.
        """
        pieces: list[Piece] = []
        at = 0
        for found in _INLINE.finditer(line):
            if found.start() > at:
                pieces.append(Piece(line[at : found.start()]))
            at = found.end()
            fact, tag, words, note = found.groups()
            if fact is not None:
                pieces += self._fact(fact, table, row)
            elif note is not None:
                paragraph = Paragraph(self.inline(note), "note")
                pieces.append(Piece("", "footnote", {"paragraph": paragraph}))
            elif tag.startswith("neg."):
                pieces.append(Piece(words, "neg", {"kind": tag[4:]}))
            elif tag == "ref":
                pieces.append(Piece("", "ref", {"key": words}))
            elif tag == "del":
                pieces.append(Piece("", "del", {"words": words}))
            else:
                pieces.append(Piece(words, tag.split(".")[0], {"role": tag.partition(".")[2]}))
        if at < len(line):
            pieces.append(Piece(line[at:]))
        return pieces

    def _fact(self, code: str, table: bool, row: str) -> list[Piece]:
        expression, unit, decimals, flags = ([*code.split("|"), "", "", ""])[:4]
        name = re.sub(r"(?<![\w)])\.(?=[a-z])", row, expression.strip())
        value = self.facts.value(name)
        if isinstance(value, str):
            return [Piece(value, "name", {"expr": name})]
        places = int(decimals) if decimals else decimals_of(unit)
        full = "full" in flags or (table and self.hand.get("full_width_tables", False))
        text = written(float(value), unit, places, full_width=full)
        data: dict[str, Any] = {
            "expr": name,
            "unit": unit,
            "value": float(value),
            "decimals": places,
        }
        data |= {"table": table, "full": full, "flags": flags}
        pieces = [Piece(text, "fact", data)]
        if unit and (not table or "unit" in flags):
            words = "人" if unit == "人口" else unit  # people in the sheet as people, not 万人
            pieces.append(Piece(words, "unit", {"expr": name}))
        return pieces

    def read(self, file: str, source: str, lists: dict[str, list[str]]) -> Document:
        """Read a whole source.

        Args:
            file: File name of the document.
            source: Source text without its head.
            lists: Lines of `:maps`, `:attachments` and other lists.
        """
        blocks: list[Block] = []
        lines = [line.rstrip() for line in source.split("\n")]
        at = 0
        while at < len(lines):
            line = lines[at]
            at += 1
            if not line.strip():
                continue
            if line.startswith(":table"):
                end = at
                while end < len(lines) and lines[end].startswith(("|", "@each")):
                    end += 1
                blocks.append(self._table(line, lines[at:end]))
                at = end
            elif line[1:] in lists and line.startswith(":"):
                for entry in lists[line[1:]]:
                    number = Piece("", "num", {"series": line[1:]})
                    blocks.append(
                        Paragraph([number, *self.inline(entry)], "entry", {"list": line[1:]})
                    )
            else:
                blocks.append(self._block(line))
        header = self.hand.get("header")
        head = Paragraph(self.inline(header), "header") if header else None
        return Document(file, blocks, head, self.hand)

    def _block(self, line: str) -> Block:
        if line.startswith(":box "):
            return Box(Paragraph(self.inline(line[5:]), "box"))
        keys = {k: v or "" for k, v in _KEYS.findall(line)}
        line = _KEYS.sub("", line) if line.startswith(("# ", "## ")) else line
        if line.startswith("# "):
            number = Piece("", "num", {"series": "chapter"})
            return Paragraph([number, *self.inline(line[2:])], "chapter", keys)
        if line.startswith("## "):
            number = Piece("", "num", {"series": "article"})
            return Paragraph([number, *self.inline(line[3:])], "article", keys)
        if line.startswith("* "):
            number = Piece("", "num", {"series": "item"})
            return Paragraph([number, *self.inline(line[2:])], "item", keys)
        if line.startswith("!"):
            style, _, words = line[1:].partition(" ")
            return Paragraph(self.inline(words), style)
        return Paragraph(self.inline(line), "body")

    def _table(self, head: str, lines: list[str]) -> Table:
        options = dict(part.split("=", 1) for part in head.split()[1:])
        rows: list[list[Cell | None]] = []
        totals: set[int] = set()
        each = ""
        for line in lines:
            if line.startswith("@each"):
                each = line.split()[1]
                continue
            prefixes = [""]
            if each:
                prefixes = [f"{each}_{i}_" for i in range(len(self.facts.lists[each]))]
            for order, prefix in enumerate(prefixes, 1):
                if line.startswith("|="):
                    totals.add(len(rows))
                rows.append(
                    self._row(line[2:] if line.startswith("|=") else line[1:], prefix, order, rows)
                )
            each = ""
        number = Piece("", "num", {"series": "table"})
        caption = Paragraph(
            [number, *self.inline(options["title"])], "caption", {"key": options["id"]}
        )
        unit = (
            Paragraph([Piece("单位："), Piece(options["unit"], "unit")], "unitline")
            if "unit" in options
            else None
        )
        return Table(
            options["id"], caption, unit, rows, int(options.get("heads", "1")), totals, options
        )

    def _row(
        self, line: str, prefix: str, order: int, above: list[list[Cell | None]]
    ) -> list[Cell | None]:
        row: list[Cell | None] = []
        for index, code in enumerate(part.strip() for part in _BARS.split(line.removesuffix("|"))):
            if code == "<":
                owner = next(cell for cell in reversed(row) if cell is not None)
                owner.across += 1
                row.append(None)
            elif code == "^":
                owner = next(c for r in reversed(above) if (c := r[index]) is not None)
                owner.down += 1
                row.append(None)
            else:
                cell = code.replace("{#}", str(order))
                row.append(Cell(Paragraph(self.inline(cell, table=True, row=prefix), "cell")))
        return row
