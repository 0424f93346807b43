import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cspon.errors import InputError
from knowledge_base.cut.chunk import split
from knowledge_base.cut.headings import goes_on, is_contents_line, read_heading
from knowledge_base.cut.sections import read_sections
from knowledge_base.parse.source import SourceText

STANDARD = """# 某规程

## 1 范围

本文件规定了要求。

## 3 术语和定义

下列术语适用于本文件。

3.1
国土空间规划 territorial spatial planning

对一定区域国土空间开发保护作出的安排。

### 3.2 生态空间（ecological space）

以提供生态服务为主导功能的国土空间。

## 4 总体要求

4.1 规划应当坚持节约优先。
4.2 规划应当符合下列规定：
（1）不占用永久基本农田；
（2）不突破生态保护红线。

3.5 万公顷为上限。

4.2.1 小数点后保留两位。

# 5 指标

12 项指标为约束性指标。

5.1 耕地保有量

不低于上级下达的任务。
"""


def passages(text, name="规程.md"):
    return split(SourceText(text=text), name).passages


def test_clauses_of_a_standard_can_be_cited():
    labelled = [(p.article, p.text) for p in passages(STANDARD)]
    assert ("4.1", "4.1 规划应当坚持节约优先。") in labelled
    assert ("5.1", "不低于上级下达的任务。") in labelled
    items = next(text for label, text in labelled if label == "4.2")
    assert items.endswith("3.5 万公顷为上限。")
    assert ("4.2.1", "4.2.1 小数点后保留两位。") in labelled
    assert ("5", "12 项指标为约束性指标。") in labelled
    assert {p.article_key for p in passages(STANDARD)} == {None}


def test_terms_of_a_standard_are_found_by_name():
    terms = [p for p in passages(STANDARD) if p.kind == "term"]
    assert [(p.article, p.terms) for p in terms] == [
        ("3.1", ("国土空间规划",)),
        ("3.2", ("生态空间",)),
    ]
    assert terms[0].text.startswith("3.1\n国土空间规划")
    assert terms[1].text.startswith("3.2 生态空间")
    assert terms[1].text.endswith("的国土空间。")


def test_definitions_in_articles_are_marked():
    text = "# 某法\n\n第一条 本法所称湿地，是指具有显著生态功能的区域。\n\n第二条 本法下列用语的含义：\n（一）生态空间，是指具有自然属性的空间；\n（二）永久基本农田是指依法划定的耕地。\n\n第三条 指标由国务院规定。\n"
    found = {p.article_key: p.terms for p in passages(text)}
    assert found == {"1": ("湿地",), "2": ("生态空间", "永久基本农田"), "3": ()}


def test_long_clauses_are_cut_at_items_and_labelled_by_them():
    item = "应当开展调查评价并形成成果，" * 20
    text = (
        f"# 标准\n\n4.2 内容\n\n（1）{item}甲。\n（2）总述：\n①{item}乙。\n②{item}丙。\n（3）短。\n"
    )
    found = passages(text, "标准.md")
    assert [p.article for p in found] == ["4.2(1)", "4.2(2)", "4.2(2)②", "4.2(3)"]
    assert found[1].text.startswith("（2）总述：\n①")
    assert all(p.heading_path[-1] == "4.2 内容" for p in found)


def test_list_items_that_head_nothing_are_text():
    text = "# 方案\n\n一、任务\n\n（一）耕地保护\n（二）生态修复\n（三）海洋管理\n\n二、保障\n\n落实责任。\n"
    found = passages(text, "方案.md")
    assert found[0].text == "（一）耕地保护\n（二）生态修复\n（三）海洋管理"
    assert found[0].heading_path == ("方案", "一、任务")


def test_headings_of_several_kinds_nest():
    text = "# 规划\n\n## 第一章 总则\n\n### 第一节 目的\n\n一、背景\n\n（一）形势\n\n正文甲。\n\n## 第二章 布局\n\n正文乙。\n"
    found = passages(text, "规划.md")
    assert found[0].heading_path == ("规划", "第一章 总则", "第一节 目的", "一、背景", "（一）形势")
    assert found[1].heading_path == ("规划", "第二章 布局")


@pytest.mark.parametrize(
    "contents",
    [
        "目录\n第一章 总则\n第二章 布局\n",
        "目  次\n第一章 总则 ........ 1\n第二章 布局 ........ 3\n",
        "# 目录\n\n第一章 总则\t1\n第二章 布局\t3\n",
        "目录\n\n第一章 总则 …………… 1\n\n第二章 布局 …………… 2\n",
    ],
)
def test_tables_of_contents_are_left_out_and_the_text_is_not(contents):
    text = f"# 规划\n\n{contents}\n# 第一章 总则\n\n正文甲。\n\n第二章 布局\n\n正文乙。\n"
    found = passages(text, "规划.md")
    assert [(p.heading_path[-1], p.text) for p in found] == [
        ("第一章 总则", "正文甲。"),
        ("第二章 布局", "正文乙。"),
    ]


def test_a_heading_directly_under_contents_is_no_entry():
    found = passages("目录\n第一章 总则\n\n正文甲。\n", "a.md")
    assert found[0].heading_path == ("第一章 总则",)


