"""Readers of arguments: from the words of a step to a typed value, by rule.

A reader is found by the name that a hint in `intents.yaml` gives. What it reads is validated against
the tool's own schema later; nothing here decides whether it fits.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agents.assistant import dual_request, names
from agents.assistant.quantities import Quantity, quantities, years
from agents.assistant.site_request import SiteWords
from agents.assistant.surroundings import Surroundings
from agents.assistant.wording import Hint, load_wording
from cspon.errors import RetryTool
from cspon.schemas.base import Frozen


@dataclass(frozen=True)
class Words:
    """What a reader may look at."""

    text: str
    """The step's own words, without blanks."""
    whole: str
    """The whole question, without blanks."""
    place: Surroundings
    this_year: int


class Reading(Frozen):
    """What was read: the value, how it is said to the user, what to tell, or what to ask."""

    value: Any = None
    said: str = ""
    notices: tuple[str, ...] = ()
    ask: str = ""


Reader = Callable[[Words, Hint], Reading | None]


def read(words: Words, hint: Hint) -> Reading | None:
    """Read one argument; None when the words do not say it."""
    if hint.value is not None:
        return Reading(value=hint.value)
    if hint.choices:
        return _choice(words, hint)
    assert hint.read is not None, "check of the wording: a hint fills, reads or chooses"
    found = READERS[hint.read](words, hint)
    if found is None and hint.whole_question and words.text != words.whole:
        return READERS[hint.read](_whole(words), hint)
    return found


def _whole(words: Words) -> Words:
    return Words(words.whole, words.whole, words.place, words.this_year)


def _choice(words: Words, hint: Hint) -> Reading | None:
    for text in (words.text, words.whole) if hint.whole_question else (words.text,):
        for choice in hint.choices:
            if re.search(choice.pattern, text):
                return Reading(value=choice.value, said=choice.said)
    return None


def _project_type(words: Words, hint: Hint) -> Reading | None:
    from tools.rules.load import project_types

    for kind in load_wording().project_types:
        if re.search(kind.pattern, words.text):
            known = project_types().get(kind.type)
            return Reading(value=kind.type, said=f"项目类型：{known.title if known else kind.type}")
    return None


def _year(words: Words, hint: Hint) -> Reading | None:
    """Take the first year; one that a pattern of the hint stands beside is no year of the values."""
    text = re.sub(hint.among, "", words.text) if hint.among else words.text
    found = years(text, words.this_year)
    return Reading(value=found[0], said=f"年份：{found[0]}") if found else None


def _unit(words: Words, hint: Hint) -> Reading | None:
    name = next((unit for unit in words.place.units if unit in words.text), None)
    return Reading(value=name, said=f"范围：{name}") if name else None


def _quantity(words: Words, hint: Hint, dimension: str, unit: str) -> Reading | None:
    found = _near(list(quantities(words.text, dimension)), words.text, hint.among)
    if found is None:
        return None
    return Reading(value=found.low, said=f"{hint.ask or '取值'}：{found.low:g} {unit}")


def _near(found: list[Quantity], text: str, pattern: str | None) -> Quantity | None:
    """The first quantity that stands within twelve characters of a pattern."""
    if pattern is None:
        return found[0] if found else None
    for one in found:
        if re.search(pattern, text[max(0, one.start - 12) : one.end + 12]):
            return one
    return None


def _layers(words: Words, hint: Hint) -> Reading | None:
    found = [one for one in names.layer_roles(words.text) if one.id in words.place.roles]
    if not found:
        return None
    titles = "、".join(words.place.roles[one.id] for one in found)
    return Reading(value=tuple(one.id for one in found), said=f"图层：{titles}")


def _layer(words: Words, hint: Hint) -> Reading | None:
    found = names.layer_roles(words.text)
    if not found:
        return None
    title = words.place.roles.get(found[0].id, found[0].id)
    return Reading(value=found[0].id, said=f"图层：{title}")


def _indicators(words: Words, hint: Hint) -> Reading | None:
    from tools.indicators.load import indicators

    found = names.indicator_ids(words.text)
    unknown = names.unknown_indicators(words.text)
    notices = [one.note for one in found if one.note]
    notices += [
        f"指标库中没有“{name}”，没有计算；可用 cspon indicator list 查看指标。" for name in unknown
    ]
    if not found:
        if not unknown:
            return None
        ask = f"指标库中没有“{'、'.join(unknown)}”，请写指标库中的名称（cspon indicator list）。"
        return Reading(ask=ask)
    titles = "、".join(indicators()[one.id].said.title for one in found)
    return Reading(
        value=tuple(dict.fromkeys(one.id for one in found)),
        said=f"指标：{titles}",
        notices=tuple(notices),
    )


def _model(words: Words, hint: Hint) -> Reading | None:
    from tools.models.load import models

    found = names.model_ids(words.text)
    if not found:
        return None
    return Reading(value=found[0].id, said=f"模型：{models()[found[0].id].said.title}")


