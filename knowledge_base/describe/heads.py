"""Title, number and labelled lines in the head of a text."""

import re
from collections.abc import Sequence

from knowledge_base.describe.organs import only_organs

_FILE_DATE = re.compile(r"[(（]?(\d{4})[-.](\d{2})[-.](\d{2})[)）]?\s*$")
_ISSUE = re.compile(
    r"(?P<code>[\u4e00-\u9fff]{1,12})[〔\[［（(](?P<year>\d{4})[〕\]］）)][ 　]*第?[ 　]*(?P<n>\d{1,5})[ 　]*号"
)
_ORDER = re.compile(
    r"(?:中华人民共和国)?(?P<organ>[\u4e00-\u9fff][\u4e00-\u9fff、]{1,40}?(?:部|院|委员会|总局|署|政府|局))[ 　]*令[ 　]*"
    r"(?:[（(]?第[ 　]*(?P<n>[0-9〇零一二三四五六七八九十百]{1,5})[ 　]*号[)）]?)"
)
STANDARD = re.compile(
    r"(?<![A-Za-z])(?P<code>(?:GB|TD|CJJ|CJ|HJ|DB[ ]?\d{2,6}|CH|NY|SL|LY|JGJ|DZ|HY|JTG|JTJ|DL|MZ|WW|T/[A-Z]{2,12})"
    r"(?:[ ]?/[ ]?[TZ])?)[ 　]*(?P<n>\d{1,6}(?:\.\d{1,3})?)[ 　]*[-—–―－][ 　]*(?P<year>\d{4})(?!\d)"
)
_DAY = re.compile(r"\d{4}\s*年\s*\d{1,2}\s*月\s*\d{1,2}\s*日")
_LABELS = {
    "title": "标题|文件名称|文件标题|名称",
    "number": "发文字号|文号|文件编号|标准号|标准编号",
    "issuer": "发文机关|发布机关|制定机关|发布单位|发文单位|颁布单位|发布部门|公布机关",
    "published": "发布日期|成文日期|印发日期|公布日期|发文日期|颁布日期",
    "effective": "施行日期|实施日期|生效日期|执行日期",
    "until": "失效日期|废止日期|有效期至",
    "status": "时效性|效力状态|有效性|文件状态|状态",
}
_LABELLED = {
    key: re.compile(rf"^[\s#*　|【\[]*(?:{names})[】\]]?[ 　]*[:：][ 　]*(?P<value>\S.{{0,120}})$")
    for key, names in _LABELS.items()
}
_SUFFIX = re.compile(
    r"(?:法|法典|条例|办法|规定|细则|规程|规范|标准|指南|导则|通知|意见|决定|公告|通告|批复|复函|函|规划|纲要|计划|方案|解释"
    r"|公报|报告|说明|说明书|文本|章程|制度|规则|准则|措施|要点|清单|名录|目录|大纲|案例|判决书|裁定书|决定书|汇编)"
    r"(?:[（(《][^（()）]{1,24}[)）》]){0,3}(?:[-—]?(?:文本|说明书|图集))?$"
)
_NO_TITLE = re.compile(
    r"^(?:附[ 　]*件|附[ 　]*录|附[ 　]*表|目[ 　]*[录次]|前[ 　]*言|引[ 　]*言|正[ 　]*文|封面|文[ 　]*本|说[ 　]*明|ICS|CCS|UDC|备案号|中华人民共和国[^，。]{0,12}标准$"
    r"|[\u4e00-\u9fff]{2,12}行业标准$|.{0,12}地方标准$|第[一二三四五六七八九十0-9]+[编章节条]|[一二三四五六七八九十]+、|[（(]|\d+(?:\.\d+)*[\s　.、])"
)
_NUMBER_LINE = re.compile(r"令$|^第.{1,6}号$|[〔\[［]\d{4}[〕\]］]\d")
_FIRST_HEADING = re.compile(r"[#\s　]*(?:第?一[、章节编]|第[ ]?1[ ]?[章节]|1[.、 　]|（一）)")
_EDITION = re.compile(r"^[（(][^（()）]{2,24}[)）]$")
MAX_TITLE = 60
TOP = 15


