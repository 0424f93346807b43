"""From words to the typed request of a site search: area, lines to keep out of or within, slope.

What the question does not say comes from the kind of site in `intents.yaml`, and is said to be so.
"""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from agents.assistant.names import layer_roles
from agents.assistant.quantities import Quantity, quantities
from agents.assistant.wording import SiteKind, load_wording
from cspon.errors import RetryTool
from tools.site_selection.request import SiteRequest

AVOID = re.compile(
    r"避(?:开|让)|不(?:能|得|要|可|许)?(?:占|压|碰)(?:用)?|远离|离开|排除|绕开|不涉及|除开"
)
INSIDE = re.compile(r"^[^，]{0,10}?(?:范围)?(?:以内|之内|内|里)")
PHRASES = re.compile(r"[，。；！？,;!?]+")
UNLIMITED = re.compile(r"不限|不要求在|不考虑")
SMALLEST = 0.8
"""Share of a stated "about" area that a site has at least."""


class SiteWords:
    """What a text says of a site."""

    def __init__(self, text: str, roles: Mapping[str, str]) -> None:
        self._text, self._roles = text, roles
        self.said: list[str] = []
        self.kind = site_kind(text)

    def request(self) -> SiteRequest | None:
        """Build the request; None when the area is not stated.

        Raises:
            RetryTool: what was read does not make a request.
        """
        area = next(quantities(self._text, "area_ha"), None)
        if area is None:
            return None
        values: dict[str, Any] = {"title": f"{self.kind.title}选址", **self._area(area)}
        within, avoid = self._lines()
        values["within"], values["avoid"] = self._with_defaults(within, avoid)
        values["max_slope_degrees"] = self._slope()
        if self.kind.codes and "planned_land_use" in self._roles:
            values["allowed"] = {"role": "planned_land_use", "codes": self.kind.codes}
            self.said.append(f"规划用途：{'、'.join(self.kind.codes)}（默认，按{self.kind.title}）")
        values["criteria"] = self._criteria(values)
        try:
            return SiteRequest.model_validate(values)
        except ValidationError as error:
            raise RetryTool(f"选址条件不成立：{error.errors()[0]['msg']}") from None

    def _area(self, area: Quantity) -> dict[str, float | None]:
        low, high = area.low, area.high
        if high is not None:
            least, most = low, max(high, 2 * low)
            if most > high:
                self.said.append(f"上限放宽到 {most:g} 公顷（分块需要不小于下限的两倍）")
        elif area.sense == "at_least":
            least, most = low, None
        elif area.sense == "at_most":
            least, most = low / 2, low
        elif area.sense == "about":
            least, most = low * SMALLEST, low * SMALLEST * 2
        else:
            least, most = low, low * 2
        least = round(least, 4)
        most = None if most is None else round(most, 4)
        upper = f"不小于 {least:g} 公顷" if most is None else f"{least:g}—{most:g} 公顷"
        self.said.insert(0, f"面积：{upper}")
        return {"min_area_ha": least, "max_area_ha": most}

    def _lines(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        within: list[dict[str, Any]] = []
        avoid: list[dict[str, Any]] = []
        for phrase in PHRASES.split(self._text):
            verb = AVOID.search(phrase)
            far = next(quantities(phrase, "metres"), None)
            for found in layer_roles(phrase):
                line: dict[str, Any] = {"role": found.id}
                if far is not None and re.search(r"[距离]", phrase[: found.start] + phrase[-1:]):
                    line["buffer_m"] = far.low
                    (within if far.sense == "at_most" else avoid).append(line)
                elif verb is not None and verb.start() < found.start:
                    avoid.append(line | ({"buffer_m": far.low} if far else {}))
                elif INSIDE.search(phrase[found.start :]) and not UNLIMITED.search(phrase):
                    within.append(line)
        return _unique(within), _unique(avoid)

    def _with_defaults(
        self, within: list[dict[str, Any]], avoid: list[dict[str, Any]]
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        self._say("范围", within, "以内")
        self._say("避让", avoid, "以外")
        known = {line["role"] for line in (*within, *avoid)}
        dropped = {f.id for p in PHRASES.split(self._text) if UNLIMITED.search(p) for f in layer_roles(p)}  # fmt: skip
        for title, lines, roles in (("范围", within, self.kind.within), ("避让", avoid, self.kind.avoid)):  # fmt: skip
            more = [r for r in roles if r in self._roles and r not in known | dropped]
            lines += [{"role": role} for role in more]
            if more:
                names = "、".join(self._roles[r] for r in more)
                self.said.append(f"{title}：{names}（默认，问题没有写明）")
        return within, avoid

    def _say(self, title: str, lines: list[dict[str, Any]], side: str) -> None:
        names = [
            self._roles.get(line["role"], line["role"])
            + (f" {line['buffer_m']:g} 米{side}" if line.get("buffer_m") else "")
            for line in lines
        ]
        if names:
            self.said.append(f"{title}：{'、'.join(names)}")

    def _slope(self) -> float | None:
        for phrase in PHRASES.split(self._text):
            if "坡" in phrase:
                for angle in quantities(phrase, "degrees"):
                    self.said.append(f"坡度：不大于 {angle.low:g} 度")
                    return angle.low
        return None

    def _criteria(self, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Take those whose layer is there; area is best in the middle of what is asked."""
        least = values["min_area_ha"]
        most = values["max_area_ha"] or 2 * least
        chosen = []
        for criterion in self.kind.criteria:
            role = {"slope": "dem"}.get(criterion["measure"], criterion.get("role"))
            if role is not None and role not in self._roles:
                continue
            bounds = {"best": most, "worst": least} if criterion["measure"] == "area" else {}
            chosen.append({**criterion, **bounds})
        names = "、".join(f"{c['name']} {c['weight']:g}" for c in chosen)
        self.said.append(f"评分权重：{names}（默认）")
        return chosen


def site_kind(text: str) -> SiteKind:
    """Return the kind of site that a text speaks of; the last kind fits any."""
    kinds = load_wording().site_kinds
    return next((kind for kind in kinds if re.search(kind.pattern, text)), kinds[-1])


def _unique(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({line["role"]: line for line in reversed(lines)}.values())[::-1]
