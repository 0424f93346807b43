"""The bureau's own entries: read from a folder, never code, never in place of a shipped entry."""

from pathlib import Path

from tools.library.definitions import own_files
from tools.library.entry import Entry, Kind, Problem
from tools.library.place import place
from tools.rules.model import Rule

ROOT = Path(__file__).resolve().parents[2]


def own_rules() -> tuple[Rule, ...]:
    """Return the bureau's own rules whose examples pass; switched-off ones included."""
    from tools.library.rules import own_definitions

    return tuple(d.said for d in own_definitions()[0].values())


def own_problems(kind: Kind) -> tuple[Problem, ...]:
    """List the bureau's own files of a kind that could not be taken in, and why."""
    match kind:
        case "rule":
            from tools.library.rules import own_definitions

            return own_definitions()[1]
        case "indicator":
            from tools.indicators.load import own_indicators

            return own_indicators()[1]
        case "model":
            from tools.models.load import own_models

            return own_models()[1]
        case "operator":
            return tuple(
                Problem(
                    kind="operator",
                    id=file.stem,
                    file=file.name,
                    message="算子的计算是随软件提供的函数，不能以文件增加",
                    mend="用已有算子组合成模型（放入 model 文件夹），或请开发单位增加算子",
                )
                for file in own_files("operator")
            )


def file_of(entry: Entry) -> Path:
    """Return the file of an entry."""
    if entry.origin == "shipped":
        return ROOT / entry.file
    where = place()
    assert where is not None and where.own is not None
    return where.own / entry.file


def shown_path(file: Path, origin: str) -> str:
    """Return the path of a file relative to the folder of its origin."""
    if origin == "shipped":
        return file.relative_to(ROOT).as_posix()
    where = place()
    assert where is not None and where.own is not None
    return file.resolve().relative_to(where.own.resolve()).as_posix()
