"""The files of a review, each written whole or not at all."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from agents.review.document import Read
from agents.review.write.forms import opinion_docx, opinion_xlsx
from agents.review.write.marked_docx import marked
from agents.review.write.page import page
from cspon.errors import SetupError
from cspon.schemas.review import Review

TITLES = {
    "_批注.docx": "批注文本", "_审查意见表.xlsx": "意见表", "_审查意见表.docx": "意见表（Word）",
    "_审查.html": "网页", "_审查.json": "数据",
}  # fmt: skip


def save(
    review: Review,
    read: Read,
    text: Path,
    folder: Path,
    *,
    at: datetime,
    maps: Mapping[str, str] | None = None,
) -> dict[str, Path]:
    """Write the marked document, the opinion forms, the page and the data.

    Args:
        review: The review.
        read: The plan text as it was read.
        text: The file that was submitted; it is not changed.
        folder: Where to; made when missing.
        at: Time of the comments.
        maps: Small maps of findings for the page, by id.

    Returns:
        What was written, by its title.

    Raises:
        SetupError: the folder cannot be written.
    """
    stem = text.stem
    data = review.model_dump_json(indent=2, exclude_defaults=True).encode()
    wanted: dict[str, Callable[[Path], object]] = {
        f"{stem}_审查意见表.xlsx": lambda path: opinion_xlsx(review, path),
        f"{stem}_审查意见表.docx": lambda path: opinion_docx(review, path),
        f"{stem}_审查.html": lambda path: path.write_text(
            page(review, read, maps), encoding="utf-8"
        ),
        f"{stem}_审查.json": lambda path: path.write_bytes(data),
    }
    if text.suffix.lower() == ".docx":
        findings = [f for f in review.findings if f.place is None or f.place.file == read.name]
        content = marked(text.read_bytes(), findings, at=at)
        wanted = {f"{stem}_批注.docx": lambda path: path.write_bytes(content), **wanted}
    made: dict[str, Path] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, write in wanted.items():
            draft = folder / f".{name}.draft"
            write(draft)
            draft.replace(folder / name)
            made[TITLES[name.removeprefix(stem)]] = folder / name
    except OSError as error:
        raise SetupError(f"结果写不了：{error}", mend="检查目录权限和磁盘空间") from error
    return made
