"""The command line. Each module here holds the functions of one group of commands; nothing heavy is imported before one runs.

A `UserError` ends a command as one sentence on stderr and exit code 2.
"""

from __future__ import annotations

import gc
import io
import itertools
import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from functools import lru_cache
from typing import Annotated, Any, NoReturn

import typer

from mimica import __version__
from mimica.cli.commands import is_overview, register
from mimica.cli.spare import unused_left_out
from mimica.errors import UserError
from mimica.jobs.memory import keep_freed_memory

# The matrices of a frame are small: BLAS threads that wait for each other cost a third of the speed. Set before numpy loads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
keep_freed_memory()
# What a start makes (modules, classes, options) stays: looking for garbage in it every 700 objects is 8 % of an edit.
gc.set_threshold(100_000)

_STDERR = 2
"""The descriptor that C programs write their complaints to."""


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mimica {__version__}")
        raise typer.Exit


def _main(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Edit and animate facial expressions from one photo."""


def command_line(words: Sequence[str] | None = None) -> typer.Typer:
    """All commands, or those that the `words` after `mimica` need: see `commands.register`."""
    made = typer.Typer(
        name="mimica",
        help="Edit and animate facial expressions from one photo.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    made.callback()(_main)
    return register(made, words)


@lru_cache(1)
def _everything() -> typer.Typer:
    return command_line()


app: typer.Typer  # all of the command line, made when it is asked for


def __getattr__(name: str) -> Any:
    if name == "app":  # with all its commands, which takes a quarter of a second
        return _everything()
    raise AttributeError(f"module 'mimica.cli' has no attribute '{name}'")


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


def _output_is_named(words: Sequence[str]) -> None:
    """An empty name is a variable of the shell that is not set; as a path it would be the folder that one is in."""
    if "--output=" in words or {("-o", ""), ("--output", "")} & {*itertools.pairwise(words)}:
        raise UserError("--output is empty: name a file or a folder.")


def main() -> None:
    """The `mimica` command."""
    _be_quiet()
    _silence_libraries()
    try:
        words = None if "_MIMICA_COMPLETE" in os.environ else sys.argv[1:]
        _output_is_named(words or ())
        with unused_left_out() if is_overview(words) else nullcontext():
            code = command_line(words)(standalone_mode=False)
    except UserError as error:
        _fail(f"Error: {error}")
    except _UsageError as error:
        _wrong_usage(error)
    except (KeyboardInterrupt, typer.Abort):
        _fail("Interrupted.", 130)
    except MemoryError:
        _fail("Error: There is not enough memory for this: give less at once, smaller pictures or fewer --jobs.")
    except OSError as error:
        from mimica.files import refusal

        reason = refusal(error)
        if reason is None:
            raise
        where = f"'{error.filename}'" if error.filename else "The output"
        _fail(f"Error: {UserError(f'{where} cannot be written, {reason}')}")
    if code == 130:
        _fail("Interrupted.", 130)
    sys.exit(code if isinstance(code, int) else 0)
