"""Reviews that are kept: begun, decided over days, finished, compared with the round before.

A review is a folder: its files as they were handed in, `meta.json`, `decisions.jsonl`, `results/`. Who may see it
is its owner and the owner's departments; to others it does not exist.
"""

import json
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from agents.review.case import Case, Facts
from agents.review.decisions import Decision, Log, decided, lessons, require_reason
from agents.review.laws import Laws
from agents.review.rounds import Round, compare
from agents.review.run import Say
from agents.review.submission import case_of
from agents.review.workflow import Judge, Workflow
from agents.review.write.files import save
from agents.review.write.sketch import sketches
from cspon.errors import InputError, SetupError
from cspon.schemas.agent import Principal
from cspon.schemas.base import Frozen
from cspon.schemas.review import Review

NUMBER = re.compile(r"rev-[0-9a-f]{16}")
ROLES = ("text", "explanation", "tables", "database")


class Meta(Frozen):
    """What is known of a kept review."""

    number: str
    owner: str
    departments: tuple[str, ...]
    begun: datetime
    files: dict[str, str]
    """Names below `files/` by role."""
    facts: Facts
    before: str = ""
    """Number of the round before."""


class Reviews:
    """The reviews below a folder.

    Args:
        folder: Where they are kept.
        laws: The laws that texts may cite; None: there is no base.
        judge: Adds what a model judges; None: no model.
        say: Progress.
    """

    def __init__(
        self, folder: Path, *, laws: Laws | None = None, judge: Judge | None = None,
        say: Say = lambda text: None,
    ) -> None:  # fmt: skip
        self._folder, self._laws = folder, laws
        self._flow = Workflow(
            folder / "checkpoints.sqlite", self._open, judge, self._write_results, say
        )

    def begin(
        self, files: dict[str, Path], facts: Facts, who: Principal, *, before: str = ""
    ) -> str:
        """Take a submission in and check it; returns the number of the review.

        Args:
            files: By role: `text`, `explanation`, `tables`, `database` (a file or a folder).
            facts: What is said of it.
            who: Who reviews; owns the review.
            before: Number of the round before.

        Raises:
            InputError: a file is missing or cannot be read; no review is left behind.
            SetupError: the folder cannot be written.
        """
        if before:
            self.meta(before, who)
        number = f"rev-{secrets.token_hex(8)}"
        place = self._folder / number
        draft = self._folder / f".{number}"
        names = {role: path.name for role, path in files.items()}
        meta = Meta(
            number=number, owner=who.user, departments=who.departments, begun=datetime.now(UTC),
            files=names, facts=facts, before=before,
        )  # fmt: skip
        try:
            for role, path in files.items():
                if not path.exists():
                    raise InputError("没有这个文件", file=path)
                target = draft / "files" / role / path.name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copytree(path, target) if path.is_dir() else shutil.copy2(path, target)
            (draft / "meta.json").write_text(meta.model_dump_json(indent=2), encoding="utf-8")
            draft.replace(place)
        except OSError as error:
            raise SetupError(f"送审文件存不下：{error}", mend="检查磁盘空间和权限") from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        try:
            self._flow.go_on(number, start=True)
        except InputError:
            shutil.rmtree(place, ignore_errors=True)
            raise
        return number

    def go_on(self, number: str, who: Principal) -> str:
        """Go on with a review whose process ended in the middle; returns `decide` or `written`."""
        self.meta(number, who)
        waits = self._flow.waits_for(number)
        if waits == "decide" or (not waits and self._flow.review_of(number) is not None):
            return waits or "written"
        return self._flow.go_on(number, start=not waits)

    def meta(self, number: str, who: Principal) -> Meta:
        """Return what is known of a review.

        Raises:
            InputError: there is none of that number that one may see.
        """
        file = self._folder / number / "meta.json"
        try:
            if not NUMBER.fullmatch(number):
                raise FileNotFoundError(number)
            meta = Meta.model_validate_json(file.read_bytes())
        except (FileNotFoundError, ValidationError):
            raise _none(number) from None
        if who.user != meta.owner and not set(who.departments) & set(meta.departments):
            raise _none(number)
        return meta

    def listed(self, who: Principal) -> list[Meta]:
        """Return the reviews that one may see, the newest first."""
        found = []
        for folder in self._folder.glob("rev-*"):
            try:
                found.append(self.meta(folder.name, who))
            except InputError:
                continue
        return sorted(found, key=lambda meta: meta.begun, reverse=True)

    def review(self, number: str, who: Principal) -> Review:
        """Return a review with what was decided so far.

        Raises:
            InputError: there is none, or its checks have not ended.
        """
        self.meta(number, who)
        return self._decided(number)

    def decide(self, number: str, who: Principal, decision: Decision) -> Review:
        """Put a decision of one finding on record; returns the review with it.

        Raises:
            InputError: no such finding, no reason, or the review is finished.
        """
        self.meta(number, who)
        if self._flow.waits_for(number) != "decide":
            raise InputError(f"{number} 已经办结或尚未查完", mend="办结后不能再改；可以另起一轮")
        require_reason(decision)
        current = self._decided(number)
        if decision.finding not in {finding.id for finding in current.findings}:
            raise InputError(f"没有意见 {decision.finding}", mend="用 cspon reviews show 查看编号")
        self._log(number).append(decision)
        return decided(current, [decision])

    def finish(self, number: str, who: Principal) -> Path:
        """Write the results of a review; undecided findings stay open in them. Returns the folder."""
        self.meta(number, who)
        if self._flow.waits_for(number) == "decide":
            self._flow.go_on(number, done=True)
        elif self._flow.waits_for(number):
            self._flow.go_on(number)
        return self._folder / number / "results"

    def rounds(self, number: str, who: Principal) -> list[Round]:
        """Return what became of the findings of the round before.

        Raises:
            InputError: it is a first round.
        """
        meta = self.meta(number, who)
        if not meta.before:
            raise InputError(f"{number} 是第一轮", mend="送审时用 --before 指明上一轮")
        self.meta(meta.before, who)
        with self._open(meta.before) as old, self._open(number) as new:
            return compare(self._decided(meta.before), old.text, self._decided(number), new.text)

    def _decided(self, number: str) -> Review:
        found = self._flow.review_of(number)
        if found is None:
            raise InputError(f"{number} 尚未查完", mend="用 cspon reviews resume 接着做")
        return decided(found, self._log(number).read())

    def _log(self, number: str) -> Log:
        return Log(self._folder / number / "decisions.jsonl")

    @contextmanager
    def _open(self, number: str) -> Iterator[Case]:
        meta = Meta.model_validate_json((self._folder / number / "meta.json").read_bytes())
        paths = {
            role: self._folder / number / "files" / role / name for role, name in meta.files.items()
        }
        text = paths.pop("text")
        yield case_of(text, meta.facts, laws=self._laws, **paths)

    def _write_results(self, number: str, found: Review) -> None:
        decisions = self._log(number).read()
        results = self._folder / number / "results"
        with self._open(number) as case:
            done = decided(found, decisions)
            text = next((self._folder / number / "files" / "text").iterdir())
            save(
                done, case.text, text, results, at=datetime.now(UTC).astimezone(),
                maps=sketches(done, case.database),
            )  # fmt: skip
        told = lessons(found, decisions)
        lines = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in told)
        (results / "lessons.jsonl").write_text(lines, encoding="utf-8")


def _none(number: str) -> InputError:
    return InputError(f"没有审查 {number}", mend="用 cspon reviews list 查看")
