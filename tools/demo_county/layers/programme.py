"""What the plan of 2020 wanted done: its projects and measures, as the assessment reads them."""

import csv
import io
from collections.abc import Sequence

from tools.demo_county.products import document

PROJECTS = (
    (
        "项目名称",
        "项目类型",
        "用地规模（公顷）",
        "计划开工年",
        "计划完成年",
        "状态",
        "责任单位",
        "所在乡镇",
        "来源",
    ),
    ("县人民医院迁建", "公共服务", 6.5, 2022, 2025, "已完成", "县卫生健康局", "城关镇"),
    ("循环经济产业园一期", "产业", 35.2, 2023, 2025, "在建", "县发展改革局", "白沙镇"),
    ("城东污水处理厂", "基础设施", 4.1, 2024, 2027, "在建", "县住房城乡建设局", "城关镇"),
    ("城北初级中学", "公共服务", 3.2, 2022, 2024, "已完成", "县教育局", "城关镇"),
    ("东河镇防洪堤防", "水利", 9.8, 2023, 2026, "在建", "县水利局", "东河镇"),
    ("南湖湿地公园", "生态", 18.0, 2025, 2026, "未开工", "县自然资源局", "南湖镇"),
    ("西山水库除险加固", "水利", 12.3, 2026, 2028, "未开工", "县水利局", "西山乡"),
    ("柳溪旅游公路", "交通", 21.6, 2024, 2026, "已取消", "县交通运输局", "柳溪镇"),
)
POLICIES = (
    ("政策措施", "责任单位", "完成期限", "状态", "来源"),
    ("低效用地再开发实施办法", "县自然资源局", 2024, "推进中"),
    ("永久基本农田储备区管理细则", "县自然资源局", 2025, "已出台"),
    ("村庄规划编制三年行动方案", "县自然资源局", 2023, "已出台"),
    ("历史文化街区保护管理办法", "县文化和旅游局", 2026, "未启动"),
)
SOURCE = "合成数据：不对应任何真实项目或文件"


@document("projects.csv")
def projects_list() -> bytes:
    """Near-term projects of the plan."""
    return _csv(PROJECTS)


@document("policies.csv")
def policies_list() -> bytes:
    """Measures of the plan."""
    return _csv(POLICIES)


def _csv(rows: Sequence[tuple[object, ...]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(rows[0])
    writer.writerows((*row, SOURCE) for row in rows[1:])
    return text.getvalue().encode("utf-8-sig")