def clean_title(title: str) -> str:
    """Return a title without white space, Markdown marks and book-title marks around it."""
    text = re.sub(r"[\s　]+", "", title).strip("*#")
    if text.startswith("《") and text.endswith("》") and text.count("《") == 1:
        text = text[1:-1]
    return text


def labelled(lines: Sequence[str]) -> dict[str, str]:
    """Return what lines such as 发文字号：… state (the page of a collection, not the text itself)."""
    found: dict[str, str] = {}
    for line in lines[:25]:
        if "：" not in line and ":" not in line:
            continue
        for key, regex in _LABELLED.items():
            if key not in found and (match := regex.match(line)):
                found[key] = match["value"].strip(" |　*")
    if "title" in found:
        found["title"] = clean_title(found["title"])
    if "number" in found:
        found["number"] = _number_in(found["number"]) or found["number"]
    return found


def find_title(lines: Sequence[str], name: str, properties: str = "") -> tuple[str, str | None]:
    """Return the title, and the name of the part where a file holds one part of a law.

    Args:
        lines: Stripped lines of the head.
        name: File name without suffix.
        properties: Title in the file's properties.
    """
    marked = [
        words
        for line in lines
        if re.match(r"#\s", line) and not _NO_TITLE.match(words := line.lstrip("# ").strip("* "))
    ]
    if marked:
        following = marked[1] if len(marked) > 1 else ""
        if following and not _SUFFIX.search(marked[0]) and _SUFFIX.search(following):
            return clean_title(marked[0] + following), None
        part = following if following and not _EDITION.match(following) else None
        return clean_title(marked[0]), part
    plain = [re.sub(r"[\s　]+", "", line.lstrip("#* ")) for line in lines[: 2 * TOP]]
    for found in (_standard_title(plain), _notice_title(plain), _named_title(plain, name)):
        if found:
            return clean_title(found), None
    printed = _printed_title(plain)
    if printed:
        return clean_title(printed), None
    if len(plain) > 1 and _heads_text(plain[0], lines[1]):
        return clean_title(plain[0]), None
    if properties and len(properties) <= MAX_TITLE and _SUFFIX.search(clean_title(properties)):
        return clean_title(properties), None
    return named_after(name), None


def named_after(name: str) -> str:
    """Return a title made of the file's name, without the date at its end."""
    return clean_title(_FILE_DATE.sub("", name).strip() or name)


def _heads_text(line: str, below: str) -> bool:
    """Return whether a first line stands as a title above the first heading."""
    if not 4 <= len(line) <= MAX_TITLE or re.search(r"[。；：，、]", line) or _NO_TITLE.match(line):
        return False
    return _FIRST_HEADING.match(below) is not None


def _standard_title(lines: Sequence[str]) -> str | None:
    """Return what stands under a standard's number on its cover."""
    for at, line in enumerate(lines[:TOP]):
        match = STANDARD.search(line)
        if match is None or len(line) > 24 or "代替" in line:
            continue
        words: list[str] = []
        for following in lines[at + 1 : at + 6]:
            if following.startswith("代替") and not words:
                continue
            latin = len(re.findall(r"[A-Za-z]", following))
            if 2 * latin > len(following) or re.match(r"\d{4}-\d\d", following):
                break
            if re.search(r"[。；]|发布$|实施$|^[（(]|^\d", following) or len(following) > MAX_TITLE:
                break
            if _NO_TITLE.match(following) or following == "条文说明":
                break
            words.append(following)
            if sum(map(len, words)) > 2 * MAX_TITLE:
                return None
        above = lines[at - 1] if at else ""
        if _SUFFIX.search(above) and not _NO_TITLE.match(above):
            return above
        if words:
            return "".join(words[:3])
    return None


