"""Does a sentence stand on its facts and clauses? Deterministic checks of what a model wrote.

Knows numbers, marks, rule words and wording overlap. Does not know where facts come from.
"""

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from cspon.schemas.base import Frozen
from cspon.schemas.knowledge import Citation
from knowledge_base.retrieve.coverage import bigrams

MARK = re.compile(r"〔(\d{1,2})〕")
SENTENCE = re.compile(r"[^。！？；\n]+[。！？；]?(?:〔\d{1,2}〕)*|\n+")
RULE_WORDS = re.compile(
    r"应当|不得|禁止|必须|严禁|须经|需经|须由|应由|由[^，。]{1,20}批准|报[^，。]{1,12}批准|"
    r"可以依法|有权|负责审批|罚款|责令|依照|按照[^，。]{0,12}规定|依据|根据《|第[一二三四五六七八九十百千零\d]+条"
)
MARKUP = re.compile(r"!\[|\]\(|</?[a-zA-Z]|https?://|```")
"""A model writes sentences; pictures, links and tags would reach pages and reports."""
NEGATION = re.compile(r"不|未|无法|难以|禁止|暂缓|尚|否")
FAVOURABLE = re.compile(
    r"(?:选址|项目|方案|用地)?(?:总体|基本)?(可行|符合(?:要求|规定|规划)|可以(?:建设|占用|实施|选址)|予以通过)"
)
CHINESE_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
CHINESE_NUMBER = re.compile(
    r"[零〇一二两三四五六七八九十百千万]+(?=公顷|亩|平方|公里|米|日|天|年|个月|月|倍|万|元|度|%|％)|百分之[零一二三四五六七八九十百]+"
)
ARABIC = re.compile(r"(?<![第〔\d])\d[\d,]*(?:\.\d+)?")


class Fact(Frozen):
    """One figure sentence from a tool: what it is about and what it says."""

    subjects: tuple[str, ...]
    text: str
    shown: bool = True
    """Whether a model is told; the others only serve to check what it writes."""


class Problem(Frozen):
    """Why a sentence is not supported."""

    sentence: str
    reason: str


def sentences(text: str) -> list[str]:
    """Split Chinese text into sentences; marks stay with the sentence before them."""
    return [s for s in SENTENCE.findall(text) if s.strip()]


def chinese_number(text: str) -> int | None:
    """Read 三十五, 一百二十, 两万; None when it is not a number."""
    total = section = digit = 0
    units = {"十": 10, "百": 100, "千": 1000}
    for char in text:
        if char in CHINESE_DIGITS:
            digit = CHINESE_DIGITS[char]
        elif char in units:
            section += (digit or 1) * units[char]
            digit = 0
        elif char == "万":
            total += (section + digit or 1) * 10_000
            section = digit = 0
        else:
            return None
    return total + section + digit


def numbers(text: str) -> set[Decimal]:
    """Collect the quantities of a text, Arabic or Chinese; article numbers and marks are not."""
    text = re.sub(r"第[一二三四五六七八九十百千零〇两\d]+[条款项章节编]", "", MARK.sub("", text))
    found: set[Decimal] = set()
    for match in ARABIC.findall(text):
        try:
            found.add(Decimal(match.replace(",", "")).normalize())
        except InvalidOperation:
            continue
    for match in CHINESE_NUMBER.findall(text):
        value = chinese_number(match.removeprefix("百分之"))
        if value is not None:
            found.add(Decimal(value).normalize())
    return found


LABEL = re.compile(
    r"《([^》]{2,60})》(第[一二三四五六七八九十百千零〇两\d]+条(?:之[一二三四五六七八九十])?)"
)


def remark(sentence: str, citations: Sequence[Citation]) -> str:
    """Put the right mark after every clause that a sentence names in words.

    A small model names 《…》第…条 and numbers it wrongly or not at all; the name decides.
    """
    if not LABEL.search(sentence):
        return sentence
    numbered = {(_short(c.title), c.article): n for n, c in reversed(list(enumerate(citations, 1)))}

    def marked(match: re.Match[str]) -> str:
        number = numbered.get((_short(match[1]), match[2]))
        return f"{match[0]}〔{number}〕" if number else match[0]

    return LABEL.sub(marked, MARK.sub("", sentence))


