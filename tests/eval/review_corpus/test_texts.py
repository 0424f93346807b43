"""The clean texts are what they claim: long, of several kinds, and consistent."""

import itertools
import re
from pathlib import Path

import docx
import pytest
import yaml

from eval.review_corpus.case import TEXTS, names
from eval.review_corpus.docx_places import paragraphs
from eval.review_corpus.facts import in_unit
from eval.review_corpus.planting import float_of

NAMES = names()
LAW = re.compile(r"《([^》]+)》(第[一二三四五六七八九十百零]+条)?")
IN_FORCE = {  # title: first and last day of the version that the texts may rest on
    "中华人民共和国生态环境法典": ("2026-08-15", "9999"),
    "中华人民共和国环境保护法": ("2015-01-01", "2026-08-14"),
    "中华人民共和国环境影响评价法": ("2018-12-29", "2026-08-14"),
    "中华人民共和国粮食安全保障法": ("2024-06-01", "9999"),
    "中华人民共和国湿地保护法": ("2022-06-01", "9999"),
    "中华人民共和国土地管理法": ("2020-01-01", "9999"),
    "中华人民共和国土地管理法实施条例": ("2021-09-01", "9999"),
}

WIDE = str.maketrans("０１２３４５６７８９．％－", "0123456789.%-")
TOTALS = ("合计", "全县", "全村", "国土总面积", "全县合计", "城镇建设用地小计")


def grids(path: Path) -> list[list[list[str]]]:
    """Return each table as rows of cell texts, narrow digits; a merged cell repeats its text."""
    found = []
    for table in docx.Document(str(path)).tables:
        found.append([[cell.text.translate(WIDE) for cell in row.cells] for row in table.rows])
    return found


def value(text: str) -> float | None:
    """Return a cell's number, or None where it holds something else."""
    return float(text) if re.fullmatch(r"-?\d+(\.\d+)?", text) else None


def total_row(grid: list[list[str]]) -> int | None:
    """Return the row of totals."""
    return next((i for i, row in enumerate(grid) if row[0] in TOTALS or row[1] in TOTALS), None)


def head_rows(grid: list[list[str]]) -> int:
    """Return how many rows come before the first with two numbers."""
    for index, row in enumerate(grid):
        if sum(value(cell) is not None for cell in row[1:]) >= 1 and value(row[-1]) is not None:
            return index
    return 1


def test_there_are_eight_texts_of_five_types(clean):
    types = {case.meta["plan_type"] for case, _ in clean.values()}
    assert len(clean) >= 8
    assert {"县级总体规划", "乡镇总体规划", "村庄规划", "详细规划", "用地报告"} <= types


@pytest.mark.parametrize("name", NAMES)
def test_a_text_is_long_enough_and_has_tables(clean, name):
    case, folder = clean[name]
    written = "".join(paragraphs(folder / "text.docx"))
    assert len(written) >= 6000  # 15 pages and more as LibreOffice sets them
    assert len(case.text.tables()) >= 6


@pytest.mark.parametrize("name", NAMES)
def test_columns_add_up(clean, name):
    checked = 0
    for grid in grids(clean[name][1] / "text.docx"):
        last = total_row(grid)
        if last is None:
            continue
        for column in range(1, len(grid[0])):
            parts = [value(row[column]) for row in grid[head_rows(grid) : last]]
            total = value(grid[last][column])
            if (
                total is None
                or None in parts
                or "占比" in grid[0][column]
                or "容积率" in grid[0][column]
            ):
                continue
            decimals = len(grid[last][column].partition(".")[2])
            assert sum(parts) == pytest.approx(total, abs=0.51 * 10**-decimals * len(parts)), grid[
                0
            ]
            checked += 1
    assert checked >= 4


@pytest.mark.parametrize("name", NAMES)
def test_present_plan_and_change_agree(clean, name):
    checked = 0
    for grid in grids(clean[name][1] / "text.docx"):
        heads = [" ".join(row[c] for row in grid[: head_rows(grid)]) for c in range(len(grid[0]))]
        changes = [i for i, h in enumerate(heads) if re.search("增减|变化|较2020年", h)]
        if not changes:
            continue
        areas = [
            i
            for i in range(1, changes[0])
            if not re.search("占比|比重|比例|2025年|单位|属性|等级", heads[i])
        ]
        for row in grid[head_rows(grid) :]:
            present, plan, change = (value(row[i]) for i in (areas[0], areas[-1], changes[0]))
            if None not in (present, plan, change):
                assert plan - present == pytest.approx(change, abs=0.011), row
                checked += 1
    assert checked >= 5 or name in ("chengdong", "lufeng", "yanbei")


