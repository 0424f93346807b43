"""Print the tables and warnings of a tool's result for a reader."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from cspon.schemas.spatial import Table, ToolResult

PIPE_WIDTH = 132
"""Columns of a table that goes to a file or a pipe."""


def console() -> "Console":
    """Return a console for stdout; a pipe gets a fixed width."""
    from rich.console import Console

    made = Console(highlight=False, soft_wrap=True)
    if not made.is_terminal:
        made.width = PIPE_WIDTH
    return made


def print_table(target: "Console", table: "Table") -> None:
    """Print one table with its note."""
    from rich.table import Table as Grid

    from tools.compliance.narrative import cell, heading

    grid = Grid(title=table.title, title_justify="left")
    for column in table.columns:
        grid.add_column(
            heading(column), justify="right" if column.unit else "left", overflow="fold"
        )
    for row in table.rows:
        grid.add_row(*(cell(row.get(c.key), c.unit) for c in table.columns))
    target.print(grid, soft_wrap=False)
    if table.note:
        target.print(f"注：{table.note}", style="dim")


def show_result(
    result: "ToolResult", *, lead: Iterable[str] = (), skip: Iterable[str] = ()
) -> None:
    """Print a result: lead, tables that have rows, warnings on stderr."""
    target, left_out = console(), set(skip)
    for line in lead:
        target.print(line)
    for table in result.tables:
        if table.rows and table.name not in left_out:
            print_table(target, table)
    for warning in result.warnings:
        typer.echo(f"注意：{warning}", err=True)


def print_json(result: "ToolResult") -> None:
    """Print a result as JSON."""
    typer.echo(json.dumps(result.model_dump(mode="json"), ensure_ascii=False, indent=2))


def say_saved(files: dict[str, Path], notices: Iterable[str] = ()) -> None:
    """Tell on stderr what was written."""
    for notice in notices:
        typer.echo(f"注意：{notice}", err=True)
    for kind, path in files.items():
        typer.echo(f"已保存 {kind}：{path}", err=True)