def attribute(sentence: str, citations: Sequence[Citation]) -> str:
    """Mark a sentence that names no clause with the one whose words it repeats, if there is one."""
    if MARK.search(sentence):
        return sentence
    best = max(
        (n for n, c in enumerate(citations, 1) if _says(c, sentence)),
        key=lambda n: max(overlap(sentence, unit) for unit in units(citations[n - 1].quote)),
        default=None,
    )
    if best is None:
        return sentence
    end = re.search(r"[。！？；\s]*$", sentence)
    cut = end.start() if end else len(sentence)
    return f"{sentence[:cut]}〔{best}〕{sentence[cut:]}"


def _short(title: str) -> str:
    return title.strip("《》").removeprefix("中华人民共和国")


def overlap(sentence: str, grounds: str) -> float:
    """Share of the sentence's character bigrams that stand in the grounds, 0..1."""
    wanted = bigrams(MARK.sub("", sentence))
    return len(wanted & bigrams(grounds)) / len(wanted) if wanted else 1.0


def check(
    text: str,
    *,
    facts: Sequence[Fact],
    citations: Sequence[Citation],
    question: str,
    verdict_failed: bool = False,
    min_overlap: float = 0.5,
) -> list[Problem]:
    """Return the sentences of `text` that are not supported.

    Args:
        text: What the model wrote, with marks 〔n〕 that count `citations` from 1.
        facts: Figures from tools.
        citations: Clauses the model was given.
        question: The user's question; its numbers may be repeated.
        verdict_failed: Whether a tool found the project not compliant; favourable words are false.
        min_overlap: Least share of bigrams that a sentence has in common with its grounds. 0.5 is
            the project's own choice (verified: false), low enough for paraphrase.
    """
    everything = "\n".join(
        [f.text for f in facts] + [f"{c.label}{c.quote}{c.point}" for c in citations] + [question]
    )
    problems = []
    for sentence in sentences(text):
        reason = (
            ("含有图片、链接或标签" if MARKUP.search(sentence) else None)
            or _number_problem(sentence, facts, citations, question)
            or _mark_problem(sentence, citations)
            or _verdict_problem(sentence, verdict_failed)
            or _denial_problem(sentence, facts)
            or (
                "与所给事实和条文的文字对应不足"
                if overlap(sentence, everything) < min_overlap
                else None
            )
        )
        if reason:
            problems.append(Problem(sentence=sentence, reason=reason))
    return problems


def _number_problem(
    sentence: str, facts: Sequence[Fact], citations: Sequence[Citation], question: str
) -> str | None:
    clause_texts = [c.quote + "\n" + c.point for c in citations] + [question]
    clause_numbers = numbers("\n".join(clause_texts))
    subjects = {s for f in facts for s in f.subjects}
    named: set[str] = set()
    for part in re.split(r"[，、,：:（(]", sentence):
        here = {s for s in subjects if s in part}
        named = here or named
        for value in numbers(part):
            holders = [f for f in facts if value in numbers(f.text)]
            if not holders and value not in clause_numbers:
                return f"数字 {value} 不在工具结果和条文中"
            if holders and named and value not in clause_numbers:
                owners = {s for f in holders for s in f.subjects}
                if owners and not owners & named:
                    return f"数字 {value} 不是“{'、'.join(sorted(named))}”的数字"
            if not holders and not _same_context(part, value, clause_texts):
                return f"数字 {value} 在条文中不是这个意思"
    return None


COMPARATORS = re.compile(
    r"(?:不(?:得|应|能)?|应当|应|为|是|须|在|至|最(?:长|短|高|低|多|少)|面积|期限|时间|达到?|"
    r"(?:超|少|多|低|高|大|小|短|长)(?:过|于)|以[上下内外]|满|计|共|约|期间?|年限|一般|占|合计|：|:)+$"
)


def _same_context(part: str, value: Decimal, texts: Sequence[str]) -> bool:
    """Whether the number stands by the same noun in some text: 耕地超过35 is not 农田超过35."""
    noun = _noun_before(part, value)
    if noun is None:
        return True
    for text in texts:
        for piece in re.split(r"[，、；。：:（）()\n]", text):
            if value in numbers(piece) and (noun in piece or _noun_before(piece, value) is None):
                before = _noun_before(piece, value)
                if before in (None, noun):
                    return True
    return False


def _noun_before(part: str, value: Decimal) -> str | None:
    """The two characters before a number once comparators are taken off; None at the start."""
    for match in re.finditer(f"{ARABIC.pattern}|{CHINESE_NUMBER.pattern}", part):
        if value in numbers(part[match.start() : match.end() + 3]):
            before = COMPARATORS.sub("", re.sub(r"[^\w]", "", part[: match.start()]))
            return before[-2:] if len(before) >= 2 else None
    return None


