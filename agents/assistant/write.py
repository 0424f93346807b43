"""Let the model write, sentence by sentence, and let only supported sentences through.

The stream is checked while it runs: a sentence is shown when it stands on the given facts and
clauses; the others are rewritten once, together. What still fails is shown with a mark, but for figures
and clauses that stand nowhere: a sentence with one of those is left out.
"""

import re
from collections.abc import AsyncIterator, Callable, Sequence

from agents.assistant.compose import NO_RULE, excerpt
from agents.assistant.grounding import Fact, Problem, check, invents, sentences
from agents.assistant.marks import attribute, remark
from agents.assistant.numbers import MARK
from agents.assistant.wording import PROMPTS
from cspon.schemas.agent import Usage
from cspon.schemas.base import Frozen
from cspon.schemas.knowledge import Citation
from llm.chat import ChatModel, ChatReply, ChatRequest, Message
from llm.fence import NO_FENCE, Fence, inside
from llm.prompts import fill_prompt

UNSUPPORTED = "（此句未获所列事实与条文支持，请勿引用）"
ENDS = "。！？\n"


class Grounds(Frozen):
    """What a text may stand on."""

    question: str
    facts: tuple[Fact, ...] = ()
    citations: tuple[Citation, ...] = ()
    verdict_failed: bool = False
    cite_every: bool = False
    """Whether every sentence states a rule and so needs its clause."""

    def mark(self, sentence: str) -> str:
        """Put the right marks on a sentence."""
        marked = remark(sentence, self.citations)
        return attribute(marked, self.citations) if self.cite_every else marked

    def verified(self) -> list[tuple[int, Citation]]:
        """Citations that the base confirms, with the numbers of their marks."""
        return [(n, c) for n, c in enumerate(self.citations, 1) if c.verification == "verified"]

    def check(self, text: str) -> list[Problem]:
        """Return the unsupported sentences of `text`."""
        if self.cite_every and not MARK.search(text):
            return [Problem(sentence=text, reason="没有标注依据")]
        return check(
            text,
            facts=self.facts,
            citations=self.citations,
            question=self.question,
            verdict_failed=self.verdict_failed,
        )

    def invents(self, problem: Problem) -> bool:
        """Say whether an unsupported sentence has a figure or a clause that stands nowhere."""
        return invents(
            problem.sentence,
            facts=self.facts,
            citations=self.citations,
            question=self.question,
        )


class Written(Frozen):
    """What came of a write."""

    text: str
    unsupported: tuple[Problem, ...] = ()
    """Marked in the text, or not used where there is none."""
    invented: tuple[Problem, ...] = ()
    """Left out: with a figure or a clause that stands nowhere."""
    usage: Usage = Usage()


def site_prompt(grounds: Grounds, limit: int = 5, fence: Fence = NO_FENCE) -> tuple[Message, ...]:
    """Facts that matter and clause points in; three sentences out."""
    facts = "；".join(fact.text.rstrip("。") for fact in grounds.facts if fact.shown)
    clauses = "\n".join(
        f"〔{n}〕{inside(c.point or excerpt(c.quote, grounds.question, 100))}"
        for n, c in grounds.verified()[:limit]
    )
    return _messages("explain_site.md", **fence._asdict(), facts=facts, clauses=clauses)


def result_prompt(grounds: Grounds, task: str) -> tuple[Message, ...]:
    """Facts that matter and what was done in; two or three sentences out."""
    facts = "\n".join(fact.text for fact in grounds.facts if fact.shown)
    return _messages("explain_result.md", task=task, facts=facts)


def qa_prompt(grounds: Grounds, limit: int = 4, fence: Fence = NO_FENCE) -> tuple[Message, ...]:
    """The best clauses and the question in; an answer with marks out."""
    clauses = "\n".join(
        f"〔{n}〕{inside(f'{c.label}：{excerpt(c.quote, grounds.question, 260)}')}"
        for n, c in grounds.verified()[:limit]
    )
    return _messages(
        "answer_regulation.md", **fence._asdict(), clauses=clauses, question=grounds.question
    )


