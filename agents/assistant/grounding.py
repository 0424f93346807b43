"""Does a sentence stand on its facts and clauses? Deterministic checks of what a model wrote.

Knows numbers, marks, rule words and wording overlap. Does not know where facts come from.
"""

import re
from collections.abc import Sequence
from decimal import Decimal

from agents.assistant.marks import claims, overlap, says
from agents.assistant.numbers import ARABIC, CHINESE_NUMBER, MARK, numbers
from agents.assistant.verify import unknown_clauses
from cspon.schemas.base import Frozen
from cspon.schemas.knowledge import Citation

SENTENCE = re.compile(r"[^。！？；\n]+[。！？；]?(?:〔\d{1,2}〕)*|\n+")
RULE_WORDS = re.compile(
    r"应当|不得|禁止|必须|严禁|须经|需经|须由|应由|由[^，。]{1,20}批准|报[^，。]{1,12}批准|"
    r"可以依法|有权|负责审批|罚款|责令|依照|按照[^，。]{0,12}规定|依据|根据《|第[一二三四五六七八九十百千零\d]+条"
)
TITLE = re.compile(r"《([^》\n]+)》")
MARKUP = re.compile(r"!\[|\]\(|</?[a-zA-Z]|https?://|```")
"""A model writes sentences; pictures, links and tags would reach pages and reports."""
NEGATION = re.compile(r"不|未|无法|难以|禁止|暂缓|尚|否")
PERMITS = re.compile(
    r"(?<![不是否未可])(?:可以|允许|准许|可)(?=(?:在|被|用于?|用来)?[^，。；、]{0,6}"
    r"(?:种|建|占|挖|采|开|养|改|转|用|设|搬|拆|迁|砍|伐|放牧|发展|从事|进行|修|填))(?!.{0,30}[吗？])"
)
"""A sentence that says that something may be done to land or buildings."""
PERMITTING = re.compile(r"可以|允许|准许|许可|批准|同意|方可|可(?=[一-鿿])(?!能|行)|不受|除外")
"""What a clause must say at least, so that a permission can rest on it."""
FAVOURABLE = re.compile(
    r"(?:选址|项目|方案|用地)?(?:总体|基本)?(可行|符合(?:要求|规定|规划)|可以(?:建设|占用|实施|选址)|予以通过)"
)


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
    everything = _everything(facts, citations, question)
    problems = []
    for sentence in sentences(text):
        reason = (
            ("含有图片、链接或标签" if MARKUP.search(sentence) else None)
            or _number_problem(sentence, facts, citations, question)
            or _title_problem(sentence, everything)
            or _mark_problem(sentence, citations)
            or _verdict_problem(sentence, verdict_failed)
            or _denial_problem(sentence, facts)
            or _permission_problem(sentence, citations)
            or (
                "与所给事实和条文的文字对应不足"
                if overlap(sentence, everything) < min_overlap
                else None
            )
        )
        if reason:
            problems.append(Problem(sentence=sentence, reason=reason))
    return problems


def invents(
    sentence: str, *, facts: Sequence[Fact], citations: Sequence[Citation], question: str
) -> bool:
    """Say whether a sentence has a figure, a law, a clause or a mark that stands nowhere in its grounds.

    Such a sentence is false, whatever else it says; another that is not supported may be a paraphrase.
    A permission that no cited clause gives counts as such: the contrary of a ban reads much like the ban.
    """
    everything = _everything(facts, citations, question)
    return (
        not numbers(sentence) <= numbers(everything)
        or _title_problem(sentence, everything) is not None
        or any(not 1 <= int(mark) <= len(citations) for mark in MARK.findall(sentence))
        or bool(_unknown_articles(sentence, citations))
        or bool(unknown_clauses(sentence, citations))
        or _permission_problem(sentence, citations) is not None
    )


def _everything(facts: Sequence[Fact], citations: Sequence[Citation], question: str) -> str:
    clauses = [f"{c.label}{c.quote}{c.point}" for c in citations]
    return "\n".join([f.text for f in facts] + clauses + [question])


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


def _title_problem(sentence: str, everything: str) -> str | None:
    for title in TITLE.findall(sentence):
        if title.removeprefix("中华人民共和国") not in everything:
            return f"提到的《{title}》不在工具结果和条文中"
    return None


def _mark_problem(sentence: str, citations: Sequence[Citation]) -> str | None:
    marks = [int(m) for m in MARK.findall(sentence)]
    wrong = [m for m in marks if not 1 <= m <= len(citations)]
    if wrong:
        return f"引用了不存在的依据〔{wrong[0]}〕"
    if unknown := _unknown_articles(sentence, citations):
        return f"提到的{unknown[0]}不在所给条文中"
    if RULE_WORDS.search(sentence) and not marks:
        return "规则性表述没有标注依据"
    for claim, numbers_of_marks in claims(sentence):
        clauses = [citations[m - 1] for m in numbers_of_marks]
        if RULE_WORDS.search(claim) and not any(says(c, claim) for c in clauses):
            return f"表述与依据〔{numbers_of_marks[0]}〕的内容不对应"
    return None


def _unknown_articles(sentence: str, citations: Sequence[Citation]) -> list[str]:
    articles = re.findall(
        r"第[一二三四五六七八九十百千零\d]+条(?:之[一二三四五六七八九十])?", sentence
    )
    known = {c.article for c in citations} | set(
        re.findall(r"第[一二三四五六七八九十百千零]+条", "".join(c.quote for c in citations))
    )
    return [a for a in articles if a not in known]


def _verdict_problem(sentence: str, verdict_failed: bool) -> str | None:
    if not verdict_failed:
        return None
    for match in FAVOURABLE.finditer(sentence):
        before = sentence[max(0, match.start() - 6) : match.end()]
        if not NEGATION.search(before):
            return "与检查结论相反"
    return None


def _permission_problem(sentence: str, citations: Sequence[Citation]) -> str | None:
    """A permission whose clauses permit nothing: 可以种果树, on a clause that punishes planting."""
    if not PERMITS.search(sentence):
        return None
    cited = [citations[m - 1] for m in map(int, MARK.findall(sentence)) if 1 <= m <= len(citations)]
    if cited and not any(PERMITTING.search(c.quote or c.point) for c in cited):
        return "说“可以”，而所引条文没有允许"
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