def _mark_problem(sentence: str, citations: Sequence[Citation]) -> str | None:
    marks = [int(m) for m in MARK.findall(sentence)]
    wrong = [m for m in marks if not 1 <= m <= len(citations)]
    if wrong:
        return f"引用了不存在的依据〔{wrong[0]}〕"
    articles = re.findall(
        r"第[一二三四五六七八九十百千零\d]+条(?:之[一二三四五六七八九十])?", sentence
    )
    known = {c.article for c in citations} | set(
        re.findall(r"第[一二三四五六七八九十百千零]+条", "".join(c.quote for c in citations))
    )
    unknown = [a for a in articles if a not in known]
    if unknown:
        return f"提到的{unknown[0]}不在所给条文中"
    if RULE_WORDS.search(sentence) and not marks:
        return "规则性表述没有标注依据"
    for claim, numbers_of_marks in _claims(sentence):
        clauses = [citations[m - 1] for m in numbers_of_marks]
        if RULE_WORDS.search(claim) and not any(_says(c, claim) for c in clauses):
            return f"表述与依据〔{numbers_of_marks[0]}〕的内容不对应"
    return None


def _claims(sentence: str) -> list[tuple[str, list[int]]]:
    """Split a sentence at its marks: what stands before a mark is what the mark must support."""
    pieces = re.split(r"((?:〔\d{1,2}〕)+)", sentence)
    return [
        (claim, [int(m) for m in MARK.findall(marks)])
        for claim, marks in zip(pieces[::2], pieces[1::2], strict=False)
    ]


OPENING = re.compile(
    r"^(?:[，。；、\s]|(?:根据|依据|依照|按照)[^，]*(?:，|规定)|因此|同时|其中|此外|另外|所以)+"
)
SUPPORT = 0.6
"""Least share of a claim's bigrams in one unit of its clause. Own choice, verified: false."""


def _says(citation: Citation, claim: str) -> bool:
    """Whether one sentence, or the head and one item, of a clause carries the claim.

    The claim's subject must stand in the same unit: 农用地 is not 永久基本农田.
    """
    claim = LABEL.sub("", OPENING.sub("", MARK.sub("", claim)))
    head = bigrams(claim[:3])
    return any(
        overlap(claim, unit) >= SUPPORT and head <= bigrams(unit)
        for unit in units(f"{citation.quote}\n{citation.point}")
    )


def units(text: str) -> list[str]:
    """Split a clause into what can be true by itself: sentences, and a head with each item."""
    found: list[str] = []
    head = ""
    for line in text.split("\n"):
        if re.match(r"^[（(][一二三四五六七八九十]+[）)]", line):
            item = re.sub(r"^[（(][一二三四五六七八九十]+[）)]", "", line)
            found += [head + item, _merged(head, item)]
            continue
        parts = [p for p in re.split(r"(?<=[。])", line) if p]
        found += parts
        head = parts[-1] if parts and parts[-1].rstrip().endswith(("：", ":")) else ""
    return found


def _merged(head: str, item: str) -> str:
    """征收下列土地的，由…批准： + 耕地…的； reads as 征收耕地…的，由…批准."""
    merged = re.sub(r"下列[^，：]*?(?=的|，|：)", item.rstrip("；。"), head, count=1)
    return merged.rstrip("：:").replace("的的", "的")


def _verdict_problem(sentence: str, verdict_failed: bool) -> str | None:
    if not verdict_failed:
        return None
    for match in FAVOURABLE.finditer(sentence):
        before = sentence[max(0, match.start() - 6) : match.end()]
        if not NEGATION.search(before):
            return "与检查结论相反"
    return None


def _denial_problem(sentence: str, facts: Sequence[Fact]) -> str | None:
    """A sentence that says the contrary of an occupation the tool has measured."""
    for fact in facts:
        for subject in fact.subjects:
            if not fact.text.startswith(f"占用{subject}"):
                continue
            name = re.escape(subject)
            denial = (
                rf"(?:不|未|没有|并未|均未)(?:占用|涉及|压占|触及|位于)[^，。；]{{0,12}}{name}"
                rf"|(?:在|位于)[^，。；]{{0,12}}{name}[^，。；]{{0,12}}(?:之外|以外|范围外)"
                rf"|(?:避开了|已避让|避让了)[^，。；]{{0,12}}{name}"
            )
            if re.search(denial, sentence):
                return f"与“{fact.text}”相反"
    return None