def _model_inputs(words: Words, hint: Hint) -> Reading | None:
    """Read the numbers that a model cannot take from layers, each of them one quantity."""
    from tools.models.load import models

    found = names.model_ids(words.text)
    if not found:
        return None
    ports = {
        key: port
        for key, port in models()[found[0].id].said.inputs.items()
        if port.type == "number" and port.default is None and port.role is None
    }
    values: dict[str, str] = {}
    said, missing = [], []
    areas = list(quantities(words.text, "area_ha"))
    for key, port in ports.items():
        if port.unit == "ha" and areas:
            values[key] = f"{areas.pop(0).low:g} ha"
            said.append(f"{port.title}：{values[key]}")
        else:
            missing.append(f"{port.title}（{port.unit}）" if port.unit else port.title)
    if missing:
        return Reading(ask=f"模型还需要：{'、'.join(missing)}。请在问题中写明数值和单位。")
    return Reading(value=values, said="；".join(said)) if values else None


def _site_request(words: Words, hint: Hint) -> Reading | None:
    said = SiteWords(words.text, words.place.roles)
    try:
        request = said.request()
    except RetryTool as error:
        return Reading(ask=str(error))
    if request is None:
        return None
    return Reading(value=request.model_dump(mode="json"), said="；".join(said.said))


def _dual_parts(words: Words, hint: Hint) -> Reading | None:
    found = dual_request.parts_of(words.text)
    notices: tuple[str, ...] = ()
    if not found and dual_request.needs_one(words.text, words.place.units):
        found = ("urban",)
        notices = ("问题没有写明是哪一项评价，按城镇建设适宜性回答。",)
    if not found:
        return None
    titles = "、".join(dual_request.TITLES[name] for name in found)
    return Reading(value=found, said=f"评价：{titles}", notices=notices)


def _dual_place(words: Words, hint: Hint) -> Reading | None:
    """Read places; tell what of the words nothing read."""
    text, units = words.text, words.place.units
    found = dual_request.places_of(text, units)
    if found.unknown:
        towns = "、".join(sorted(units)) or "图层目录没有乡镇名称"
        ask = f"不知道“{found.unknown}”在哪里，可用：{towns}；或{dual_request.KNOWN}。"
        return Reading(ask=ask)
    left = dual_request.unread(text, [*units, *found.spoken, *dual_request.spoken(text)])
    told = f"没有读懂“{'”“'.join(left)}”，回答中没有用到；可换一种写法或分开问。"
    notices = (told,) if left else ()
    if not found.names:
        return Reading(notices=notices)
    joined = "、".join(found.names)
    return Reading(value=joined, said=f"解释位置：{joined}", notices=notices)


def _dual_factors(words: Words, hint: Hint) -> Reading | None:
    found = dual_request.factors_of(words.text)
    return Reading(value=found) if found else None


def _dual_scenarios(words: Words, hint: Hint) -> Reading | None:
    found = dual_request.changes_of(words.text)
    if found.unread:
        ask = "情景按比例变化写，例如“降水减少一成”“积温增加 5%”“可用水量减少 20%”“灌溉定额降低一成”。"
        return Reading(ask=ask)
    return Reading(value=(found.scenario,), said=found.said) if found.scenario else None


def _dual_sensitivity(words: Words, hint: Hint) -> Reading | None:
    if dual_request.SENSITIVITY.search(words.text) is None:
        return None
    found = tuple(n for n in dual_request.parts_of(words.text) if n != "carrying") or ("urban",)
    titles = "、".join(dual_request.TITLES[name] for name in found)
    return Reading(value=found, said=f"阈值敏感性：{titles}")


def _dual_out(words: Words, hint: Hint) -> Reading | None:
    if dual_request.FILES.search(words.text) is None:
        return None
    return Reading(value="$workspace", said="导出栅格、图斑、报告和运行记录")


READERS: dict[str, Reader] = {
    "project_type": _project_type,
    "year": _year,
    "unit": _unit,
    "metres": lambda words, hint: _quantity(words, hint, "metres", "米"),
    "minutes": lambda words, hint: _quantity(words, hint, "minutes", "分钟"),
    "layers": _layers,
    "layer": _layer,
    "indicators": _indicators,
    "model": _model,
    "model_inputs": _model_inputs,
    "site_request": _site_request,
    "dual_parts": _dual_parts,
    "dual_place": _dual_place,
    "dual_factors": _dual_factors,
    "dual_scenarios": _dual_scenarios,
    "dual_sensitivity": _dual_sensitivity,
    "dual_out": _dual_out,
}
"""By the name that a hint gives."""


def _model_titles() -> dict[str, str]:
    from tools.models.load import models

    return {key: definition.said.title for key, definition in models().items()}


OPTIONS: dict[str, Callable[[], dict[str, str]]] = {"model": _model_titles}
"""Readers whose values are a few that are known, with their titles: what a model may choose from."""
