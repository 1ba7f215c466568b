"""The command line. Each module here holds the functions of one group of commands; nothing heavy is imported before one runs.

A `UserError` ends a command as one sentence on stderr and exit code 2.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Annotated

import typer

from mimica import __version__
from mimica.errors import UserError
from mimica.jobs.memory import keep_freed_memory

# The matrices of a frame are small: BLAS threads that wait for each other cost a third of the speed. Set before numpy loads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
keep_freed_memory()

app = typer.Typer(
    name="mimica",
    help="Edit and animate facial expressions from one photo.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

# Command -> module:function, in the order of the help.
_COMMANDS = {
    "Pictures and videos": {
        "edit": "mimica.cli.edit:edit",
        "animate": "mimica.cli.animate:animate",
        "drive": "mimica.cli.drive:drive",
        "grid": "mimica.cli.grid:grid",
        "attributes": "mimica.cli.attributes:app",
        "generate": "mimica.cli.generate:generate",
        "project": "mimica.cli.project:project",
        "directions": "mimica.cli.directions:app",
        "transition": "mimica.cli.transition:transition",
    },
    "Measuring": {
        "read": "mimica.cli.read:read",
        "annotate": "mimica.cli.annotate:annotate",
        "evaluate": "mimica.cli.evaluate:app",
        "bench": "mimica.cli.bench:bench",
        "clean": "mimica.cli.clean:clean",
        "benchmark": "mimica.cli.benchmark:app",
    },
    "Training": {
        "prepare": "mimica.cli.prepare:prepare",
        "train": "mimica.cli.train:train",
        "export": "mimica.cli.export:app",
        "convert": "mimica.cli.convert:convert",
    },
}


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mimica {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Edit and animate facial expressions from one photo."""


def _register() -> None:
    for panel, commands in _COMMANDS.items():
        for name, target in commands.items():
            module, function = target.split(":")
            command = getattr(importlib.import_module(module), function)
            if isinstance(command, typer.Typer):
                app.add_typer(command, name=name, rich_help_panel=panel)
            else:
                app.command(name, rich_help_panel=panel)(command)


_register()


def main() -> None:
    """The `mimica` command."""
    try:
        app()
    except UserError as error:
        typer.echo(f"Error: {error}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo("Interrupted.", err=True)
        sys.exit(130)