@pytest.mark.parametrize("name", NAMES)
def test_shares_are_part_over_whole(clean, name):
    checked = 0
    for grid in grids(clean[name][1] / "text.docx"):
        last = total_row(grid)
        heads = [" ".join(row[c] for row in grid[: head_rows(grid)]) for c in range(len(grid[0]))]
        for column, head in enumerate(heads):
            if (
                last is None
                or not re.search("占比|比重|比例", head)
                or grid[last][column] != "100.00"
            ):
                continue
            whole = value(grid[last][column - 1])
            for row in grid[head_rows(grid) : last]:
                share = value(row[column])
                assert value(row[column - 1]) / whole * 100 == pytest.approx(share, abs=0.0051), row
                checked += 1
    assert checked >= 5


@pytest.mark.parametrize("name", NAMES)
def test_numbers_are_written_as_the_fact_sheet_has_them(clean, name):
    case, _ = clean[name]
    for piece in case.facts_everywhere():
        right = in_unit(piece.data["value"], piece.data["unit"])
        assert float_of(piece) == pytest.approx(right, abs=0.51 * 10 ** -piece.data["decimals"])


@pytest.mark.parametrize("name", NAMES)
def test_plans_keep_their_own_limits(clean, name):
    case, _ = clean[name]
    for upper in case.upper:
        mine = in_unit(case.facts.value(upper["fact"]), upper["unit"])
        slack = 0.006
        assert (
            mine >= upper["value"] - slack
            if upper["direction"] == ">="
            else mine <= upper["value"] + slack
        )
    values = case.facts.values
    if "yn_2035" in values:
        assert values["yn_2035"] <= values["gd_2035"]
    if "bj_2035" in values:
        assert values["bj_2035"] / values["cz_2020"] <= 1.3
    for piece in case.facts_everywhere():
        whole = next((f[6:] for f in piece.data["flags"].split() if f.startswith("whole=")), None)
        assert whole is None or piece.data["value"] <= values[whole]


@pytest.mark.parametrize("name", NAMES)
def test_references_lead_to_tables(clean, name):
    case, _ = clean[name]
    captions = [t.caption.pieces[0].text.strip("　") for t in case.text.tables()]
    assert len(set(captions)) == len(captions)
    assert all(piece.text in captions for _, piece in case.pieces("ref"))


@pytest.mark.parametrize("name", NAMES)
def test_cited_laws_are_in_force_on_the_texts_date(clean, name):
    case, folder = clean[name]
    date = case.meta["text_date"]
    for title, _ in LAW.findall("".join(paragraphs(folder / "text.docx"))):
        first, last = IN_FORCE.get(title, ("", "9999"))
        assert first <= date <= last, title


@pytest.mark.corpus
@pytest.mark.parametrize("name", NAMES)
def test_quotations_are_the_laws_words(clean, name, shared):
    case, _ = clean[name]
    laws = {}
    for file in (shared / "corpus" / "laws").glob("*.md"):
        title = re.sub(r"\(.*", "", file.stem)
        laws[title] = file.read_text(encoding="utf-8")
    checked = 0
    for paragraph, piece in case.pieces("quote"):
        before = paragraph.pieces[: paragraph.pieces.index(piece)]
        title = next((p.text for p in reversed(before) if p.tag == "law"), None)
        article = next((p.text for p in reversed(before) if p.tag == "art"), None)
        if title is None and piece.text == "谁损毁，谁复垦":
            title, article = "《土地复垦条例》", "第三条"
        law = laws[title.strip("《》").replace("中华人民共和国", "")]
        clause = _article(law, article)
        assert piece.text.rstrip("。") in clause, (title, article, piece.text)
        checked += 1
    assert checked >= 1


def _article(law: str, article: str) -> str:
    """Return the words of an article: from the line it begins to the line of the next."""
    begin = re.compile(r"^\W*第[一二三四五六七八九十百零千]+条\W", re.MULTILINE)
    starts = [found.start() for found in begin.finditer(law)]
    for start, end in itertools.pairwise([*starts, len(law)]):
        if law[start:].lstrip("*# \u3000\n").startswith(article):
            return re.sub(r"\s", "", law[start:end])
    raise AssertionError(f"no {article}")


def test_nothing_is_left_over_in_the_sources():
    for name in NAMES:
        sheet = yaml.safe_load((TEXTS / f"{name}.yaml").read_text(encoding="utf-8"))
        assert sheet["restate"] and sheet["contradict"]
        source = (TEXTS / f"{name}.md").read_text(encoding="utf-8")
        for entry in sheet["contradict"]:
            assert source.count(entry["against"]) == 1, (name, entry["against"])


@pytest.mark.parametrize("name", NAMES)
def test_clean_words_are_todays(clean, name):
    case, _ = clean[name]
    plain = "".join(
        piece.text
        for p in case.text.body()
        for piece in p.pieces
        if piece.tag not in ("neg", "law")
    )
    for old in (
        "生态红线",
        "城市开发边界",
        "国土资源局",
        "环境保护局",
        "土地利用总体规划",
        "㎡",
    ):
        kept = plain.replace("应当符合乡（镇）土地利用总体规划", "")  # the law's own words
        assert old not in kept, old
    whole = "".join(p.text for p in case.text.body())
    assert not [stops for stops in ("，，", "。。", "，。") if stops in whole]
