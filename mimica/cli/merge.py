"""`mimica merge`: the parts of a long job, joined."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mimica.cli.options import check_output
from mimica.cli.spread import told


def merge(
    folder: Annotated[Path, typer.Argument(help="The folder that a job in parts has filled.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The table to write, .csv or .parquet.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print what was joined as JSON, in place of the name.")] = False,
) -> None:
    """Join the parts that annotate, edit or synthesize has filled a folder with into one table.

    Errors of inputs go into a second table, NAME.errors, if there are any. Parts that are missing are named, and nothing is
    written. Exit codes: 0 every input gave its rows, 1 some gave errors, 2 nothing was written. Keys of --json: "output",
    "parts", "rows", "errors", "complete", "table", "errors_table".

    mimica merge aus -o aus.csv
    """
    from mimica.jobs.merge import merge as run

    check_output(output, (".csv", ".parquet"), None)
    told(run(folder, output), output, as_json)
