import pytest
from hypothesis import given
from hypothesis import strategies as st

from cspon.schemas.knowledge import Passage
from knowledge_base.retrieve.codes import codes_in, use_of


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ("07 代码是什么用地", ("07",)),
        ("07代码是什么用地", ("07",)),
        ("代码为0701的是什么", ("0701",)),
        ("地类编码 070102 对应什么", ("070102",)),
        ("0701 是什么地类", ("0701",)),
        ("代码0701和0702有什么区别", ("0701", "0702")),
        ("07用地包括哪些", ("07",)),
        ("用地用海代码“1402”", ("1402",)),
        ("代码（07）", ("07",)),
        ("代码０７是什么", ("07",)),
        ("三调地类 0301K 是什么", ("0301K",)),
        ("1107A 是什么地类", ("1107A",)),
        ("2003 代码是哪种用海", ("2003",)),
        ("YDYHGHFQ 图层有哪些字段", ("YDYHGHFQ",)),
        ("GHFQ和STBHHX怎么接边", ("GHFQ", "STBHHX")),
        ("dltb 图层的字段", ("DLTB",)),
        ("VILLAGE图层", ("VILLAGE",)),
        ("2023 年用地用海分类", ()),
        ("2023 用地用海分类指南", ()),
        ("2023地类调查", ()),
        ("用地 10 公顷需要谁批准", ()),
        ("用地12宗", ()),
        ("12 用地", ()),
        ("建设用地 24 小时", ()),
        ("占地07亩", ()),
        ("土地管理法第07条用地", ()),
        ("土地管理法35条", ()),
        ("自然资发〔2023〕234号的分类", ()),
        ("容积率 0.07 用地", ()),
        ("什么是 CSPON 和 GIS 的 API", ()),
        ("CGCS2000 坐标系", ()),
        ("PDF 成果代码", ()),
        ("99代码是什么", ()),
        ("LPR4倍利率", ()),
        ("根据CJJ/T 85—2017《城市绿地分类标准》", ()),
        ("BREEAM、NOAA 与 TOD", ()),
        ("占用耕地由谁批准", ()),
    ],
)
def test_codes_in(query, codes):
    assert codes_in(query) == codes


@given(
    st.text(alphabet="占用耕地批准规划许可补偿征收，。的由谁", max_size=30), st.integers(1949, 2030)
)
def test_words_and_years_are_no_codes(words, year):
    assert codes_in(words) == ()
    assert codes_in(f"{words}{year}年用地{words}") == ()


@given(st.text(max_size=60))
def test_any_text_is_read(text):
    assert all(code == code.upper() for code in codes_in(text))


def passage(text: str, *path: str) -> Passage:
    return Passage(id="a#1", document_id="a", title="甲标准", heading_path=path, text=text)


@pytest.mark.parametrize(
    ("code", "text", "use"),
    [
        ("07", "代码：07；名称：居住用地", 2),
        ("07", "07 居住用地 指城乡住宅用地", 2),
        ("07", "居住用地（代码07）", 2),
        ("07", "一级类 08；07；09", 1),
        ("07", "0701 城镇住宅用地；容积率 1.07；2023-07-01", 0),
        ("07", "07月印发", 1),
        ("YDYHGHFQ", "规划分区图层（YDYHGHFQ）的字段", 2),
        ("YDYHGHFQ", "规划分区图层（ydyhghfq）", 2),
        ("GHFQ", "YDYHGHFQ 图层", 0),
    ],
)
def test_how_a_passage_uses_a_code(code, text, use):
    assert use_of(code, passage(text)) == use


def test_a_caption_counts():
    assert use_of("DLTB", passage("字段：BSM", "表3 地类图斑（DLTB）")) == 2
