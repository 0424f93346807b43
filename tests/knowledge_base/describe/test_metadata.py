import json
from datetime import date

import pytest

from cspon.errors import InputError, ModelUnavailable
from cspon.schemas.base import Secrecy
from cspon.schemas.knowledge import Document
from knowledge_base.describe.metadata import Metadata, apply, fill_by_model
from llm.scripted import ScriptedModel, Step

DOCUMENT = Document(
    id="a", title="扫描件", kind="政策文件", effective_from=date(2024, 1, 1), note="旧说明"
)
OPENING = "某县自然资源局文件\n某自然资〔2024〕5 号\n某县自然资源局关于村庄规划工作的通知\n本通知自2024年2月1日起施行。\n2024年1月15日\n"


def test_a_person_edits_and_is_named():
    edited = apply(
        DOCUMENT,
        Metadata(
            title="《村庄规划办法》", roles=("规划科", ""), effective_to=date(2029, 1, 1), note=""
        ),
    )
    assert edited.title == "村庄规划办法"
    assert edited.roles == ("规划科",)
    assert edited.note == ""
    assert edited.found_by == dict.fromkeys(("title", "roles", "effective_to", "note"), "person")
    assert edited.id == "a"


def test_none_leaves_a_field_and_an_empty_text_clears_it():
    document = DOCUMENT.model_copy(update={"region": "浙江省", "number": "甲〔2024〕1号"})
    edited = apply(document, Metadata(region=""))
    assert (edited.region, edited.number) == (None, "甲〔2024〕1号")
    assert apply(document, Metadata()) == document


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (Metadata(kind="小说"), "kind"),
        (Metadata(level="地方"), "level"),
        (Metadata(title=" "), "title"),
        (Metadata(effective_to=date(2023, 12, 31)), "effective_to"),
        (Metadata(effective_from=date(2030, 1, 1), effective_to=date(2029, 1, 1)), "effective_to"),
        (Metadata(note="长" * 400), "note"),
        (Metadata(issuer="机密"), None),
    ],
)
def test_a_wrong_value_names_its_field(given, field):
    if field is None:
        assert apply(DOCUMENT, given).issuer == "机密"
        return
    with pytest.raises(InputError) as caught:
        apply(DOCUMENT, given)
    assert caught.value.field == field
    assert caught.value.mend if hasattr(caught.value, "mend") else "处理办法" in str(caught.value)


def test_no_classified_level_can_be_given():
    with pytest.raises(ValueError, match="secrecy"):
        Metadata(secrecy="机密")
    assert apply(DOCUMENT, Metadata(secrecy=Secrecy.SENSITIVE)).secrecy is Secrecy.SENSITIVE


def reply(**values):
    fields = ("title", "number", "issuer", "region", "published", "effective_from", "effective_to")
    return json.dumps({name: values.get(name, "") for name in fields}, ensure_ascii=False)


def test_a_model_fills_only_what_is_empty_and_stands_in_the_text():
    chat = ScriptedModel(
        [
            Step(
                reply(
                    title="某县自然资源局关于村庄规划工作的通知",
                    number="某自然资〔2024〕5号",
                    issuer="某县自然资源局",
                    region="某县",
                    published="2024年1月15日",
                    effective_from="2030年1月1日",
                    effective_to="2027年1月1日",
                ),
                expect="村庄规划工作",
            )
        ]
    )
    filled = fill_by_model(DOCUMENT, OPENING, chat)
    assert filled.title == "某县自然资源局关于村庄规划工作的通知"
    assert filled.number == "某自然资〔2024〕5号"
    assert (filled.issuer, filled.region, filled.level) == ("某县自然资源局", "某县", "县")
    assert filled.published == date(2024, 1, 15)
    assert filled.effective_from == date(2024, 1, 1)  # the rules found it: not asked
    assert filled.effective_to is None  # not in the text
    assert set(filled.found_by.values()) == {"model"}
    [request] = chat.requests
    assert "effective_from" not in request.json_schema["properties"]
    assert request.json_schema["additionalProperties"] is False


@pytest.mark.parametrize(
    "text",
    [
        "",
        "不是 JSON",
        "[]",
        "null",
        reply(number="自然资发〔2024〕999号", issuer="国务院"),
        '{"number": 5}',
    ],
)
def test_what_a_model_invents_is_not_taken(text):
    filled = fill_by_model(DOCUMENT, OPENING, ScriptedModel([text]))
    assert filled == DOCUMENT


def test_nothing_is_asked_when_nothing_is_missing():
    document = DOCUMENT.model_copy(
        update={
            "title": "某县自然资源局关于村庄规划工作的通知",
            "number": "甲",
            "issuer": "乙",
            "region": "丙",
            "published": date(2024, 1, 1),
            "effective_to": date(2029, 1, 1),
        }
    )
    assert fill_by_model(document, OPENING, ScriptedModel([])) == document
    assert fill_by_model(DOCUMENT, "  \n", ScriptedModel([])) == DOCUMENT


def test_a_model_that_fails_is_reported():
    with pytest.raises(ModelUnavailable):
        fill_by_model(DOCUMENT, OPENING, ScriptedModel([Step(error="中断")]))


def test_dates_that_contradict_each_other_are_left_out():
    opening = "通知\n2024年1月1日\n2020年5月1日\n"
    document = Document(id="a", title="通知", effective_from=date(2024, 1, 1))
    chat = ScriptedModel([reply(effective_to="2020年5月1日", published="2024年1月1日")])
    filled = fill_by_model(document, opening, chat)
    assert (filled.effective_to, filled.published) == (None, date(2024, 1, 1))
