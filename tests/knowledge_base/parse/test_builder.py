from hypothesis import given
from hypothesis import strategies as st

from cspon.schemas.knowledge import Box
from knowledge_base.parse.builder import SourceBuilder
from knowledge_base.parse.table import Grid

GRID = Grid([["地类", "面积"], ["耕地", "1"], ["林地", "2"]])


def test_caption_and_unit_above_a_table_are_its_own():
    out = SourceBuilder()
    for line in ("正文。", "表3-1 指标表", "", "单位：公顷"):
        out.line(line)
    out.table(GRID)
    source = out.build()
    (table,) = source.tables
    assert (table.caption, table.unit) == ("表3-1 指标表", "单位：公顷")
    assert source.text[slice(*table.span)] == "地类：耕地；面积：1\n地类：林地；面积：2"


def test_a_caption_below_names_the_table_unless_it_belongs_to_the_next():
    out = SourceBuilder()
    out.table(GRID)
    out.line("表1 甲")
    assert out.build().tables[0].caption == "表1 甲"
    out.table(GRID)
    assert [t.caption for t in out.build().tables] == ["", "表1 甲"]


def test_a_page_may_begin_inside_a_table_or_a_paragraph():
    out = SourceBuilder()
    box = [Box(page=p, x0=0, y0=0, x1=1, y1=1) for p in (1, 1, 2)]
    out.start_page()
    out.table(GRID, row_boxes=box, page_rows=[2, 3])
    out.open_paragraph("上半", box[0])
    out.start_page()
    out.paragraph([("下半", box[2])])
    source = out.build()
    assert source.text.endswith("上半下半")
    assert [source.text[s : s + 4] for s in source.page_starts] == [
        "地类：耕",
        "地类：林",
        "上半下半",
        "下半",
    ]
    assert source.boxes_of(0, len(source.text))[0].page == 1


@given(st.lists(st.one_of(st.text(max_size=12), st.just(GRID), st.just(None)), max_size=12))
def test_spans_lie_in_the_text_and_do_not_overlap(parts):
    out = SourceBuilder()
    box = Box(page=1, x0=0, y0=0, x1=1, y1=1)
    for part in parts:
        if part is None:
            out.start_page()
        elif isinstance(part, str):
            out.line(part, box)
        else:
            out.table(part, row_boxes=[box] * 3)
    source = out.build()
    for spans in ([t.span for t in source.tables], [line.span for line in source.lines]):
        ends = [0, *(edge for span in spans for edge in span), len(source.text)]
        assert ends == sorted(ends)
    assert list(source.page_starts) == sorted(source.page_starts)
    assert all(start <= len(source.text) for start in source.page_starts)
