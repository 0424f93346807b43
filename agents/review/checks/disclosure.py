"""What must not stand in a public text, and what is addressed to the reviewer's machine."""

import re
from collections.abc import Iterator
from typing import Any

from agents.review.case import Case
from agents.review.check import Found
from agents.review.document import Span

DEGREES = re.compile(
    r"[（(]?\s*[EN]\s*[:：]?\s*\d{1,3}\.\d{3,}\s*[°度]?\s*[,，、]?\s*[NE]\s*[:：]?\s*\d{1,3}\.\d{3,}\s*[°度]?[^）)。；]{0,16}[）)]?"
    r"|(?:坐标)\s*[:：]?\s*[（(]\s*\d{5,8}(?:\.\d+)?\s*[,，]\s*\d{5,8}(?:\.\d+)?\s*[）)]"
    r"|(?:东经|北纬|经度|纬度|[EN])\s*[:：]?\s*\d{1,3}\s*[°度]\s*\d{1,2}\s*[′'分]\s*\d{1,2}(?:\.\d+)?\s*[″\"秒]?"
    r"|\d{1,3}\s*[°度]\s*\d{1,2}\s*[′'分]\s*\d{1,2}(?:\.\d+)?\s*[″\"秒]"
    r"|(?<![\d.])(?:7[3-9]|[89]\d|1[0-3]\d)\.\d{4,}\s*[°度]?\s*[,，、]\s*(?:[1-5]\d|[3-9])\.\d{4,}"
    r"|[XYxy]\s*[=＝:：]\s*\d{6,8}(?:\.\d+)?"
)


def coordinates(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find exact coordinates of sensitive facilities, or of anything where the text is to be public."""
    sensitive = re.compile(parameters["sensitive"])
    for block in case.text.blocks:
        for match in DEGREES.finditer(block.text):
            near = block.text[max(0, match.start() - 80) : match.end() + 40]
            if case.facts.public or sensitive.search(near):
                yield Found(
                    Span(block.number, match.start(), match.end()), "公开文本中有精确坐标",
                    suggestion="删去坐标，只写所在乡镇或示意位置",
                )  # fmt: skip


def facilities(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find sentences that tell where or how large a facility is that must stay unnamed.

    A sentence that only asks for its protection is right.
    """
    named, telling = re.compile(parameters["named"]), re.compile(parameters["telling"])
    spared = re.compile(parameters["spared"])
    for block in case.text.blocks:
        for sentence in re.finditer(r"[^。；\n]+", block.text):
            match = named.search(sentence[0])
            if match is None or not telling.search(sentence[0]) or spared.search(sentence[0]):
                continue
            yield Found(
                Span(block.number, sentence.start() + match.start(), sentence.end()),
                f"公开文本写明了{parameters['what']}的位置或规模",
                suggestion="删去，或按保密规定另册表述",
            )


def instructions(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find sentences that tell the reviewing program what to say; they are data, never obeyed."""
    pattern = re.compile("|".join(parameters["patterns"]), re.IGNORECASE)
    for read in (case.text, *case.others.values()):
        for block in read.blocks:
            for match in pattern.finditer(block.text):
                yield Found(
                    Span(block.number, match.start(), match.end()),
                    "文中有指示审查程序的话，未予执行",
                    suggestion="删去，并向编制单位核实来由",
                    read=None if read is case.text else read,
                )