@pytest.mark.parametrize(
    ("line", "level", "label"),
    [
        ("4.2.1 总体要求", 15, "4.2.1"),
        ("## 4 总则", 13, "4"),
        ("第一章 总则", 9, ""),
        ("一、总体要求", 11, ""),
        ("（一）目标", 12, ""),
        ("(3) 建设大模型", 20, "(3)"),
        ("# 题目", None, ""),
        ("A.1.2 坐标", 15, "A.1.2"),
        ("5.3 分区管控", 14, "5.3"),
        ("2.1 人口", 14, "2.1"),
        ("5.2 项目管理", 14, "5.2"),
        ("6.1 年度评估", 14, "6.1"),
    ],
)
def test_heading_lines(line, level, label):
    heading = read_heading(line, 0)
    assert (heading.level, heading.label) == (level, label)


@pytest.mark.parametrize(
    "line",
    [
        "3.5 万公顷",
        "12 个月",
        "一、要求做到以下几点：",
        "正文。",
        "",
        "   ",
        "2023 年工作",
        "4.1 总则 ........ 3",
        "第一条 甲",
        "第五款规定的",
        "10%",
    ],
)
def test_lines_that_are_no_heading(line):
    assert read_heading(line, 0) is None


@pytest.mark.parametrize(
    ("before", "number", "fits"),
    [
        (None, (1,), True),
        (None, (12, 5), True),
        (None, (12,), False),
        ((4, 1), (4, 2), True),
        ((4, 1, 3), (4, 2), True),
        ((4, 9), (5,), True),
        ((4, 2), (4, 2, 1), True),
        ((4, 2), (4, 0, 1), False),
        ((4,), (4, 0, 1), True),
        ((4, 2), (3, 5), False),
        ((4, 2), (15,), False),
        ((8,), (1001, 1), True),
    ],
)
def test_numbers_go_on(before, number, fits):
    assert goes_on(before, number) is fits


LINES = st.lists(
    st.one_of(
        st.text(alphabet="土地规划。；，、（一）(1)123.. 　#第章节条", max_size=40),
        st.sampled_from(
            [
                "一、总则",
                "1 范围",
                "4.2 内容",
                "（一）目标",
                "# 标题",
                "附件1",
                "目录",
                "第一章 总则",
            ]
        ),
        st.integers(1, 30).map(lambda n: "长句子" * n * 10 + "。"),
    ),
    max_size=25,
)


@settings(max_examples=150, deadline=None)
@given(LINES)
def test_nothing_is_lost_and_spans_are_exact(lines):
    text = "\n".join(lines)
    source = SourceText(text=text)
    sections = read_sections(text)
    covered = set()
    for section in sections:
        covered.update(range(section.start, section.end))
    headings = {h.start: h.end for line, at in _offsets(text) if (h := read_heading(line, at))}
    for start, end in headings.items():
        covered.update(range(start, end))
    contents = any("目" in line and "录" in line for line in lines) or any(
        is_contents_line(line) for line in lines
    )
    lost = [i for i, c in enumerate(text) if not c.isspace() and i not in covered]
    assert contents or not lost
    try:
        law = split(source, "随机.txt")
    except InputError as error:
        assert "没有可入库的文字" in error.message
        return
    assert len({p.id for p in law.passages}) == len(law.passages)
    keys = [p.article_key for p in law.passages if p.article_key]
    assert len(keys) == len(set(keys))
    for passage in law.passages:
        piece = "".join(text[slice(*passage.span)].split())
        assert "".join(passage.text.split()) in piece or all(
            "".join(line.split()) in piece for line in passage.text.splitlines()
        )


def _offsets(text):
    at = 0
    for line in text.split("\n"):
        yield line, at
        at += len(line) + 1


@pytest.mark.parametrize(
    "line",
    [
        "3.1 建设用地规模控制在 120 公顷以内",
        "3.2 永久基本农田不得占用",
        "3.3 人均建设用地不宜超过 120 平方米",
        "3.4 小学服务半径应不大于 500 米",
        "3.5 绿地率≥35%",
        "（二）河道蓝线两侧各退让 30 米",
        "1. 建筑高度不超过 24 米",
    ],
)
def test_a_heading_that_rules_is_text_of_its_own(line):
    for below in ("", "\n说明文字另起一行。\n", "\n3.6.1 下一级\n文字。\n"):
        held = [
            p.text for p in passages(f"# 某县规划\n\n3 布局\n\n{line}{below}\n\n4 其他\n其他文字。")
        ]
        assert any(line in text for text in held), held


@pytest.mark.parametrize(
    "name",
    [
        "3.1 适应性评价",
        "4.2 禁止建设区",
        "5.3 应急避难场所",
        "6.1 供应保障体系",
        "7.2 适宜性分区",
        "8.1 步行15分钟生活圈",
        "1.2 面向2035年的目标",
    ],
)
def test_a_heading_that_names_stays_a_heading(name):
    heading = read_heading(name, 0)
    assert heading is not None
    assert not heading.rules


def test_ruling_lines_without_a_stop_are_cited_by_their_number():
    held = passages(
        "3 用地布局\n3.1 建设用地规模控制在 120 公顷以内\n3.2 永久基本农田不得占用\n"
        "3.3 村庄\n3.3.1 人均建设用地应不大于 120 平方米\n特殊情形另行论证。\n"
    )
    assert [(p.article, p.heading_path, p.text) for p in held] == [
        ("3.1", ("3 用地布局",), "3.1 建设用地规模控制在 120 公顷以内"),
        ("3.2", ("3 用地布局",), "3.2 永久基本农田不得占用"),
        (
            "3.3.1",
            ("3 用地布局", "3.3 村庄"),
            "3.3.1 人均建设用地应不大于 120 平方米\n特殊情形另行论证。",
        ),
    ]
