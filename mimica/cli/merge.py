"""`mimica merge`: the parts of a long job, joined."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mimica.cli.options import check_output
from mimica.cli.spread import told
from mimica.errors import UserError


def merge(
    folder: Annotated[Path, typer.Argument(help="The folder that a job in parts has filled.", show_default=False)],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="The table to write, .csv or .parquet; of prepare the data set, a new folder.",
            show_default=False,
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print what was joined as JSON, in place of the name.")] = False,
) -> None:
    """Join the parts that annotate, edit or synthesize has filled a folder with into one table, or those of prepare into a data
    set.

    Errors of inputs go into a second table, NAME.errors, if there are any. Parts that are missing are named, and nothing is
    written. Exit codes: 0 every input gave its rows, 1 some gave errors, 2 nothing was written. Keys of --json: "output",
    "parts", "rows", "errors", "complete", "table", "errors_table".

    mimica merge aus -o aus.csv

    mimica merge data/parts -o data/mine
    """
    from mimica.jobs.merge import merge as run
    from mimica.jobs.merge import read_about

    check_output(output, (".csv", ".parquet"), None, folder=True)
    if not output.suffix:
        from mimica.prepare.parts import is_prepared, join

        if not is_prepared(folder):
            raise UserError(
                f"'{folder}' holds parts of {read_about(folder)['kind']}, which become a table: give --output a suffix."
            )
        told(join(folder, output), output, as_json)
        return
    told(run(folder, output), output, as_json)
