"""The command line. Each module here holds the functions of one group of commands; nothing heavy is imported before one runs.

A `UserError` ends a command as one sentence on stderr and exit code 2.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
import warnings
from contextlib import suppress
from typing import Annotated, Any, NoReturn

import typer

from mimica import __version__
from mimica.errors import UserError
from mimica.files import refusal
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
        "live": "mimica.cli.live:live",
        "web": "mimica.cli.web:web",
        "grid": "mimica.cli.grid:grid",
        "attributes": "mimica.cli.attributes:app",
        "generate": "mimica.cli.generate:generate",
        "project": "mimica.cli.project:project",
        "directions": "mimica.cli.directions:app",
        "transition": "mimica.cli.transition:transition",
    },
    "Measuring": {
        "read": "mimica.cli.read:read",
        "expressions": "mimica.cli.expressions:expressions",
        "annotate": "mimica.cli.annotate:annotate",
        "merge": "mimica.cli.merge:merge",
        "evaluate": "mimica.cli.evaluate:app",
        "bench": "mimica.cli.bench:bench",
        "clean": "mimica.cli.clean:clean",
        "benchmark": "mimica.cli.benchmark:app",
    },
    "What a file says of itself": {
        "verify": "mimica.cli.marks:verify",
        "mark": "mimica.cli.marks:mark",
    },
    "Training": {
        "prepare": "mimica.cli.prepare:prepare",
        "synthesize": "mimica.cli.synthesize:synthesize",
        "train": "mimica.cli.train:train",
        "export": "mimica.cli.export:app",
        "convert": "mimica.cli.convert:convert",
    },
}


_STDERR = 2
"""The descriptor that C programs write their complaints to."""


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


_UsageError: type[Exception] = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
"""What the command line's parser raises; typer has it under changing names."""


def _be_quiet() -> None:
    """Libraries' warnings are not for the people who give the commands, and no name of a file stops a line of ours."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _silence_libraries() -> None:
    """What compiled libraries (libtiff, FFmpeg, ONNX Runtime) write past Python goes nowhere; what Python says goes where it
    went. Python's development mode (PYTHONDEVMODE=1) shows both."""
    if sys.flags.dev_mode or sys.stderr is not sys.__stderr__ or not isinstance(sys.stderr, io.TextIOWrapper):
        return
    with suppress(OSError, ValueError):  # a stderr that is closed, or is no file
        if sys.stderr.fileno() != _STDERR:
            return
        sys.stderr.flush()
        ours = os.fdopen(os.dup(_STDERR), "w", buffering=1, encoding=sys.stderr.encoding, errors="replace")
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), _STDERR)
        sys.stderr = sys.__stderr__ = ours  # type: ignore[misc]


def _fail(sentence: str, code: int = 2) -> NoReturn:
    typer.echo(sentence, err=True)
    sys.exit(code)


def _wrong_usage(error: Any) -> NoReturn:
    """A sentence in place of the parser's box, which repeats arguments of any length."""
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        sys.exit(error.exit_code)
    command = error.ctx.command_path if getattr(error, "ctx", None) else "mimica"
    _fail(f"Error: {UserError(error.format_message())} See `{command} --help`.", error.exit_code)


def main() -> None:
    """The `mimica` command."""
    _be_quiet()
    _silence_libraries()
    try:
        code = app(standalone_mode=False)
    except UserError as error:
        _fail(f"Error: {error}")
    except _UsageError as error:
        _wrong_usage(error)
    except (KeyboardInterrupt, typer.Abort):
        _fail("Interrupted.", 130)
    except MemoryError:
        _fail("Error: There is not enough memory for this: give less at once, smaller pictures or fewer --jobs.")
    except OSError as error:
        reason = refusal(error)
        if reason is None:
            raise
        where = f"'{error.filename}'" if error.filename else "The output"
        _fail(f"Error: {UserError(f'{where} cannot be written, {reason}')}")
    if code == 130:
        _fail("Interrupted.", 130)
    sys.exit(code if isinstance(code, int) else 0)
