"""Page, fonts and paragraph styles of a report: GB/T 9704-2012 page, Chinese fonts, page numbers.

Fonts are named, not embedded: 仿宋, 黑体, 楷体 and 宋体 come with Windows and WPS; elsewhere the
word processor takes its own Chinese font.
"""

from dataclasses import dataclass
from typing import Any

from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Length, Mm, Pt, RGBColor

TEXT_WIDTH, TEXT_HEIGHT = Mm(156), Mm(225)
"""Type area of GB/T 9704-2012, 5.2.1."""
TOP, LEFT = Mm(37), Mm(28)
"""Top and left margins of GB/T 9704-2012, 5.2.1; right and bottom follow from A4."""

A4_WIDTH, A4_HEIGHT = Mm(210), Mm(297)

LATIN = "Times New Roman"
BLACK, GREY, BLUE = RGBColor(0, 0, 0), RGBColor(0x59, 0x59, 0x59), RGBColor(0x05, 0x63, 0xC1)
HEADER_FILL = "DCE6F1"


@dataclass(frozen=True)
class _Style:
    """One paragraph style: fonts in points, spacing in points, indents in characters."""

    chinese: str
    size: float
    bold: bool = False
    colour: RGBColor = BLACK
    align: WD_ALIGN_PARAGRAPH | None = None
    line: float = 1.5
    before: float = 0
    after: float = 0
    first_line_characters: int = 0
    left: Length | None = None
    keep_with_next: bool = False
    latin: str = LATIN


CENTRE, BOTH = WD_ALIGN_PARAGRAPH.CENTER, WD_ALIGN_PARAGRAPH.JUSTIFY

STYLES = {
    "Normal": _Style("仿宋", 12),
    "Body Text": _Style("仿宋", 12, align=BOTH, first_line_characters=2),
    "Title": _Style("黑体", 22, align=CENTRE, line=1.2, before=6, after=18, keep_with_next=True),
    "Heading 1": _Style("黑体", 16, before=14, after=4, keep_with_next=True),
    "Heading 2": _Style("楷体", 14, bold=True, before=10, after=2, keep_with_next=True),
    "Heading 3": _Style("仿宋", 12, bold=True, before=6, keep_with_next=True),
    "Heading 4": _Style("仿宋", 12, bold=True, before=4, keep_with_next=True),
    "List Bullet": _Style("仿宋", 12, line=1.4),
    "List Bullet 2": _Style("仿宋", 12, line=1.4),
    "List Bullet 3": _Style("仿宋", 12, line=1.4),
    "List Number": _Style("仿宋", 12, line=1.4),
    "List Number 2": _Style("仿宋", 12, line=1.4),
    "List Number 3": _Style("仿宋", 12, line=1.4),
    "List Continue": _Style("仿宋", 12, line=1.4, left=Mm(6.35)),
    "Quote": _Style("楷体", 11, colour=GREY, line=1.35, before=3, after=3, left=Mm(6)),
    "Caption": _Style("黑体", 10.5, align=CENTRE, line=1.2, before=2, after=10),
    "Figure": _Style("仿宋", 12, align=CENTRE, line=1.0, before=8),
    "Table Text": _Style("宋体", 10.5, line=1.15, before=1.5, after=1.5),
    "After Table": _Style("宋体", 6, line=1.0),
    "Code": _Style("仿宋", 9.5, line=1.15, before=4, after=4, left=Mm(4), latin="Consolas"),
    "Rule": _Style("仿宋", 4, line=1.0, after=8),
    "Header": _Style("宋体", 9, colour=GREY, align=CENTRE, line=1.0),
    "Footer": _Style("宋体", 10.5, align=CENTRE, line=1.0),
}


def prepare(document: Any, title: str) -> None:
    """Set page, styles, header line and page number of an empty document."""
    _set_page(document.sections[0])
    _set_styles(document.styles)
    _write_header(document.sections[0].header, title)
    _write_footer(document.sections[0].footer)


def set_fonts(properties: Any, *, latin: str, chinese: str) -> None:
    """Set the fonts of run properties for Latin and for East-Asian text.

    Theme fonts are removed: a word processor prefers them to the named fonts.
    """
    fonts = properties.find(qn("w:rFonts"))
    if fonts is None:
        fonts = OxmlElement("w:rFonts")
        properties.insert(0, fonts)
    fonts.attrib.clear()
    for script, name in (("ascii", latin), ("hAnsi", latin), ("cs", latin), ("eastAsia", chinese)):
        fonts.set(qn(f"w:{script}"), name)


