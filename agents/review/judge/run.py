"""Judge the candidates of a submission by a model: votes, quotes, clauses; what is left out is told."""

import asyncio
import hashlib
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

from agents.review.case import Case
from agents.review.judge.cache import Answers
from agents.review.judge.goals import goals, indicators
from agents.review.judge.lines import allowed, clauses_for
from agents.review.judge.measures import measures
from agents.review.judge.pairs import contradictions
from agents.review.judge.question import (
    Answer,
    Question,
    answer_of,
    messages_for,
    questions,
    request_for,
)
from agents.review.judge.sentences import Candidate, sentences_of
from cspon.errors import InputError, ModelUnavailable
from cspon.schemas.knowledge import Basis, Citation
from cspon.schemas.review import Finding, NotReviewed, Place
from knowledge_base.base import KnowledgeBase
from llm.chat import ChatModel
from llm.fence import FENCE, NO_FENCE

Say = Callable[[str], None]
MOST = 60
"""Candidates of a kind that are judged; more are told as not reviewed."""
TOGETHER = 2
"""Candidates that are asked at once: what the embedded engine serves side by side."""


def model_findings(
    case: Case, model: ChatModel | None, base: KnowledgeBase | None, *,
    say: Say = lambda text: None, votes: int = 3, cache: Path | None = None,
) -> tuple[list[Finding], list[NotReviewed]]:  # fmt: skip
    """Judge what needs a model, in a loop of its own; connections of the model are closed at the end.

    Raises:
        InputError: the number of votes is not odd.
    """

    async def run() -> tuple[list[Finding], list[NotReviewed]]:
        try:
            return await judged(case, model, base, say=say, votes=votes, cache=cache)
        finally:
            if model is not None:
                await model.aclose()

    return asyncio.run(run())


async def judged(
    case: Case, model: ChatModel | None, base: KnowledgeBase | None, *,
    say: Say = lambda text: None, votes: int = 3, cache: Path | None = None,
) -> tuple[list[Finding], list[NotReviewed]]:  # fmt: skip
    """Judge what needs a model.

    Args:
        case: The submission.
        model: None: only what structure decides is found, and the rest is told as not reviewed.
        base: The law base; None: what control lines forbid is not reviewed.
        say: Progress with an estimate.
        votes: Answers to each question; more than half must find something wrong.
        cache: Folder of answers.

    Raises:
        InputError: the number of votes is not odd.
    """
    if votes < 1 or votes % 2 == 0:
        raise InputError(f"表决次数须为奇数，不是 {votes}", field="votes", mend="例如 1、3、5")
    found = candidates(case)
    findings = [_finding(case, c, None, "", 1.0) for c in found if c.message]
    asked, left = _within_limit([c for c in found if not c.message])
    if model is None:
        return findings, [
            NotReviewed(what=q.title, why="没有大模型，该项需要大模型判断")
            for q in questions().values()
        ]
    jobs: list[tuple[Candidate, list[Citation]]] = []
    lacking: Counter[str] = Counter()
    on_date = case.facts.text_date or date.today()
    for candidate in asked:
        clauses: list[Citation] = []
        if questions()[candidate.kind].clause:
            if base is None:
                lacking["没有法规库"] += 1
                continue
            clauses = clauses_for(candidate, case, base, on_date)
            if not clauses:
                lacking[f"法规库中没有关于{candidate.about}的现行禁止性条文"] += 1
                continue
        jobs.append((candidate, clauses))
    title = questions()["logic.forbidden_allowed"].title
    left += [NotReviewed(what=title, why=f"{why}，{n} 处未判断") for why, n in lacking.items()]
    judge = _Judge(case, model, votes, Answers(cache), say, len(jobs))
    results = await judge.all(jobs)
    return findings + [f for f in results if f is not None], left + judge.unanswered()


def candidates(case: Case) -> list[Candidate]:
    """Return what may be wrong, by rules alone."""
    said = sentences_of(case)
    return [
        *measures(case, said), *goals(case, said), *indicators(case, said),
        *allowed(said), *contradictions(said),
    ]  # fmt: skip


def _within_limit(found: Sequence[Candidate]) -> tuple[list[Candidate], list[NotReviewed]]:
    by_kind: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in found:
        by_kind[candidate.kind].append(candidate)
    left = [
        NotReviewed(what=questions()[kind].title, why=f"可疑处 {len(of)} 处，只判断了前 {MOST} 处")
        for kind, of in by_kind.items()
        if len(of) > MOST
    ]
    return [c for of in by_kind.values() for c in of[:MOST]], left


