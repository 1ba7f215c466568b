"""Options that evaluations share, and the tables that they print."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
AsJsonTables = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
PeopleArgument = Annotated[list[Path], typer.Argument(help="Photos, or folders of them, one person each.", show_default=False)]
LimitOption = Annotated[int, typer.Option("--limit", help="Take the first so many photos; 0: all.", min=0)]
VideoSize = Annotated[int, typer.Option("--size", help="Longer side in pixels; larger photos are made smaller.", min=64)]


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]] = ()) -> Table:
    """A table with words on the left and figures to the right of them."""
    from rich.table import Table

    made = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        made.add_column(column, justify="right" if number else "left")
    for row in rows:
        made.add_row(*row)
    return made


def show(*tables: Table, width: int | None = None) -> None:
    """Prints tables; `width` where the terminal's would cut names."""
    from rich.console import Console

    console = Console(width=width)
    for one in tables:
        console.print(one)


def left_out(sentences: Iterable[str]) -> None:
    """What could not be measured, one line each on stderr."""
    for sentence in sentences:
        typer.echo(f"Left out: {sentence}", err=True)


def tracking(figures: Mapping[str, Mapping[str, float]]) -> Table:
    """How well Action Units are followed, by unit."""
    rows = [(name, f"{row['r']:.2f}", f"{row['mae']:.2f}") for name, row in figures.items()]
    return table("Action Units asked against read", ("", "Pearson r", "mean abs. error"), rows)