def shade(properties: Any, fill: str = HEADER_FILL) -> None:
    """Shade a cell or paragraph."""
    element = OxmlElement("w:shd")
    for key, value in (("val", "clear"), ("color", "auto"), ("fill", fill)):
        element.set(qn(f"w:{key}"), value)
    properties.insert_element_before(element, "w:spacing", "w:ind", "w:jc", "w:vAlign")


def _set_page(section: Any) -> None:
    section.page_width, section.page_height = A4_WIDTH, A4_HEIGHT
    section.top_margin, section.left_margin = TOP, LEFT
    section.bottom_margin = Length(A4_HEIGHT - TOP - TEXT_HEIGHT)
    section.right_margin = Length(A4_WIDTH - LEFT - TEXT_WIDTH)
    section.header_distance, section.footer_distance = Mm(22), Mm(22)


def _set_styles(styles: Any) -> None:
    defaults = styles.element.find(qn("w:docDefaults")).find(qn("w:rPrDefault"))
    properties = defaults.find(qn("w:rPr"))
    set_fonts(properties, latin=LATIN, chinese="仿宋")
    properties.find(qn("w:lang")).set(qn("w:eastAsia"), "zh-CN")
    present = {style.name for style in styles}
    for name, wanted in STYLES.items():
        if name not in present:
            styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH).base_style = styles["Normal"]
        _apply(styles[name], wanted)
    borders = {"Title": None, "Header": "bottom", "Rule": "bottom", "Quote": "left"}
    for name, side in borders.items():
        _set_border(styles[name].element.get_or_add_pPr(), side)
    shading = styles["Code"].element.get_or_add_pPr()
    shade(shading, "F2F2F2")
    link = styles.add_style("Hyperlink", WD_STYLE_TYPE.CHARACTER)
    link.font.color.rgb, link.font.underline = BLUE, True


def _apply(style: Any, wanted: _Style) -> None:
    run = style.element.get_or_add_rPr()
    set_fonts(run, latin=wanted.latin, chinese=wanted.chinese)
    for tag in ("w:spacing", "w:kern"):
        for element in run.findall(qn(tag)):
            run.remove(element)
    style.font.size, style.font.bold = Pt(wanted.size), wanted.bold
    style.font.italic = False
    style.font.color.rgb = wanted.colour
    layout = style.paragraph_format
    layout.alignment = wanted.align
    layout.line_spacing_rule = WD_LINE_SPACING.MULTIPLE
    layout.line_spacing = wanted.line
    layout.space_before, layout.space_after = Pt(wanted.before), Pt(wanted.after)
    layout.keep_with_next = wanted.keep_with_next
    if wanted.left is not None:
        layout.left_indent = wanted.left
    if wanted.first_line_characters:
        layout.first_line_indent = Pt(wanted.size * wanted.first_line_characters)
        indent = style.element.pPr.find(qn("w:ind"))
        indent.set(qn("w:firstLineChars"), str(100 * wanted.first_line_characters))


def _set_border(properties: Any, side: str | None) -> None:
    """Give a paragraph style one border, or none for `side` None."""
    for element in properties.findall(qn("w:pBdr")):
        properties.remove(element)
    if side is None:
        return
    borders, line = OxmlElement("w:pBdr"), OxmlElement(f"w:{side}")
    thick = side == "left"
    for key, value in (
        ("val", "single"),
        ("sz", "18" if thick else "6"),
        ("space", "6" if thick else "1"),
        ("color", "8EA9DB" if thick else "808080"),
    ):
        line.set(qn(f"w:{key}"), value)
    borders.append(line)
    # The schema fixes the order of a paragraph's properties: borders come before these.
    later = ("w:shd", "w:tabs", "w:spacing", "w:ind", "w:contextualSpacing", "w:jc", "w:outlineLvl")
    properties.insert_element_before(borders, *later)


def _write_header(header: Any, title: str) -> None:
    paragraph = header.paragraphs[0]
    paragraph.text = title or "国土空间规划分析报告"


def _write_footer(footer: Any) -> None:
    """Write the page number between dashes, GB/T 9704-2012, 7.5."""
    paragraph = footer.paragraphs[0]
    paragraph.add_run("— ")
    for kind, text in (("begin", ""), ("", "PAGE"), ("separate", ""), ("", "1"), ("end", "")):
        run = paragraph.add_run()
        if kind:
            element = OxmlElement("w:fldChar")
            element.set(qn("w:fldCharType"), kind)
        elif text == "PAGE":
            element = OxmlElement("w:instrText")
            element.set(qn("xml:space"), "preserve")
            element.text = " PAGE "
        else:
            run.text = text
            continue
        run._r.append(element)
    paragraph.add_run(" —")