async def write(
    model: ChatModel,
    messages: tuple[Message, ...],
    grounds: Grounds,
    emit: Callable[[str], None],
    *,
    max_tokens: int = 320,
    max_rewrites: int = 1,
    mark_alone: bool = True,
) -> Written:
    """Stream a checked text; `emit` gets each supported sentence as soon as it is whole.

    Sentences that stay unsupported follow with a mark, unless they invent something. With `mark_alone`
    false they are left to
    the caller (in `Written.unsupported`) when no supported sentence is there to follow.

    Raises:
        ModelUnavailable: the model does not answer or broke off; what was emitted stands.
    """
    kept: list[str] = []
    failed: list[Problem] = []
    replies: list[ChatReply] = []
    request = ChatRequest(messages=messages, max_tokens=max_tokens)
    seen = {re.sub(r"\W", "", fact.text) for fact in grounds.facts}  # copies of facts add nothing
    async for raw in _sentences(model, request, replies):
        sentence = grounds.mark(raw)
        plain = re.sub(r"\W", "", sentence)
        if plain and plain in seen:
            continue  # a small model may loop; a repeated sentence adds nothing
        seen.add(plain)
        if NO_RULE in sentence:
            continue  # the model found no answer: the caller quotes the nearest clauses instead
        problems = grounds.check(sentence)
        if problems:
            failed += problems
        else:
            kept.append(sentence)
            emit(sentence)
    marked: list[Problem] = []
    if failed and max_rewrites:
        rewritten, marked = await _rewrite(model, messages, grounds, failed, replies)
        for sentence in rewritten:
            if re.sub(r"\W", "", sentence) not in seen:
                kept.append(sentence)
                emit(sentence)
    elif failed:
        marked = failed
    invented = [problem for problem in marked if grounds.invents(problem)]
    marked = [problem for problem in marked if problem not in invented]
    for problem in marked if kept or mark_alone else ():
        text = problem.sentence.strip() + UNSUPPORTED
        kept.append(text)
        emit(text)
    usage = Usage(
        model_calls=len(replies),
        prompt_tokens=sum(r.prompt_tokens for r in replies),
        completion_tokens=sum(r.completion_tokens for r in replies),
    )
    return Written(
        text="".join(kept).strip(),
        unsupported=tuple(marked),
        invented=tuple(invented),
        usage=usage,
    )


async def _sentences(
    model: ChatModel, request: ChatRequest, replies: list[ChatReply]
) -> AsyncIterator[str]:
    """Yield whole sentences of a stream; a mark after the full stop belongs to the sentence."""
    buffer = ""
    async for delta in model.stream(request):
        if delta.reply is not None:
            replies.append(delta.reply)
        buffer += delta.text
        while (cut := _cut(buffer)) is not None:
            sentence, buffer = buffer[:cut], buffer[cut:]
            if sentence.strip():
                yield sentence
    finished = not replies or replies[-1].finish_reason != "length"
    if buffer.strip() and (finished or buffer.rstrip()[-1] in ENDS):
        yield buffer


def _cut(buffer: str) -> int | None:
    """Where the first sentence ends, once the character after it is known not to be a mark."""
    ends = [i for i, char in enumerate(buffer) if char in ENDS]
    if not ends:
        return None
    after = ends[0] + 1
    marks = re.match(r"(?:〔\d{1,2}〕)*", buffer[after:])
    end = after + (marks.end() if marks else 0)
    if end >= len(buffer) or (buffer[end] == "〔" and "〕" not in buffer[end:]):
        return None
    return end


async def _rewrite(
    model: ChatModel,
    messages: tuple[Message, ...],
    grounds: Grounds,
    failed: Sequence[Problem],
    replies: list[ChatReply],
) -> tuple[list[str], list[Problem]]:
    """Ask once for better sentences; return the supported ones and the problems that remain."""
    wrong = "\n".join(f"{p.sentence.strip()}（问题：{p.reason}）" for p in failed)
    request = ChatRequest(
        messages=(
            *messages,
            Message(role="assistant", content="".join(p.sentence for p in failed)),
            Message(role="user", content=fill_prompt(PROMPTS / "rewrite.md", wrong=wrong)),
        ),
        max_tokens=200,
    )
    reply = await model.complete(request)
    replies.append(reply)
    candidates = [grounds.mark(s) for s in sentences(reply.text)]
    good = [s for s in candidates if not grounds.check(s)]
    if good and len(good) == len(candidates):
        return good, []
    return good, list(failed)[len(good) :]


def _messages(prompt: str, **values: str) -> tuple[Message, ...]:
    """Split a prompt file at its `# role` lines: a stable beginning first, what changes last.

    The example is a turn of its own, which small models follow better than an example in words;
    the prompt cache keeps everything before the last turn.
    """
    turns = re.split(
        r"^# (system|user|assistant)\n", fill_prompt(PROMPTS / prompt, **values), flags=re.M
    )
    return tuple(
        Message.model_validate({"role": role, "content": content.strip()})
        for role, content in zip(turns[1::2], turns[2::2], strict=True)
    )
