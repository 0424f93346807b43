"""Yearly statistics for the county that fits in the head, and a small demo county."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

HEAD = ("年份", "指标项", "类别", "范围", "单位", "数值", "来源", "说明")
# 1000 people of whom 600 in the town, 0.4 亿元, 20 万立方米 of water: quotients are round numbers.
FIGURES = (
    ("常住人口数量", "县域", "人", 1000),
    ("城镇常住人口", "县域", "人", 600),
    ("城区常住人口", "城区", "人", 500),
    ("60岁及以上人口", "县域", "人", 200),
    ("城区面积", "城区", "平方千米", 0.25),
    ("地区生产总值", "县域", "亿元", 0.4),
    ("农业用水量", "县域", "万立方米", 12),
    ("工业用水量", "县域", "万立方米", 5),
    ("生活用水量", "县域", "万立方米", 2),
    ("生态环境用水量", "县域", "万立方米", 1),
    ("用水总量", "县域", "万立方米", 20),
    ("城镇建设用地面积", "县域", "公顷", 6),
    ("城镇住房建筑面积", "县域", "万平方米", 2.4),
    ("医疗卫生机构床位数", "县域", "张", 6),
    ("养老床位数", "县域", "张", 8),
    ("应急避难场所面积", "县域", "公顷", 0.2),
    ("地下水水位", "县域", "米", 8.5),
    ("农村生活垃圾处理率", "县域", "%", 98),
)


def write_table(file: Path, rows: list[tuple[object, ...]], head: tuple[str, ...] = HEAD) -> Path:
    with file.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(head)
        writer.writerows(rows)
    return file


@pytest.fixture
def write_statistics(tmp_path: Path) -> Callable[..., Path]:
    """Write the figures of 2025 and further rows as (year, item, scope, unit, value)."""

    def write(*more: tuple[object, ...], without: str = "") -> Path:
        rows = [(2025, *figure) for figure in FIGURES if figure[0] != without] + list(more)
        whole = [
            (y, item, "类", scope, unit, value, "测试", "") for y, item, scope, unit, value in rows
        ]
        return write_table(tmp_path / "statistics.csv", whole)

    return write


@pytest.fixture(scope="session")
def demo(demo_county: Path) -> Path:
    return demo_county
