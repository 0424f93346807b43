"""What a text says that it replaces, and what replaced it."""

import re
from collections.abc import Sequence

from knowledge_base.describe.heads import STANDARD, standard_number
from knowledge_base.titles import title_key

_ENDS = re.compile(r"同时废止|予以废止|同时失效|即行废止|自行废止|停止执行|不再执行|停止使用")
_TITLE = re.compile(r"《((?:[^《》]|《[^《》]*》|〈[^〈〉]*〉)+)》")
_ISSUE = re.compile(r"[\u4e00-\u9fff]{2,10}[〔\[［（(]\d{4}[〕\]］）)]\s*\d{1,5}\s*号")
_REPLACES = re.compile(r"(?:全部|部分)?代替[ 　]*(?P<what>[^。；\n]{4,160})")
_REPLACED = re.compile(r"(?:已被|被|由)《(?P<by>[^《》]+)》[^。；\n]{0,12}(?:废止|代替|替代|取代)")
MAX_CLAUSE = 2000


def superseded(
    lines: Sequence[str], tail: Sequence[str], title: str
) -> tuple[tuple[str, ...], str | None]:
    """Return titles and numbers that a text replaces, and the title of what replaced it.

    Args:
        lines: Lines of its head.
        tail: Its closing parts.
        title: Its own title, whose older text it does not name as another's.
    """
    found: list[str] = []
    for text in tail:
        for clause in re.split(r"[。；\n]", text):
            if len(clause) <= MAX_CLAUSE and (match := _ENDS.search(clause)):
                before = clause[: match.start()]
                titles = _TITLE.findall(before)
                found += titles or [re.sub(r"\s+", "", n) for n in _ISSUE.findall(before)]
    for line in (*lines, *(text[:400] for text in tail)):
        if "代替" in line and (match := _REPLACES.search(line)):
            found += [standard_number(m) for m in STANDARD.finditer(match["what"])]
    by = next((m["by"] for line in lines[:15] if (m := _REPLACED.search(line))), None)
    own = title_key(title)
    return tuple(t for t in dict.fromkeys(found) if title_key(t) != own), by
