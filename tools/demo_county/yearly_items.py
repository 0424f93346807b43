"""The items of the yearly statistics: name, unit, scope, last year's value and how it changed.

Names are those of the indicators of TD/T 1063-2021 and of the municipal guide where an indicator is
filled in as it is, and those of their parts (GDP, water use, beds …) where it is a quotient.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.float64]
Rule = Callable[[dict[str, Series]], Series]
LAYER = "合成数据：2025 年值取自图层，其余年份按变化率推算"
SURVEY = "合成数据：按变化率生成，不对应任何统计年鉴"
COUNTY, CITY, TOWN = "县域", "城区", "中心城区"


@dataclass(frozen=True)
class Item:
    """One item.

    Attributes:
        value: Of the last year, where no layer gives it.
        layer: Name of the layers' figure, taken `factor` times.
        earlier: Name of the layers' figure of the first year; between them it is interpolated.
        yearly: Change a year; `noise` is the full width of random deviation of earlier years.
        of: Made from items before it.
    """

    name: str
    group: str
    unit: str
    value: float = 0.0
    yearly: float = 0.0
    decimals: int = 2
    scope: str = COUNTY
    layer: str = ""
    factor: float = 1.0
    earlier: str = ""
    noise: float = 0.006
    of: Rule | None = None
    note: str = ""


def _sum(*names: str) -> Rule:
    return lambda made: np.sum([made[name] for name in names], axis=0)


def _ratio(above: str, below: str, factor: float = 1.0) -> Rule:
    return lambda made: made[above] / made[below] * factor


def _minus(whole: str, part: str) -> Rule:
    return lambda made: made[whole] - made[part]


def _share(whole: str, factor: float) -> Rule:
    return lambda made: made[whole] * factor


def _steps(*values: float) -> Rule:
    return lambda made: np.array(values, float)


_NONE = _steps(*[float("nan")] * 6)

ITEMS: tuple[Item, ...] = (
    # Population
    Item("常住人口数量", "人口", "人", layer="people", yearly=-0.002, decimals=0),
    Item("城镇常住人口", "人口", "人", layer="urban_people", yearly=0.016, decimals=0),
    Item("乡村常住人口", "人口", "人", decimals=0, of=_minus("常住人口数量", "城镇常住人口")),
    Item("常住人口规模", "人口", "万人", of=_share("常住人口数量", 1e-4)),
    Item("常住人口城镇化率", "人口", "%", of=_ratio("城镇常住人口", "常住人口数量", 100)),
    Item("城区常住人口", "人口", "人", layer="city_people", yearly=0.018, decimals=0, scope=CITY),
    Item("户籍人口", "人口", "人", layer="people", factor=1.14, yearly=-0.001, decimals=0),
    Item("60岁及以上人口", "人口", "人", layer="old", yearly=0.021, decimals=0),
    Item("65岁及以上人口", "人口", "人", layer="old", factor=0.72, yearly=0.024, decimals=0),
    Item("学龄人口（6—14岁）", "人口", "人", layer="pupils", yearly=-0.008, decimals=0),
    Item("出生人口", "人口", "人", layer="people", factor=0.0058, yearly=-0.05, decimals=0),
    Item("死亡人口", "人口", "人", layer="people", factor=0.0076, yearly=0.01, decimals=0),
    Item("实际服务管理人口数量", "人口", "人", layer="people", factor=1.06, yearly=0.001, decimals=0),
    # Economy
    Item("第一产业增加值", "经济", "亿元", layer="people", factor=8.6e-5, yearly=0.035),
    Item("第二产业增加值", "经济", "亿元", layer="people", factor=2.15e-4, yearly=0.062),
    Item("第三产业增加值", "经济", "亿元", layer="people", factor=2.22e-4, yearly=0.058),
    Item("地区生产总值", "经济", "亿元", of=_sum("第一产业增加值", "第二产业增加值", "第三产业增加值")),
    Item("工业增加值", "经济", "亿元", of=_share("第二产业增加值", 0.86)),
    Item("一般公共预算收入", "经济", "亿元", layer="people", factor=3.1e-5, yearly=0.03),
    Item("土地出让收入", "经济", "亿元", layer="people", factor=1.5e-5, yearly=-0.09, noise=0.05),
    Item("政府预算收入", "经济", "亿元", of=lambda m: m["一般公共预算收入"] + m["土地出让收入"] * 1.12, note="一般公共预算收入与政府性基金预算收入之和"),
    Item("土地出让收入占政府预算收入比例", "经济", "%", of=_ratio("土地出让收入", "政府预算收入", 100)),
    Item("研究与试验发展经费支出", "经济", "亿元", of=_share("地区生产总值", 0.0142)),
    Item("发明专利拥有量", "经济", "件", layer="people", factor=7.5e-4, yearly=0.11, decimals=0),
    Item("从业人员", "经济", "人", layer="people", factor=0.56, yearly=-0.004, decimals=0),
    Item("城镇年新增就业人数", "经济", "人", layer="urban_people", factor=0.021, yearly=-0.01, decimals=0),
    Item("城镇居民人均可支配收入", "经济", "元", value=41_850, yearly=0.049, decimals=0),
    Item("农村居民人均可支配收入", "经济", "元", value=23_960, yearly=0.066, decimals=0),
    Item("对外贸易进出口总额", "经济", "亿元", value=6.4, yearly=0.05),
    Item("实际利用外资", "经济", "万美元", value=1_250, yearly=0.02, decimals=0),
    Item("国内旅游人数", "经济", "万人次", value=286, yearly=0.11, decimals=1, noise=0.1),
    # Water
    Item("农业用水量", "水资源", "万立方米", layer="cultivated", factor=0.22, yearly=-0.011),
    Item("工业用水量", "水资源", "万立方米", layer="people", factor=0.0076, yearly=-0.008),
    Item("生活用水量", "水资源", "万立方米", layer="people", factor=0.0052, yearly=0.012),
    Item("生态环境用水量", "水资源", "万立方米", layer="people", factor=0.0012, yearly=0.04),
    Item("用水总量", "水资源", "万立方米", of=_sum("农业用水量", "工业用水量", "生活用水量", "生态环境用水量")),
    Item("人均年用水量", "水资源", "立方米", decimals=1, of=_ratio("用水总量", "常住人口数量", 1e4)),
    Item("每万元GDP水耗", "水资源", "立方米", decimals=1, of=_ratio("用水总量", "地区生产总值")),
    Item("水资源总量", "水资源", "万立方米", layer="county", factor=0.78, noise=0.3),
    Item("地下水水位", "水资源", "米", value=8.35, yearly=-0.006, noise=0.03, note="浅层地下水平均埋深"),
    Item("地下水供水量", "水资源", "万立方米", of=_share("用水总量", 0.062)),
    Item("再生水利用率", "水资源", "%", value=22.5, yearly=0.06, decimals=1),
    Item("重要江河湖泊水功能区水质达标率", "水资源", "%", of=_steps(85.7, 85.7, 92.9, 92.9, 100.0, 100.0), decimals=1),
    # Energy and environment
    Item("能源消费总量", "能源环境", "万吨标准煤", layer="people", factor=1.72e-4, yearly=0.021),
    Item("每万元GDP能耗", "能源环境", "吨标准煤", decimals=3, of=_ratio("能源消费总量", "地区生产总值")),
    Item("新能源和可再生能源比例", "能源环境", "%", value=19.6, yearly=0.07, decimals=1),
    Item("单位GDP二氧化碳排放降低比例", "能源环境", "%", value=3.6, decimals=1, noise=0.3),
    Item("年空气质量优良天数", "能源环境", "天", value=318, yearly=0.006, decimals=0, noise=0.03),
    Item("降雨就地消纳率", "能源环境", "%", value=68.5, yearly=0.012, decimals=1, scope=TOWN),
    Item("城镇生活垃圾回收利用率", "能源环境", "%", value=36.2, yearly=0.045, decimals=1, scope=TOWN),
    Item("农村生活垃圾处理率", "能源环境", "%", of=_steps(90.5, 92.8, 95.1, 97.0, 98.6, 99.2), decimals=1),
    Item("本地指示性物种种类", "能源环境", "种", of=_steps(31, 31, 32, 32, 33, 33), decimals=0),
    Item("森林覆盖面积", "能源环境", "公顷", layer="forest", yearly=0.0012),
    Item("森林蓄积量", "能源环境", "万立方米", layer="stocked", factor=0.0072, yearly=0.021),
    # Land
    Item("行政区域面积", "土地", "公顷", layer="county", noise=0.0),
    Item("森林覆盖率", "土地", "%", of=_ratio("森林覆盖面积", "行政区域面积", 100)),
    Item("耕地面积", "土地", "公顷", layer="cultivated", yearly=-0.0008, noise=0.0),
    Item("耕地保有量", "土地", "公顷", of=_share("耕地面积", 1.0)),
    Item("高标准农田面积", "土地", "公顷", layer="cultivated", factor=0.61, yearly=0.045),
    Item("永久基本农田保护面积", "土地", "公顷", layer="farmland", earlier="farmland_2020"),
    Item("生态保护红线面积", "土地", "公顷", layer="redline", earlier="redline_2020"),
    Item("历史文化保护线面积", "土地", "公顷", layer="heritage", yearly=0.03, noise=0.0),
    Item("林地保有量", "土地", "公顷", layer="forest", yearly=0.0012, noise=0.0),
    Item("草地面积", "土地", "公顷", layer="grass", yearly=-0.004),
    Item("基本草原面积", "土地", "公顷", of=_steps(0, 0, 0, 0, 0, 0), note="本县未划定基本草原"),
    Item("湿地面积", "土地", "公顷", layer="wetland", yearly=0.002),
    Item("建设用地总面积", "土地", "公顷", layer="built", yearly=0.011, noise=0.0),
    Item("城乡建设用地面积", "土地", "公顷", layer="town_and_village", yearly=0.009, noise=0.0),
    Item("城镇建设用地面积", "土地", "公顷", layer="town", yearly=0.017, noise=0.0),
    Item("城区建设用地面积", "土地", "公顷", layer="city", yearly=0.018, noise=0.0, scope=CITY),
    Item("村庄建设用地面积", "土地", "公顷", layer="village", yearly=0.003, noise=0.0),
    Item("城乡工业用地面积", "土地", "公顷", layer="industry", yearly=0.022, noise=0.0),
    Item("城乡居住用地面积", "土地", "公顷", layer="homes", yearly=0.006, noise=0.0),
    Item("城镇住宅用地面积", "土地", "公顷", layer="town_homes", yearly=0.014, noise=0.0),
    Item("人均城镇建设用地面积", "土地", "平方米", decimals=1, of=_ratio("城镇建设用地面积", "城镇常住人口", 1e4)),
    Item("城乡工业用地占城乡建设用地的比例", "土地", "%", of=_ratio("城乡工业用地面积", "城乡建设用地面积", 100)),
    Item("每万元GDP地耗", "土地", "平方米", of=_ratio("建设用地总面积", "地区生产总值")),
    Item("大陆自然海岸线保有率", "土地", "%", of=_NONE, note="本县不临海，不适用"),
    Item("闲置土地总面积", "土地", "公顷", value=46.8, yearly=-0.06),
    Item("已处置闲置土地面积", "土地", "公顷", of=lambda m: m["闲置土地总面积"] * np.array([0.31, 0.34, 0.4, 0.45, 0.52, 0.58])),
    Item("闲置土地处置率", "土地", "%", of=_ratio("已处置闲置土地面积", "闲置土地总面积", 100)),
    Item("土地供应总面积", "土地", "公顷", value=88.4, yearly=-0.04, noise=0.08),
    Item("存量土地供应面积", "土地", "公顷", of=lambda m: m["土地供应总面积"] * np.array([0.22, 0.25, 0.27, 0.33, 0.36, 0.41])),
    Item("存量土地供应比例", "土地", "%", of=_ratio("存量土地供应面积", "土地供应总面积", 100)),
    Item("批而未供土地面积", "土地", "公顷", value=102.5, yearly=-0.07),
    Item("已处置批而未供土地面积", "土地", "公顷", of=_share("批而未供土地面积", 0.24)),
    Item("新增城市更新改造用地面积", "土地", "公顷", value=9.6, yearly=0.08, scope=CITY),
    Item("违法违规调整规划、用地用海等事件数量", "土地", "件", of=_steps(7, 5, 4, 4, 2, 1), decimals=0),
    Item("自然和文化遗产", "土地", "处", layer="sites", yearly=0.02, decimals=0),
    # The town
    Item("城区面积", "城区", "平方千米", layer="urban_km2", yearly=0.018, decimals=4, noise=0.0, scope=CITY),
    Item("城区常住人口密度", "城区", "人/平方千米", decimals=0, scope=CITY, of=_ratio("城区常住人口", "城区面积")),
    Item("城区道路总长度", "城区", "千米", layer="streets_km", yearly=0.022, scope=CITY),
    Item("城区道路网密度", "城区", "千米/平方千米", scope=CITY, of=_ratio("城区道路总长度", "城区面积")),
    Item("道路网密度", "城区", "千米/平方千米", scope=TOWN, of=_ratio("城区道路总长度", "城区面积")),
    Item("城区建筑基底面积", "城区", "公顷", layer="city", factor=0.271, yearly=0.019, scope=CITY),
    Item("城区建筑密度", "城区", "%", scope=CITY, of=_ratio("城区建筑基底面积", "城区建设用地面积", 100)),
    Item("城区建筑总量", "城区", "万平方米", layer="city", factor=0.98, yearly=0.024, scope=CITY),
    Item("城区透水表面占比", "城区", "%", value=36.4, yearly=-0.004, decimals=1, scope=CITY),
    Item("城市内涝积水点数量", "城区", "个", layer="flooding", yearly=-0.09, decimals=0, noise=0.0, scope=CITY),
    Item("超高层建筑数量", "城区", "幢", of=_steps(0, 0, 0, 0, 0, 0), decimals=0, scope=CITY),
    Item("“统一平台”建设及应用的县级单元比例", "城区", "%", of=_steps(0, 0, 0, 100, 100, 100), decimals=0),
    Item("公园绿地面积", "城区", "公顷", layer="parks", yearly=0.03, noise=0.0, scope=CITY),
    Item("人均公园绿地面积", "城区", "平方米", scope=CITY, of=_ratio("公园绿地面积", "城区常住人口", 1e4)),
    Item("应急避难场所面积", "城区", "公顷", layer="shelters", yearly=0.04, noise=0.0),
    Item("人均应急避难场所面积", "城区", "平方米", of=_ratio("应急避难场所面积", "常住人口数量", 1e4)),
    Item("体育用地面积", "城区", "公顷", layer="sport", yearly=0.03, noise=0.0, scope=TOWN),
    Item("人均体育用地面积", "城区", "平方米", scope=TOWN, of=_ratio("体育用地面积", "城区常住人口", 1e4)),
    Item("综合管廊长度", "城区", "千米", of=_steps(0, 0, 1.2, 1.2, 2.6, 3.4), scope=CITY),
    # Travel
    Item("城市对外日均人流联系量", "交通", "万人次", layer="people", factor=1.9e-5, yearly=0.03, noise=0.06),
    Item("工作日平均通勤时间", "交通", "分钟", value=19.4, yearly=0.006, decimals=1, scope=TOWN),
    Item("45分钟通勤时间内居民占比", "交通", "%", value=93.1, yearly=-0.001, decimals=1, scope=TOWN),
    Item("绿色交通出行比例", "交通", "%", value=71.3, yearly=-0.003, decimals=1, scope=TOWN),
    Item("都市圈1小时人口覆盖率", "交通", "%", value=88.0, yearly=0.01, decimals=1),
    Item("轨道交通站点800米半径服务覆盖率", "交通", "%", scope=TOWN, of=_NONE, note="本县没有城市轨道交通，不适用"),
    Item("铁路年客运量", "交通", "万人次", value=42.6, yearly=0.08, noise=0.15),
    # Services
    Item("医疗卫生机构床位数", "公共服务", "张", layer="beds", yearly=0.02, decimals=0, noise=0.0),
    Item("每千人口医疗卫生机构床位数", "公共服务", "张", of=_ratio("医疗卫生机构床位数", "常住人口数量", 1000)),
    Item("养老床位数", "公共服务", "张", layer="care_beds", yearly=0.05, decimals=0, noise=0.0),
    Item("每千名老年人养老床位数", "公共服务", "张", decimals=1, of=_ratio("养老床位数", "60岁及以上人口", 1000)),
    Item("中小学在校学生", "公共服务", "人", layer="pupils", factor=1.12, yearly=-0.008, decimals=0),
    Item("城镇住房建筑面积", "公共服务", "万平方米", layer="urban_people", factor=0.00418, yearly=0.021),
    Item("城镇人均住房面积", "公共服务", "平方米", decimals=1, of=_ratio("城镇住房建筑面积", "城镇常住人口", 1e4)),
    Item("公共租赁住房套数", "公共服务", "套", value=1_860, yearly=0.02, decimals=0),
    Item("年新增政策性住房占比", "公共服务", "%", value=14.2, yearly=0.05, decimals=1, scope=CITY),
    Item("农村自来水普及率", "公共服务", "%", of=_steps(91.2, 92.4, 93.9, 95.3, 96.8, 97.5), decimals=1),
)  # fmt: skip
"""Items that others are made from come first."""
