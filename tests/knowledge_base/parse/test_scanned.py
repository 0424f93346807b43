"""Recognition with the real models: seconds."""

import io

import pytest

from knowledge_base.parse.read import read_source

pytestmark = pytest.mark.component
LINES = [
    "某市国土空间规划管理办法",
    "第一条 为了加强国土空间规划管理，制定本办法。",
    "（一）永久基本农田；",
]
ROWS = [["地类", "面积", "备注"], ["耕地", "100.5", "含水田"], ["林地", "200.3", "公益林"]]


@pytest.fixture(scope="module")
def drawn(scan):
    return scan(LINES, ROWS)


def read(tmp_path, image, name="扫描.png"):
    path = tmp_path / name
    image.save(path, resolution=150)
    return read_source(path)


@pytest.mark.parametrize("degrees", [0, 90, 180, 1.5])
def test_a_scan_is_read_whichever_way_it_lies(tmp_path, drawn, degrees):
    turned = drawn.rotate(degrees, expand=degrees % 90 == 0, fillcolor="white")
    source = read(tmp_path, turned)
    words = source.text.replace(" ", "")
    assert all(line.replace(" ", "") in words for line in LINES)
    assert source.page_confidence[0] > 0.9 and "由文字识别得到" in source.notices[0]
    (table,) = source.tables
    assert source.text[slice(*table.span)].split("\n") == [
        "地类：耕地；面积：100.5；备注：含水田",
        "地类：林地；面积：200.3；备注：公益林",
    ]


def test_a_scanned_page_in_a_pdf_and_pictures_in_word(tmp_path, drawn, docx_bytes):
    source = read(tmp_path, drawn, "扫描.pdf")
    assert "制定本办法" in source.text and len(source.page_confidence) == 1
    (box,) = source.boxes_of(0, 5)
    assert 0.05 < box.x0 < 0.15 and 0.05 < box.y0 < 0.12

    from docx import Document

    picture = io.BytesIO()
    drawn.save(picture, format="PNG")
    document = Document()
    document.add_picture(picture)
    path = tmp_path / "图.docx"
    path.write_bytes(docx_bytes(document))
    assert "制定本办法" in read_source(path).text