class _Judge:
    """One run over the candidates."""

    def __init__(
        self, case: Case, model: ChatModel, votes: int, answers: Answers, say: Say, total: int
    ) -> None:
        self._case, self._model, self._votes = case, model, votes
        self._answers, self._say, self._total = answers, say, total
        self._fence = NO_FENCE if model.name.startswith("embedded:") else FENCE
        self._done, self._calls, self._began = 0, 0, time.monotonic()
        self._failed: Counter[str] = Counter()
        self._why = ""
        self._spoilt: Counter[str] = Counter()

    async def all(self, jobs: Sequence[tuple[Candidate, list[Citation]]]) -> list[Finding | None]:
        """Judge all, a few at a time; once the model is away, nothing more is asked of it."""
        results: list[Finding | None] = []
        for at in range(0, len(jobs), TOGETHER):
            batch = jobs[at : at + TOGETHER]
            results += await asyncio.gather(*(self._one(*job) for job in batch))
            self._done += len(batch)
            spent = time.monotonic() - self._began
            rest = spent / self._done * (self._total - self._done)
            self._say(f"模型判断 {self._done}/{self._total}，约剩 {rest:.0f} 秒")
        return results

    def unanswered(self) -> list[NotReviewed]:
        """Say what the model did not answer."""
        return [
            NotReviewed(what=questions()[kind].title, why=f"{n} 处没有判断：{self._why}")
            for kind, n in self._failed.items()
        ] + [
            NotReviewed(what=questions()[kind].title, why=f"{n} 处模型的回答不成格式，没有判断")
            for kind, n in self._spoilt.items()
            if n
        ]

    async def _one(self, candidate: Candidate, clauses: list[Citation]) -> Finding | None:
        messages = messages_for(self._case, candidate, clauses, self._fence)
        wrong: list[Answer] = []
        spoilt = 0
        for vote in range(self._votes):
            needed = self._votes // 2 + 1 - len(wrong)
            if needed > self._votes - vote:
                break
            request = request_for(
                self._case, messages, candidate, len(clauses), vote=vote, votes=self._votes
            )
            text = self._answers.get(self._model.name, request)
            if text is None:
                if self._why:
                    self._failed[candidate.kind] += 1
                    return None
                try:
                    reply = await self._model.complete(request)
                except ModelUnavailable as error:
                    self._why = self._why or str(error)
                    self._failed[candidate.kind] += 1
                    return None
                text = reply.text
                self._answers.put(self._model.name, request, text)
            answer = answer_of(self._case, candidate, clauses, text)
            spoilt += answer is None
            if answer is not None and answer.wrong:
                wrong.append(answer)
        if len(wrong) * 2 < self._votes:
            self._spoilt[candidate.kind] += spoilt * 2 > self._votes
            return None
        return _finding(self._case, candidate, wrong[0], self._model.name, len(wrong) / self._votes)


def _finding(
    case: Case, candidate: Candidate, answer: Answer | None, model: str, share: float
) -> Finding:
    question: Question = questions()[candidate.kind]
    span, message, evidence = candidate.span, candidate.message, "表格中该栏未填写"
    also: tuple[Place, ...] = ()
    basis: tuple[Basis, ...] = ()
    if answer is not None:
        assert answer.span is not None, "an answer that finds something wrong has its quote"
        span = answer.span
        also = () if answer.other is None else (case.place(answer.other),)
        message, evidence = question.message, f"模型说明：{answer.reason}"
        if also:
            message += f"：另一处为“{also[0].quote}”"
        if answer.clause is not None:
            clause = answer.clause
            message += f"：{clause.label}“{answer.clause_quote}”"
            basis = (Basis(title=clause.title, article=clause.article, quote=answer.clause_quote),)
    place = case.place(span)
    told = (
        f"{candidate.kind} {place.file} {place.part} {place.paragraph} {place.start} {place.quote}"
    )
    return Finding(
        id=hashlib.sha256(f"{told} {message}".encode()).hexdigest()[:16], check="model",
        kind=candidate.kind, severity=question.severity, message=message, place=place, also=also,
        evidence=evidence, basis=basis, suggestion=question.suggestion, model=model,
        confidence=share,
    )  # fmt: skip
