"""Pages that tests make: PDF with a text layer, and pictures of pages."""

import zlib
from pathlib import Path

FONTS = (
    Path("/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc"),
    Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"),
)


def pdf(pages: list[list[tuple[float, float, str]]], *, rules=(), size=12, encrypt=False) -> bytes:
    """Write a PDF: words at (x, y from the top) in a standard Chinese font, and ruled lines."""
    objects: list[bytes] = []

    def add(body: bytes) -> int:
        objects.append(body)
        return len(objects)

    descriptor = add(
        b"<</Type/FontDescriptor/FontName/STSong-Light/Flags 6/FontBBox[-25 -254 1000 880]"
        b"/ItalicAngle 0/Ascent 880/Descent -120/CapHeight 880/StemV 93>>"
    )
    descendant = add(
        b"<</Type/Font/Subtype/CIDFontType0/BaseFont/STSong-Light/CIDSystemInfo"
        b"<</Registry(Adobe)/Ordering(GB1)/Supplement 2>>/DW 1000/FontDescriptor %d 0 R>>"
        % descriptor
    )
    font = add(
        b"<</Type/Font/Subtype/Type0/BaseFont/STSong-Light/Encoding/UniGB-UCS2-H/DescendantFonts[%d 0 R]>>"
        % descendant
    )
    tree = len(objects) + 2 * len(pages) + 1
    kids = []
    for words in pages:
        drawn = b"".join(b"%g %g m %g %g l S " % (a, 842 - b, c, 842 - d) for a, b, c, d in rules)
        for x, y, text in words:
            drawn += b"BT /F1 %d Tf %g %g Td <%s> Tj ET " % (
                size,
                x,
                842 - y,
                text.encode("utf-16-be").hex().encode(),
            )
        data = zlib.compress(drawn)
        content = add(
            b"<</Length %d/Filter/FlateDecode>>\nstream\n" % len(data) + data + b"\nendstream"
        )
        kids.append(
            add(
                b"<</Type/Page/Parent %d 0 R/MediaBox[0 0 595 842]/Contents %d 0 R"
                b"/Resources<</Font<</F1 %d 0 R>>>>>>" % (tree, content, font)
            )
        )
    add(b"<</Type/Pages/Count %d/Kids[%s]>>" % (len(kids), b" ".join(b"%d 0 R" % k for k in kids)))
    root = add(b"<</Type/Catalog/Pages %d 0 R>>" % tree)
    trailer = b"/Root %d 0 R" % root
    if encrypt:
        lock = add(b"<</Filter/Standard/V 1/R 2/P -4/O<%s>/U<%s>>>" % (b"ab" * 32, b"cd" * 32))
        trailer += b"/Encrypt %d 0 R/ID[<%s><%s>]" % (lock, b"01" * 16, b"01" * 16)
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return out + b"trailer<</Size %d%s>>\nstartxref\n%d\n%%%%EOF" % (
        len(objects) + 1,
        trailer,
        start,
    )


def drawn(lines, rows=(), *, font: Path):
    """Draw a page of lines, with a ruled table, as a picture."""
    from PIL import Image, ImageDraw, ImageFont

    letters = ImageFont.truetype(str(font), 28)
    image = Image.new("RGB", (1240, 900), "white")
    pen = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        pen.text((120, 80 + 56 * number), line, font=letters, fill="black")
    top = 120 + 56 * len(lines)
    for r, row in enumerate(rows):
        for c, text in enumerate(row):
            box = (120 + 300 * c, top + 60 * r, 420 + 300 * c, top + 60 * (r + 1))
            pen.rectangle(box, outline="black", width=2)
            pen.text((box[0] + 20, box[1] + 12), text, font=letters, fill="black")
    return image
