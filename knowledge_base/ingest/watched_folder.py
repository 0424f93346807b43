"""What is known of a watched folder, and one look at it.

What was taken in is remembered (without names) beside the base; what failed is listed in the folder
itself, and tried again when it changes.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import yaml
from pydantic import ValidationError

from cspon.errors import InputError
from cspon.schemas.base import Frozen, Secrecy
from knowledge_base.catalogue import current_generation, read_catalogue
from knowledge_base.ingest.build_report import BuildReport, Failure
from knowledge_base.ingest.gather import still_there
from knowledge_base.ingest.vector_cache import Progress
from knowledge_base.parse.read import find_files

DEFAULTS = "入库设置.yaml"
NOT_TAKEN = "未入库.txt"
STATE = "watched"
BATCH = 1000
"""Files that are taken in together: a long first run is published step by step."""
SETTLE_SECONDS = 2.0

Stamp = tuple[int, int, str]
"""Size, time of change, and the defaults that hold for the file."""


class Defaults(Frozen):
    """What holds for the files of a folder: `入库设置.yaml` in it, or in the nearest folder above."""

    secrecy: Secrecy = Secrecy.PUBLIC
    department: str | None = None
    roles: tuple[str, ...] = ()


class WatchedFolder:
    """What is known of a watched folder, and one look at it."""

    def __init__(self, folder: Path, inbox: Path, defaults: Defaults, tell: Progress) -> None:
        self._folder, self._inbox, self._defaults, self.tell = folder, inbox, defaults, tell
        name = hashlib.blake2b(str(inbox).encode(), digest_size=8).hexdigest()
        self._file = folder / STATE / f"{name}.json"
        self._taken: dict[str, Stamp] = _read_state(self._file)
        self._seen: dict[Path, Stamp] = {}
        self._failed: dict[Path, Stamp] = {}
        self.failures: dict[str, Failure] = {}

    def take_in(
        self,
        add: Callable[[Sequence[Path], Defaults], BuildReport],
        remove: Callable[[Sequence[str]], BuildReport] | None,
        *,
        settle: bool,
    ) -> Iterable[BuildReport]:
        """Take in what is new, changed and settled; yield a report for each batch with news."""
        bad, now = self._snapshot()
        if settle and any(
            time.time_ns() - stamp[1] < SETTLE_SECONDS * 1e9 for stamp in now.values()
        ):
            time.sleep(SETTLE_SECONDS)
            self._seen, (bad, now) = now, self._snapshot()
        elif settle:
            self._seen = now
        settled = {path: stamp for path, stamp in now.items() if self._seen.get(path) == stamp}
        self._seen = now
        self.failures = {
            path: failure
            for path, failure in self.failures.items()
            if Path(path.partition("!/")[0]) in now
        } | bad
        orphans = self._orphans() if remove is not None and now else {}
        again = {path for path in settled if path.name in orphans.values()}
        wanted = [
            path
            for path, stamp in settled.items()
            if path in again
            or (self._taken.get(_key(path)) != stamp and self._failed.get(path) != stamp)
        ]
        for given, paths in _by_defaults(wanted, settled).items():
            for start in range(0, len(paths), BATCH):
                batch = paths[start : start + BATCH]
                try:
                    report = add(batch, given)
                except InputError as error:  # a file went away between the look and the reading
                    self.tell(f"稍后再试：{error}")
                    continue
                self._note(batch, settled, report)
                if report.added or report.changed or report.removed or report.failures:
                    yield report
        if remove is not None:
            yield from self._mirror(remove, now)
        self._write_failures()

    def _snapshot(self) -> tuple[dict[str, Failure], dict[Path, Stamp]]:
        """Return the files of folders whose settings are wrong, and the stamps of the others."""
        bad: dict[str, Failure] = {}
        stamps: dict[Path, Stamp] = {}
        for path in find_files([self._inbox]):
            try:
                given = self._given(path)
                stat = path.stat()
            except InputError as error:
                bad[str(path)] = Failure(
                    path=str(path), message=str(error), reason=error.message, mend=error.mend
                )
            except OSError:
                continue  # gone again
            else:
                if path.name != NOT_TAKEN:
                    stamps[path] = (stat.st_size, stat.st_mtime_ns, given.model_dump_json())
        return bad, stamps

    def _given(self, path: Path) -> Defaults:
        """Return what holds for a file.

        Raises:
            InputError: the settings of its folder are wrong; the file is not taken in then.
        """
        for above in path.parents:
            if not above.is_relative_to(self._inbox):
                break
            settings = above / DEFAULTS
            if settings.is_file():
                return _read_defaults(settings)
        return self._defaults

    def _note(self, batch: Sequence[Path], stamps: dict[Path, Stamp], report: BuildReport) -> None:
        failed = {Path(failure.path.partition("!/")[0]) for failure in report.failures}
        for path in batch:
            self.failures.pop(str(path), None)
            if path in failed:
                self._failed[path] = stamps[path]
            else:
                self._taken[_key(path)] = stamps[path]
        self.failures |= {failure.path: failure for failure in report.failures}
        _write(self._file, json.dumps(self._taken))

    def _orphans(self) -> dict[str, str]:
        """Return other names of documents whose file is gone from the folder, by document id."""
        return {
            document_id: other for document_id, others in self._gone().items() for other in others
        }

    def _gone(self) -> dict[str, tuple[str, ...]]:
        """Return the documents whose file was in the folder and is gone, with their other names."""
        generation = current_generation(self._folder)
        if generation is None:
            return {}
        return {
            entry.document.id: tuple(other.name for other in entry.others)
            for entry in read_catalogue(generation).entries
            if entry.place
            and Path(entry.place).is_relative_to(self._inbox)
            and not still_there(entry.place)
        }

    def _mirror(
        self, remove: Callable[[Sequence[str]], BuildReport], now: dict[Path, Stamp]
    ) -> Iterable[BuildReport]:
        """Remove what is gone from the folder; an empty folder is more likely one not mounted."""
        gone = list(self._gone())
        if gone and not now:
            self.tell(
                f"{self._inbox} 是空的，没有据此移除 {len(gone)} 份文件；确要清空，用 cspon kb remove"
            )
            return
        if gone:
            yield remove(gone)
        present = {_key(path) for path in now}
        if self._taken.keys() - present:
            self._taken = {key: stamp for key, stamp in self._taken.items() if key in present}
            _write(self._file, json.dumps(self._taken))

    def _write_failures(self) -> None:
        """List in the folder what was not taken in, and why; no list when there is nothing."""
        target = self._inbox / NOT_TAKEN
        lines = [
            f"{_shown(path, self._inbox)}\n  原因：{failure.reason}\n"
            + (f"  办法：{failure.mend}\n" if failure.mend else "")
            for path, failure in sorted(self.failures.items())
        ]
        try:
            if lines:
                text = (
                    f"以下 {len(lines)} 个文件没有入库；改正或替换后会自动再试。\n\n"
                    + "\n".join(lines)
                )
                if not target.exists() or target.read_text(encoding="utf-8") != text:
                    _write(target, text)
            else:
                target.unlink(missing_ok=True)
        except (OSError, UnicodeDecodeError) as error:
            self.tell(f"无法写入 {target}：{error}")


def _by_defaults(paths: Sequence[Path], stamps: dict[Path, Stamp]) -> dict[Defaults, list[Path]]:
    groups: dict[Defaults, list[Path]] = {}
    for path in paths:
        groups.setdefault(Defaults.model_validate_json(stamps[path][2]), []).append(path)
    return groups


def _read_defaults(path: Path) -> Defaults:
    try:
        return Defaults.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
        raise InputError(
            f"同目录的 {DEFAULTS} 有误，为免放宽权限，其下文件没有入库",
            file=path,
            mend="可写 secrecy（公开、内部、敏感）、department、roles（列表）三项",
        ) from error


def _read_state(path: Path) -> dict[str, Stamp]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return {str(key): (int(v[0]), int(v[1]), str(v[2])) for key, v in data.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}  # nothing is known: everything is looked at again, and found unchanged


def _key(path: Path) -> str:
    return hashlib.blake2b(str(path).encode("utf-8", "surrogateescape"), digest_size=12).hexdigest()


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def _shown(path: str, inbox: Path) -> str:
    return path.removeprefix(f"{inbox}/")