def _notice_title(lines: Sequence[str]) -> str | None:
    """Return a title such as 自然资源部关于印发《…》的通知, which may run over several lines."""
    for at, line in enumerate(lines[:TOP]):
        if (
            "关于" not in line
            or line.endswith(("。", "；", "，"))
            or line.startswith(("根据", "按照", "现将"))
        ):
            continue
        joined = line
        before = lines[at - 1] if at else ""
        if line.startswith("关于") and only_organs(before) and not before.endswith("文件"):
            joined = before + line
        for following in lines[at + 1 : at + 5]:
            if _SUFFIX.search(joined) and joined.count("《") == joined.count("》"):
                break
            if following.endswith(("：", ":", "。", "；")) or len(joined) + len(following) > 120:
                break
            joined += following
        if _SUFFIX.search(joined) and len(joined) <= 120:
            return joined
    return None


def _named_title(lines: Sequence[str], name: str) -> str | None:
    stem = re.sub(r"\s+", "", _FILE_DATE.sub("", name).strip())
    if len(stem) < 2:
        return None
    for line in lines[:5]:
        if (
            len(line) <= MAX_TITLE
            and (stem in line if len(stem) > 4 else line.endswith(stem))
            and not re.search(r"[。；，：]|令$|令第", line)
            and not _NO_TITLE.match(line)
        ):
            return line
    return None


def _printed_title(lines: Sequence[str]) -> str | None:
    """Return the first line, or run of two or three, that reads like a title."""
    for at, line in enumerate(lines[:TOP]):
        if re.search(r"[。；，：:]$", line) or len(line) > MAX_TITLE:
            return None
        if _NO_TITLE.match(line) or _NUMBER_LINE.search(line) or only_organs(line):
            continue
        for count in (1, 2, 3):
            joined = "".join(lines[at : at + count])
            if len(joined) > MAX_TITLE or re.search(r"[。；]", joined):
                break
            if _SUFFIX.search(joined):
                below = lines[at + count] if at + count < len(lines) else ""
                edition = re.fullmatch(r"[（(]?\d{4}[-—–~至]\d{4}年?[)）]?", below)
                return joined + (
                    below if edition and not re.search(r"\d{4}年?[）)]$", joined) else ""
                )
    return None


def _number_in(text: str) -> str | None:
    if match := _ISSUE.search(text):
        return f"{match['code']}〔{match['year']}〕{match['n']}号"
    if match := _ORDER.search(text):
        return f"{match['organ']}令第{match['n']}号"
    if match := STANDARD.search(text):
        return standard_number(match)
    return None


def standard_number(match: re.Match[str]) -> str:
    """Return a standard's number in one spelling: GB/T 39972-2021."""
    code = re.sub(r"\s+", "", match["code"])
    return f"{code} {match['n']}-{match['year']}"


def find_number(lines: Sequence[str], name: str, title: str = "") -> str | None:
    """Return the document's own number; numbers that its sentences refer to do not count.

    Args:
        lines: Stripped lines of the head.
        name: File name without suffix.
        title: Title, in which a number may stand.
    """
    orders: list[str] = []
    for line in lines[:25]:
        bare = line.strip("#*（）()【】 　")
        if line.startswith(("代替", "根据")) and "令" not in line:
            continue
        if (
            (match := _ISSUE.search(bare))
            and len(bare) <= 40
            and not re.search(r"[。；，《]", bare)
        ):
            return f"{match['code']}〔{match['year']}〕{match['n']}号"
        if (
            (match := STANDARD.search(bare))
            and len(bare) <= 30
            and "代替" not in bare
            and "《" not in bare
        ):
            return standard_number(match)
        if "令" in line and len(line) <= 120 and (match := _ORDER.search(_DAY.sub(" ", line))):
            organ = match["organ"].removeprefix("中华人民共和国")
            orders.append(f"{organ}令第{match['n']}号")
    if orders:
        return orders[-1]
    for text in (title, name):
        if match := STANDARD.search(text.replace("_", " ")):
            return standard_number(match)
        if match := _ISSUE.search(text):
            return f"{match['code']}〔{match['year']}〕{match['n']}号"
    return None
