"""Headers as they are printed: notices, orders, standards, plans, local rules (all written here)."""

from datetime import date

import pytest

from knowledge_base.cut.chunk import split
from knowledge_base.parse.source import SourceText

BODY = "\n\n一、总体要求\n\n坚持节约优先、保护优先，统筹开展各项工作，落实最严格的耕地保护制度。\n\n二、工作安排\n\n各地要按照要求组织实施，及时报告工作进展情况。\n\n"
RULES = "\n\n第一条 为了加强管理，制定本办法。\n\n第二条 本办法适用于本行政区域。\n\n"


def case(name, text, **expected):
    return pytest.param(name, text, expected, id=name)


HEADERS = [
    case(
        "部门通知.docx",
        "自然资源部文件\n自然资发〔2023〕234号\n\n自然资源部关于印发《国土空间调查、\n规划、用途管制用地用海分类指南》的通知\n\n各省、自治区、直辖市自然资源主管部门：\n现将有关事项通知如下。"
        + BODY
        + "附件：国土空间调查、规划、用途管制用地用海分类指南\n\n自然资源部\n2023年11月22日\n\n（此件公开发布）\n",
        title="自然资源部关于印发《国土空间调查、规划、用途管制用地用海分类指南》的通知",
        number="自然资发〔2023〕234号",
        issuer="自然资源部",
        level="国家",
        region=None,
        kind="政策文件",
        published=date(2023, 11, 22),
        effective_from=date(2023, 11, 22),
        version="2023-11-22",
    ),
    case(
        "联合通知.txt",
        "自然资源部 农业农村部 国家林业和草原局关于严格耕地用途管制有关问题的通知\n自然资发〔2021〕166号\n\n各省、自治区、直辖市人民政府："
        + BODY
        + "本通知自印发之日起执行，有效期五年。\n\n自然资源部\n农业农村部\n国家林业和草原局\n2021年11月27日\n",
        number="自然资发〔2021〕166号",
        issuer="自然资源部、农业农村部、国家林业和草原局",
        kind="政策文件",
        published=date(2021, 11, 27),
        effective_from=date(2021, 11, 27),
        effective_to=date(2026, 11, 27),
        note="",
    ),
    case(
        "办公厅.txt",
        "自然资源部办公厅关于加强国土空间规划监督管理的通知\n\n自然资办发〔2020〕27号\n\n各派出机构："
        + BODY
        + "自然资源部办公厅\n二〇二〇年五月二十二日\n",
        number="自然资办发〔2020〕27号",
        issuer="自然资源部办公厅",
        published=date(2020, 5, 22),
    ),
    case(
        "原国土.txt",
        "国土资源部关于全面实行永久基本农田特殊保护的通知\n国土资规〔2018〕1号\n\n各省级国土资源主管部门："
        + BODY
        + "本通知自下发之日起执行，有效期5年。《国土资源部关于加强基本农田保护的通知》（国土资发〔2009〕1号）同时废止。\n国土资源部\n2018年2月13日",
        issuer="国土资源部",
        number="国土资规〔2018〕1号",
        effective_to=date(2023, 2, 13),
        supersedes=("国土资源部关于加强基本农田保护的通知",),
    ),
    case(
        "废止文号.txt",
        "某省自然资源厅关于做好占补平衡工作的通知\n\n各市："
        + BODY
        + "国土资发〔2009〕168号同时废止。\n某省自然资源厅\n2025年1月2日",
        supersedes=("国土资发〔2009〕168号",),
        published=date(2025, 1, 2),
    ),
    case(
        "管理办法试行.txt",
        "城镇开发边界管理办法（试行）\n\n自然资规〔2026〕1号"
        + RULES
        + "第三条 本办法自印发之日起施行，有效期5年。\n",
        title="城镇开发边界管理办法（试行）",
        number="自然资规〔2026〕1号",
        kind="政策文件",
        issuer="自然资源部",
        level="国家",
    ),
    case(
        "部令.txt",
        "永久基本农田保护红线管理办法\n\n（2025年7月23日自然资源部、农业农村部令第17号公布　自2025年10月1日起施行）"
        + RULES
        + "第三条 本办法自2025年10月1日起施行。\n",
        kind="部门规章",
        number="自然资源部、农业农村部令第17号",
        effective_from=date(2025, 10, 1),
        version="2025-07-23",
        note="",
    ),
    case(
        "国务院令.txt",
        "中华人民共和国国务院令\n第743号\n\n中华人民共和国土地管理法实施条例\n\n（2021年7月2日中华人民共和国国务院令第743号第三次修订　自2021年9月1日起施行）"
        + RULES
        + "第三条 本条例自2021年9月1日起施行。",
        title="中华人民共和国土地管理法实施条例",
        number="国务院令第743号",
        issuer="国务院",
        kind="行政法规",
        effective_from=date(2021, 9, 1),
    ),
    case(
        "国家标准.txt",
        "ICS 07.040\nCCS A 75\n\n中华人民共和国国家标准\n\nGB/T 39972—2021\n\n国土空间规划“一张图”实施监督信息系统\n技术规范\n\nTechnical specification for implementation supervision\ninformation system of territorial spatial planning\n\n2021-03-09发布　　2021-10-01实施\n\n国家市场监督管理总局\n国家标准化管理委员会　发布\n\n1 范围\n\n本文件规定了系统的要求。\n\n2 规范性引用文件\n\nGB/T 22239—2019 信息安全技术\n",
        title="国土空间规划“一张图”实施监督信息系统技术规范",
        number="GB/T 39972-2021",
        kind="标准",
        level="国家",
        issuer="国家市场监督管理总局、国家标准化管理委员会",
        published=date(2021, 3, 9),
        effective_from=date(2021, 10, 1),
        version="2021-03-09",
    ),
    case(
        "行业标准.txt",
        "中华人民共和国土地管理行业标准\nTD/T 1063—2021\n国土空间规划城市体检评估规程\nCode of practice for city health examination\n2021-06-18 发布 2021-06-18 实施\n中华人民共和国自然资源部 发布\n\n1 范围\n\n本标准规定了总体要求。\n",
        title="国土空间规划城市体检评估规程",
        number="TD/T 1063-2021",
        kind="标准",
        issuer="自然资源部",
        effective_from=date(2021, 6, 18),
    ),
    case(
        "代替标准.txt",
        "GB 50180—2018\n代替 GB 50180—93、GB/T 50001—2002\n城市居住区规划设计标准\nStandard for urban residential area planning and design\n2018-07-10 发布 2018-12-01 实施\n\n1 总则\n\n1.0.1 为确保居住生活环境宜居适度，制定本标准。\n",
        title="城市居住区规划设计标准",
        number="GB 50180-2018",
        supersedes=("GB/T 50001-2002",),
        kind="标准",
    ),
    case(
        "地方标准.txt",
        "DB33/T 2468—2022\n国土空间规划编制导则\nGuidelines\n2022-05-10 发布 2022-06-10 实施\n浙江省市场监督管理局 发布\n\n1 范围\n\n本标准适用于浙江省。\n",
        number="DB33/T 2468-2022",
        kind="标准",
        effective_from=date(2022, 6, 10),
    ),
    case(
        "总规.docx",
        "# 某市国土空间总体规划（2021—2035年）\n\n文本\n\n某市人民政府\n2023年12月\n\n## 第一章 总则\n\n第一节 规划目的\n\n为统筹全域国土空间，编制本规划。\n",
        title="某市国土空间总体规划（2021—2035年）",
        kind="规划成果",
        level="市",
        region="某市",
        effective_from=None,
    ),
    case(
        "市级总规.txt",
        "宁波市国土空间总体规划\n（2021—2035年）\n\n宁波市人民政府\n2024年3月\n\n第一章 总则\n\n为统筹全域国土空间开发保护，编制本规划，作为空间治理的依据。\n",
        title="宁波市国土空间总体规划（2021—2035年）",
        kind="规划成果",
        level="市",
        region="宁波市",
    ),
    case(
        "县级总规.txt",
        "慈溪市国土空间总体规划（2021—2035年）\n公示稿\n\n第一章 总则\n\n慈溪市人民政府组织编制本规划，指导全域国土空间保护与利用工作。\n",
        kind="规划成果",
        level="县",
        region="慈溪市",
        note="征求意见稿或送审稿，尚不具有效力",
    ),
    case(
        "乡镇规划.txt",
        "宁波市鄞州区姜山镇国土空间总体规划（2021—2035年）\n\n一、规划总则\n\n为落实上位规划，优化镇域空间布局，编制本规划。\n",
        level="乡",
        region="鄞州区姜山镇",
    ),
    case(
        "省厅.txt",
        "浙江省自然资源厅关于进一步规范国土空间用途管制的通知\n浙自然资规〔2022〕8号\n\n各市、县（市、区）自然资源主管部门："
        + BODY
        + "本通知自2022年8月1日起施行，有效期至2027年7月31日。\n浙江省自然资源厅\n2022年6月30日\n",
        issuer="浙江省自然资源厅",
        level="省",
        region="浙江省",
        number="浙自然资规〔2022〕8号",
        effective_from=date(2022, 8, 1),
        effective_to=date(2027, 8, 1),
    ),
    case(
        "直辖市局.txt",
        "上海市规划和自然资源局关于印发《控制性详细规划技术准则》的通知\n沪规划资源规〔2020〕1号\n\n各区规划资源局："
        + BODY
        + "上海市规划和自然资源局\n2020年3月1日",
        issuer="上海市规划和自然资源局",
        level="省",
        region="上海市",
        kind="政策文件",
    ),
    case(
        "区政府.txt",
        "北京市朝阳区人民政府关于城市更新的实施意见\n\n各街道办事处："
        + BODY
        + "北京市朝阳区人民政府\n2023年5月6日",
        level="县",
        region="北京市朝阳区",
        kind="政策文件",
    ),
    case(
        "地方条例.txt",
        "宁波市国土空间规划条例\n\n（2020年12月29日宁波市第十五届人民代表大会常务委员会第三十四次会议通过　2021年5月28日浙江省第十三届人民代表大会常务委员会第二十九次会议批准）"
        + RULES
        + "第三条 本条例自2021年12月1日起施行。《宁波市城乡规划条例》同时废止。",
        kind="地方性法规",
        level="市",
        region="宁波市",
        version="2021-05-28",
        effective_from=date(2021, 12, 1),
        supersedes=("宁波市城乡规划条例",),
    ),
    case(
        "省政府规章.txt",
        "浙江省海域使用管理办法\n\n浙江省人民政府令第384号\n2021年1月20日公布"
        + RULES
        + "第三条 本办法自2021年3月1日起施行。",
        kind="地方政府规章",
        level="省",
        region="浙江省",
        number="浙江省人民政府令第384号",
    ),
    case(
        "网页法规.txt",
        "标题：某某管理规定\n发文机关：自然资源部\n发文字号：自然资规[2019]2 号\n成文日期：2019-05-31\n时效性：失效\n"
        + BODY,
        title="某某管理规定",
        issuer="自然资源部",
        number="自然资规〔2019〕2号",
        published=date(2019, 5, 31),
        recorded_status="失效",
    ),
    case(
        "案例.txt",
        "自然资源执法督察典型案例\n\n案例一 某公司违法占用耕地案\n\n2022年3月，某公司未经批准占用耕地12亩建设厂房，被责令限期拆除。\n",
        kind="案例",
        title="自然资源执法督察典型案例",
    ),
    case(
        "试行两年.txt",
        "某县自然资源局关于印发《村庄规划编制技术要点（试行）》的通知\n\n各乡镇："
        + BODY
        + "本通知自2024年1月1日起试行，试行两年。\n某县自然资源局\n2023年12月20日",
        issuer="某县自然资源局",
        level="县",
        effective_from=date(2024, 1, 1),
        effective_to=date(2026, 1, 1),
    ),
    case(
        "引用他文.txt",
        "关于开展自查工作的方案\n\n根据《自然资源部关于加强管理的通知》（自然资发〔2022〕142号）要求，制定本方案。建设项目用地预审意见有效期三年。《旧办法》自2010年1月1日起施行。\n",
        number=None,
        effective_from=None,
        effective_to=None,
        supersedes=(),
        kind="政策文件",
    ),
    case(
        "征求意见稿.txt",
        "自然资源听证规定\n（征求意见稿）" + RULES + "第三条 本规定自2026年1月1日起施行。",
        note="征求意见稿或送审稿，尚不具有效力",
    ),
    case(
        "招标.docx",
        "某县村庄规划编制项目采购需求\n一、项目概况\n为做好规划编制工作，需采购服务。\n二、验收\n按合同验收。\n",
        title="某县村庄规划编制项目采购需求",
        kind="其他",
    ),
    case(
        "条文说明.txt",
        "城市居住区规划设计标准\nGB 50180-2018\n条文说明\n1 总则\n1.0.1 本条阐明目的。\n",
        title="城市居住区规划设计标准",
        number="GB 50180-2018",
    ),
    case(
        "批复.txt",
        "国务院关于《浙江省国土空间规划（2021—2035年）》的批复\n国函〔2023〕150号\n\n浙江省人民政府："
        + BODY
        + "国务院\n2023年12月18日\n",
        title="国务院关于《浙江省国土空间规划（2021—2035年）》的批复",
        number="国函〔2023〕150号",
        issuer="国务院",
        level="国家",
        kind="政策文件",
    ),
    case(
        "被替代.txt",
        "国土空间规划审查办法\n（已被《国土空间规划审查新办法》废止）" + RULES,
        superseded_by="国土空间规划审查新办法",
    ),
]


@pytest.mark.parametrize(("name", "text", "expected"), HEADERS)
def test_a_header_is_read(name, text, expected):
    document = split(SourceText(text=text), name).document
    assert {field: getattr(document, field) for field in expected} == expected


def test_a_title_may_stand_in_the_properties_alone():
    source = SourceText(
        text="现就有关事项说明如下。" * 20, properties={"title": "关于规划调整情况的说明"}
    )
    assert split(source, "扫描件001.pdf").document.title == "关于规划调整情况的说明"
    source = SourceText(text="现就有关事项说明如下。" * 20, properties={"title": "文档1"})
    assert split(source, "调整情况.pdf").document.title == "调整情况"
