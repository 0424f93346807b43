"""Errors, split by who has to act.

`SetupError` and `InputError` reach a person: they print without a traceback and exit 2.
`RetryTool` and `ToolFailed` reach the agent graph. Everything else is a bug.
"""


class CsponError(Exception):
    """Root of every error this project raises on purpose."""


class SetupError(CsponError):
    """Something must be installed, started or configured by the user.

    Args:
        message: What is wrong, in Chinese.
        mend: The command or setting that mends it.
    """

    def __init__(self, message: str, *, mend: str = "") -> None:
        self.message, self.mend = message, mend
        super().__init__(f"{message}\n处理办法：{mend}" if mend else message)


class InputError(CsponError):
    """A file, layer, row or field that the user gave is wrong.

    Args:
        message: What is wrong, in Chinese.
        file: Path of the offending file.
        layer: Layer inside it.
        row: Row, line or feature (1-based, as a user would count).
        field: Field or column name.
        mend: What the user can do about it.
    """

    def __init__(
        self,
        message: str,
        *,
        file: object = None,
        layer: str | None = None,
        row: int | None = None,
        field: str | None = None,
        mend: str = "",
    ) -> None:
        self.message, self.mend = message, mend
        self.file = None if file is None else str(file)
        self.layer, self.row, self.field = layer, row, field
        places = [
            f"{label} {value}"
            for label, value in (("文件", self.file), ("图层", layer), ("第", row), ("字段", field))
            if value is not None
        ]
        where = "，".join(f"{p} 行" if p.startswith("第 ") else p for p in places)
        text = f"{where}：{message}" if where else message
        super().__init__(f"{text}\n处理办法：{mend}" if mend else text)


class RetryTool(CsponError):
    """A tool call was wrong in a way that the caller can mend and try again."""


class ToolFailed(CsponError):
    """A tool failed for good; the model may see the reason."""


class ModelUnavailable(CsponError):
    """A model server does not answer; callers degrade to the provider `none` with a notice."""


def missing_extra(package: str, extra: str) -> SetupError:
    """Build the error for an optional package that is not installed."""
    return SetupError(
        f"缺少组件 {package}（属于可选安装项 {extra}）",
        mend=f"pip install -e '.[{extra}]'，或运行 make setup",
    )
