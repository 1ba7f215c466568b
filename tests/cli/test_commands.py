"""The table of commands, and a command line that loads no more of them than it needs."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest
import typer

from mimica.cli import app, command_line
from mimica.cli.commands import COMMANDS


def loaded(words: list[str]) -> set[str]:
    """Modules of commands that a command line for the words has imported."""
    code = f"import sys; from mimica.cli import command_line; command_line({words!r})\nprint(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    own = {name for name in ended.stdout.split() if name.startswith("mimica.cli.")}
    return own - {"mimica.cli.commands", "mimica.cli.spare"}


def test_the_table_says_what_the_docstrings_say() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    told = {name: says for part in COMMANDS.values() for name, (_, says) in part.items()}
    assert told.keys() == commands.keys()
    for name, command in commands.items():
        assert told[name] == inspect.cleandoc(command.help).split("\n\n")[0].replace("\n", " "), name


def test_help_and_version_load_no_command() -> None:
    assert loaded(["--help"]) == loaded(["--version"]) == loaded([]) == set()


def test_a_command_loads_no_other() -> None:
    found = loaded(["verify", "a.jpg"])
    assert "mimica.cli.marks" in found and not {"mimica.cli.edit", "mimica.cli.train", "mimica.cli.evaluate"} & found


@pytest.mark.parametrize("words", [["nosuch"], ["--", "edit"], ["--nosuch"]])
def test_anything_else_loads_all_of_them(words: list[str]) -> None:
    assert typer.main.get_command(command_line(words)).commands.keys() == typer.main.get_command(app).commands.keys()  # type: ignore[attr-defined]


def test_what_is_only_listed_is_listed_in_full() -> None:
    def help_of(made: typer.Typer) -> str:
        command = typer.main.get_command(made)
        return "\n".join(f"{n} {c.rich_help_panel}" for n, c in command.commands.items())  # type: ignore[attr-defined]

    assert help_of(command_line(["--help"])) == help_of(app)


@pytest.mark.parametrize(("words", "shown"), [(["--help"], "mimica[live]"), (["web", "--help"], "mimica[web]")])
def test_brackets_of_extras_survive_the_help(words: list[str], shown: str) -> None:
    done = subprocess.run([sys.executable, "-m", "mimica", *words], capture_output=True, text=True, check=True)
    assert shown in done.stdout
