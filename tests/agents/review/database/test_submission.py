"""A submission with a plan database on disk: what is found, where, and what is left out."""

import json
import re
from datetime import UTC, datetime

import pytest
from lxml import etree

from agents.review.case import Facts
from agents.review.check import checks
from agents.review.run import review
from agents.review.submission import case_of
from agents.review.write.files import save
from agents.review.write.sketch import WIDTH, sketches
from cspon.cli.main import run
from cspon.schemas.review import Severity

from .conftest import box, write

AT = datetime(2026, 11, 1, tzinfo=UTC)
OWN = ("database_indicator", "spatial_area", "spatial_place", "line_conflict", "three_lines", "map_title")  # fmt: skip
TEXT = """# 示例县国土空间总体规划（2021—2035年）
规划期限为2021—2035年，规划基期为2020年。
到2035年，全县永久基本农田保护面积不低于{farmland}公顷，生态保护红线面积不低于{redline}平方千米，城镇开发边界面积控制在0.225万亩以内。
## 重点项目
| 序号 | 项目名称 | 项目类型 | 所在乡镇 | 用地面积（公顷） |
| --- | --- | --- | --- | --- |
| 1 | 城北循环经济产业园 | 产业 | {town} | {site} |
| 2 | 城东污水处理厂 | 基础设施 | 乙水镇 | 2.00 |
## 图件
图1 国土空间控制线规划图（{year}年）
"""
RIGHT = {"farmland": "600", "redline": "5.00", "town": "甲水镇", "site": "25.00", "year": "2035"}


@pytest.fixture
def submitted(tmp_path):
    """Return a function that writes a submission and reviews it with the checks of this folder."""

    def submit(*, park=(60, 0, 65, 5), **changed):
        folder = tmp_path / "database"
        write(
            folder / "990101示例县.gpkg",
            {
                "XZQ": ([box(0, 0, 100, 50)], {"XZQMC": ["示例县"]}),
                "XZQ_XZ": ([box(0, 0, 70, 50), box(70, 0, 100, 50)], {"XZQMC": ["甲水镇", "乙水镇"]}),
                "YJJBNTBHTB": ([box(0, 0, 30, 10), box(0, 10, 30, 20)], {"BSM": ["1", "2"]}),
                "STBHHX": ([box(30, 0, 55, 20)], {"HXMC": ["南山生态保护红线"]}),
                "CZKFBJ": ([box(60, 0, 75, 10)], {"FQLX": ["城镇集中建设区"]}),
            },
        )  # fmt: skip
        write(
            folder / "重点项目.gpkg",
            {"ZDXM": ([box(*park), box(80, 0, 82, 1)], {"XMMC": ["城北循环经济产业园", "城东污水处理厂"]})},
        )  # fmt: skip
        text = tmp_path / "text.md"
        text.write_text(TEXT.format(**RIGHT | changed), encoding="utf-8")
        case = case_of(text, Facts(region="示例县"), database=folder)
        return case, review(case, only=[checks()[name] for name in OWN])

    return submit


def test_a_text_that_agrees_has_no_findings(submitted):
    _, done = submitted()
    assert done.findings == ()
    assert done.not_reviewed == ()


def test_a_project_that_the_database_lacks_is_told(submitted, tmp_path):
    case, _ = submitted()
    text = tmp_path / "text.md"
    text.write_text(
        text.read_text(encoding="utf-8").replace("城东污水处理厂", "城南水厂"), encoding="utf-8"
    )
    done = review(
        case_of(text, case.facts, database=tmp_path / "database"), only=[checks()["line_conflict"]]
    )
    (left,) = done.not_reviewed
    assert left.what == "文本所列项目"
    assert left.why.endswith("城南水厂")


def test_every_difference_is_found_at_its_words(submitted):
    _, done = submitted(
        farmland="660",
        redline="5.02",
        town="乙水镇",
        site="52.00",
        year="2030",
        park=(50, 0, 55, 5),
    )
    found = {(f.kind, f.place.quote): f for f in done.findings}
    assert set(found) == {
        ("numbers.database", "660公顷"), ("numbers.database", "5.02平方千米"), ("spatial.area", "52.00"),
        ("spatial.place", "乙水镇"), ("spatial.line_conflict", "城北循环经济产业园"), ("numbers.map_title", "2030"),
    }  # fmt: skip
    conflict = found["spatial.line_conflict", "城北循环经济产业园"]
    assert conflict.severity is Severity.SERIOUS
    assert "生态保护红线内 25.0" in conflict.message
    assert "城镇开发边界外 25.0" in conflict.message
    features = [place.feature for place in conflict.also]
    assert any(f.startswith("ZDXM/1 城北循环经济产业园") for f in features)
    assert any(f.startswith("STBHHX/1 南山生态保护红线") for f in features)
    assert {p.file for p in conflict.also} == {
        "database/990101示例县.gpkg",
        "database/重点项目.gpkg",
    }
    assert any(b.title == "中华人民共和国生态环境法典" and b.verified for b in conflict.basis)


def test_lines_that_overlap_are_at_their_features(submitted, tmp_path):
    case, _ = submitted()
    write(tmp_path / "database" / "990101示例县.gpkg", {
        "YJJBNT": ([box(0, 0, 31, 10)], {"BSM": ["1"]}),
        "STBHHX": ([box(30, 0, 55, 20)], {"HXMC": ["南山生态保护红线"]}),
    })  # fmt: skip
    done = review(
        case_of(tmp_path / "text.md", case.facts, database=tmp_path / "database"),
        only=[checks()["three_lines"]],
    )
    (finding,) = done.findings
    assert finding.place.feature.startswith("YJJBNT/1")
    assert "重叠 10.0000 公顷" in finding.message
    assert any("城镇开发边界" in left.why for left in done.not_reviewed)


def test_a_conflict_is_drawn_without_coordinates(submitted, tmp_path):
    case, done = submitted(park=(50, 0, 58, 5))
    maps = sketches(done, case.database)
    conflict = next(f for f in done.findings if f.kind == "spatial.line_conflict")
    drawn = etree.fromstring(maps[conflict.id])
    paths = [path for path in drawn if path.tag == "path"]
    assert any(path.get("stroke") == "#c0392b" for path in paths)  # the redline
    assert sum(path.get("stroke") == "#111" for path in paths) == 1
    pairs = [p for path in paths for p in re.findall(r"-?[\d.]+,-?[\d.]+", path.get("d"))]
    values = [float(value) for pair in pairs for value in pair.split(",")]
    assert min(values) >= 0
    assert max(values) <= WIDTH
    made = save(done, case.text, tmp_path / "text.md", tmp_path / "out", at=AT, maps=maps)
    assert maps[conflict.id] in made["网页"].read_text(encoding="utf-8")


def test_findings_of_the_database_are_written_out(submitted, tmp_path):
    case, done = submitted(farmland="660")
    made = save(
        done,
        case.text,
        tmp_path / "text.md",
        tmp_path / "out",
        at=AT,
    )
    assert "YJJBNTBHTB" in made["网页"].read_text(encoding="utf-8")
    (finding,) = json.loads(made["数据"].read_text(encoding="utf-8"))["findings"]
    assert finding["also"][0]["feature"] == "YJJBNTBHTB"


def test_command_line(submitted, tmp_path, capsys):
    submitted(farmland="660")
    text, database = str(tmp_path / "text.md"), str(tmp_path / "database")
    assert run(["review", text, "--database", database]) == 1
    told = capsys.readouterr().out.replace("\n", "")
    assert "数据库永久基本农田为 600" in told
    assert run(["review", text, "--database", str(tmp_path / "no")]) == 2
