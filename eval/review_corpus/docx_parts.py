"""The fixed parts of a docx: types, relations, styles, footnote separators."""

NAMESPACES = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" '
    'xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office" '
    'xmlns:w10="urn:schemas-microsoft-com:office:word"'
)
HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml"
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"

TYPES = (
    HEAD + '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/word/document.xml" ContentType="{_WORD}.document.main+xml"/>'
    f'<Override PartName="/word/styles.xml" ContentType="{_WORD}.styles+xml"/>'
    f'<Override PartName="/word/settings.xml" ContentType="{_WORD}.settings+xml"/>'
    f'<Override PartName="/word/footnotes.xml" ContentType="{_WORD}.footnotes+xml"/>'
    f'<Override PartName="/word/header1.xml" ContentType="{_WORD}.header+xml"/></Types>'
)
PACKAGE = (
    HEAD + '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    f'<Relationship Id="rId1" Type="{_RELATION}/officeDocument" Target="word/document.xml"/></Relationships>'
)
RELATIONS = (
    HEAD + '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    f'<Relationship Id="rId1" Type="{_RELATION}/styles" Target="styles.xml"/>'
    f'<Relationship Id="rId2" Type="{_RELATION}/settings" Target="settings.xml"/>'
    f'<Relationship Id="rId3" Type="{_RELATION}/footnotes" Target="footnotes.xml"/>'
    f'<Relationship Id="rId4" Type="{_RELATION}/header" Target="header1.xml"/></Relationships>'
)
SETTINGS = HEAD + f'<w:settings {NAMESPACES}><w:defaultTabStop w:val="420"/></w:settings>'
SEPARATORS = (
    '<w:footnote w:type="separator" w:id="-1"><w:p><w:r><w:separator/></w:r></w:p></w:footnote>'
    '<w:footnote w:type="continuationSeparator" w:id="0"><w:p><w:r><w:continuationSeparator/></w:r></w:p></w:footnote>'
)

# style: name, outline level, half-point size, bold, justification, first-line indent in hundredths
# of a character, spacing before and after in twips, line in 240ths
_STYLES = (
    ("title", "Title", None, 52, True, "center", 0, 1800, 600, 360),
    ("subtitle", "Subtitle", None, 32, False, "center", 0, 200, 200, 360),
    ("chapter", "heading 1", 0, 32, True, "center", 0, 360, 240, 360),
    ("article", "heading 2", 1, 28, True, "left", 0, 160, 80, 360),
    ("body", "Body Text", None, 28, False, "both", 200, 0, 0, 420),
    ("item", "List Paragraph", None, 28, False, "both", 200, 0, 0, 420),
    ("entry", "List", None, 28, False, "left", 0, 0, 0, 380),
    ("caption", "caption", None, 24, True, "center", 0, 160, 60, 300),
    ("unitline", "Unit Line", None, 21, False, "right", 0, 0, 0, 260),
    ("cell", "Table Cell", None, 21, False, "center", 0, 20, 20, 260),
    ("note", "footnote text", None, 18, False, "both", 0, 0, 0, 240),
    ("box", "Box Text", None, 24, False, "both", 0, 0, 0, 300),
    ("header", "header", None, 18, False, "center", 0, 0, 0, 240),
)


def styles(font: str) -> str:
    """Return styles.xml with an East Asian font."""
    out = [HEAD, f"<w:styles {NAMESPACES}>"]
    fonts = f'<w:rFonts w:ascii="Times New Roman" w:hAnsi="Times New Roman" w:eastAsia="{font}"/>'
    out.append(
        f"<w:docDefaults><w:rPrDefault><w:rPr>{fonts}</w:rPr></w:rPrDefault></w:docDefaults>"
    )
    for key, name, level, size, bold, align, indent, before, after, line in _STYLES:
        outline = "" if level is None else f'<w:keepNext/><w:outlineLvl w:val="{level}"/>'
        keep, outline = (
            ("<w:keepNext/>", outline.replace("<w:keepNext/>", "")) if outline else ("", "")
        )
        out.append(
            f'<w:style w:type="paragraph" w:styleId="{key}"><w:name w:val="{name}"/><w:pPr>{keep}'
            f'<w:spacing w:before="{before}" w:after="{after}" w:line="{line}" w:lineRule="auto"/>'
            f'<w:ind w:firstLineChars="{indent}"/><w:jc w:val="{align}"/>{outline}</w:pPr>'
            f'<w:rPr>{"<w:b/>" if bold else ""}<w:sz w:val="{size}"/></w:rPr></w:style>'
        )
    out.append("</w:styles>")
    return "".join(out)
